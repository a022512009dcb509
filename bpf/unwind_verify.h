// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Copies registers and stack of the first samples to user space, where libdwfl walks them again.
// Only for samples that interrupted user code on x86-64.
#pragma once

#include "unwind_walk.h"

// How many; set before loading. 0: this code is not even loaded.
SETTING(const volatile __u32, verify_samples, 0);
SETTING(__u32, verified_samples, 0);

// What the walks took, only measured while some are verified.
SETTING(__u64, walk_ns, 0);
SETTING(__u64, walk_frames, 0);

static __always_inline void count_walk(__u64 start_ns, __u32 frames) {
  __sync_fetch_and_add(&walk_ns, bpf_ktime_get_ns() - start_ns);
  __sync_fetch_and_add(&walk_frames, frames);
}

#if defined(__TARGET_ARCH_x86)
static __always_inline void copy_registers(const bpf_user_pt_regs_t* from, __u64* to) {
  to[0] = from->rax;
  to[1] = from->rbx;
  to[2] = from->rcx;
  to[3] = from->rdx;
  to[4] = from->rsi;
  to[5] = from->rdi;
  to[6] = from->rbp;
  to[7] = from->rsp;
  to[8] = from->rip;
  to[9] = from->r8;
  to[10] = from->r9;
  to[11] = from->r10;
  to[12] = from->r11;
  to[13] = from->r12;
  to[14] = from->r13;
  to[15] = from->r14;
  to[16] = from->r15;
}
#endif

static __always_inline void verify_walk(struct bpf_perf_event_data* interrupted,
                                        const __u64* addresses,
                                        __u32 count,
                                        __s32 end) {
#if defined(__TARGET_ARCH_x86)
  if (verified_samples >= verify_samples || !interrupted || interrupted->regs.rip >> 63) return;
  struct pgf_verify_record* record = bpf_ringbuf_reserve(&unwind_ring, sizeof(*record), 0);
  if (!record) return;
  record->head.kind = PGF_RECORD_VERIFY;
  record->head.pid = bpf_get_current_pid_tgid() >> 32;
  record->head.address = interrupted->regs.rip;
  record->count = count;
  record->end = end;
  copy_registers(&interrupted->regs, record->registers);
  bpf_probe_read_kernel(record->addresses, sizeof(record->addresses), addresses);
  record->stack_size = 0;
  const __u64 sp = record->registers[7];
  for (int i = 0; i < PGF_VERIFY_CHUNKS; ++i) {
    const int at = i * PGF_VERIFY_CHUNK;
    if (bpf_probe_read_user(record->stack + at, PGF_VERIFY_CHUNK, (const void*)(sp + at))) break;
    record->stack_size = at + PGF_VERIFY_CHUNK;
  }
  __sync_fetch_and_add(&verified_samples, 1);
  bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
#endif
}
