// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Unwind information of code made at run time. LLVM hands the .eh_frame of every compiled module to
// libgcc, once per compiled query, and takes it back when the query ends.
#pragma once

#include "unwind_maps.h"

static __always_inline int is_unwound(__u32 pid) {
  return bpf_map_lookup_elem(&unwind_processes, &pid) != 0;
}

// void __register_frame(void *begin), in libgcc_s.so.1
static __always_inline int register_frame(const void* begin) {
  const __u32 pid = bpf_get_current_pid_tgid() >> 32;
  if (!is_unwound(pid)) return 0;
  struct pgf_jit_record* record = bpf_ringbuf_reserve(&unwind_ring, sizeof(*record), 0);
  if (!record) return 0;
  record->head.kind = PGF_RECORD_JIT;
  record->head.pid = pid;
  record->head.address = (__u64)begin;
  record->size = 0;
  for (int i = 0; i < PGF_JIT_CHUNKS; ++i) {
    const int at = i * PGF_JIT_CHUNK;
    if (bpf_probe_read_user(record->bytes + at, PGF_JIT_CHUNK, begin + at)) break;
    record->size = at + PGF_JIT_CHUNK;
  }
  bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
  return 0;
}

// void *__deregister_frame(void *begin)
static __always_inline int deregister_frame(const void* begin) {
  const __u32 pid = bpf_get_current_pid_tgid() >> 32;
  if (!is_unwound(pid)) return 0;
  struct pgf_unwind_record record = {.kind = PGF_RECORD_UNJIT, .pid = pid, .address = (__u64)begin};
  bpf_ringbuf_output(&unwind_ring, &record, sizeof(record), 0);
  return 0;
}
