// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// What a walk knows while it goes from frame to frame, and how it reads the stack.
#pragma once

#include "unwind_maps.h"

// Bytes of the stack that are copied at a time: the inner frames of a backend take 16 to 350 each.
// The readers need a power of two.
enum { WINDOW_BYTES = 512, PAGE_BYTES = 4096 };

// One row per program type: a sample may interrupt the switch program on the same CPU.
struct walk {
  struct pgf_frame frame;
  __u64
      realigned; /* r10 of the innermost frame: gcc keeps the CFA there for an instruction or two */
  __u64 base;    // PGF_BASE_REGISTER of the innermost frame
  __u32 space;
  __s32 end;          // enum pgf_unwind_end
  __u32 first_row;    // of this program's half of unwind_cache
  __u32 row;          // where the cache has the frame before
  __u32 caller;       // ... and where it had its caller the last time
  __u64 window_at;    // address that the window is a copy of
  __u64 window_size;  // bytes of it that are
  // What follows is kept from walk to walk.
  __u32 mapping;  // that was searched last: most calls stay in a module
  __u8 window[WINDOW_BYTES] __attribute__((aligned(8)));
  struct rule_index index;
};

MAP(walks, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct walk, 2, 0);

// Copies what lies around `address` and mostly above it, where the walk goes on. A window ends with
// its page: what is in the same page as the word can be read if the word can.
static __always_inline int move_window(struct walk* walk, __u64 address) {
  enum { BELOW = 64 };  // saved registers lie below the return address that is read first
  const __u64 page = address & ~(PAGE_BYTES - 1ULL);
  __u64 begin = (address - BELOW) & ~(BELOW - 1ULL);
  if (begin < page) begin = page;
  __u64 size = page + PAGE_BYTES - begin;
  if (size > WINDOW_BYTES) size = WINDOW_BYTES;
  walk->window_size = 0;
  if (bpf_probe_read_user(walk->window, size, (const void*)begin)) return -1;
  walk->window_at = begin;
  walk->window_size = size;
  return 0;
}

#define PGF_STEP_INLINE static __always_inline

PGF_STEP_INLINE int pgf_read_word(void* memory, __u64 address, __u64* value) {
  struct walk* walk = memory;
  if (address % sizeof(*value))  // may lie across the end of a window
    return bpf_probe_read_user(value, sizeof(*value), (const void*)address) != 0;
  if (address - walk->window_at >= walk->window_size && move_window(walk, address)) return -1;
  const __u64 offset = (address - walk->window_at) & (WINDOW_BYTES - sizeof(*value));
  *value = *(const __u64*)(walk->window + offset);
  return 0;
}

PGF_STEP_INLINE int pgf_read_pair(void* memory, __u64 address, __u64* values) {
  return pgf_read_word(memory, address, values) || pgf_read_word(memory, address + 8, values + 1);
}

PGF_STEP_INLINE int pgf_read_register(void* memory, unsigned number, __u64* value) {
  const struct walk* walk = memory;
  *value = number == PGF_BASE_REGISTER ? walk->base : walk->realigned;
  return (number != PGF_BASE_REGISTER && number != 10) || *value == 0;
}
