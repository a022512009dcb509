// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Takes the stacks of the current task into a record and sends the record. See README.md.
#pragma once

#include "maps.h"
#include "unwind_verify.h"

enum { SCRATCH_BYTES = 4096 };

struct scratch {
  struct sample_event event;
  __u64 addresses[(SCRATCH_BYTES - sizeof(struct sample_event)) / sizeof(__u64)];
  char room_for_text[SCRATCH_BYTES];
};

// One row per program type: a sample may interrupt the switch program on the same CPU.
MAP(scratches, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct scratch, 2, 0);

// Bytes in the ring from which on user space is woken up at once instead of at its next look.
SETTING(const volatile __u32, wakeup_bytes, 1 << 20);

static __always_inline __u64 wakeup_flags(void) {
  return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > wakeup_bytes ? BPF_RB_FORCE_WAKEUP
                                                                    : BPF_RB_NO_WAKEUP;
}

static __always_inline __u32 frames_of(long bytes, __u32 limit) {
  if (bytes <= 0) return 0;
  const __u32 frames = (__u32)bytes / sizeof(__u64);
  return frames > limit ? limit : frames;
}

static __always_inline __u8 stack_end_of(__s32 end) {
  switch (end) {
    case PGF_END_ROOT:
      return STACK_ROOT;
    case PGF_END_TRUNCATED:
      return STACK_TRUNCATED;
    case PGF_END_UNREADABLE:
      return STACK_UNREADABLE;
    case PGF_END_FRAME_POINTERS:
      return STACK_UNKNOWN;
    case PGF_END_NO_MODULE:
      return STACK_NO_MODULE;
    case PGF_END_BAD_RULE:
      return STACK_BAD_UNWIND;
    case PGF_END_JIT:
      return STACK_RUN_TIME_CODE;
    case PGF_END_NO_ROOM:
      return STACK_NO_ROOM;
    default:
      return STACK_NO_UNWIND;
  }
}

// The user stack of the current task, innermost first; returns how many addresses were written to
// `addresses` (room for MAX_USER_FRAMES) and says in `end` how the walk ended. `interrupted` is
// `ctx` in perf_event programs and 0 in others.
static __always_inline __u32 take_user_stack(void* ctx,
                                             struct bpf_perf_event_data* interrupted,
                                             __u64* addresses,
                                             __u8* end) {
  __s32 walk_end = PGF_GO_ON;
  const __u64 start = verify_samples ? bpf_ktime_get_ns() : 0;
  const __u32 walked = walk_user_stack(interrupted, addresses, &walk_end);
  if (walk_end != PGF_GO_ON) {
    *end = stack_end_of(walk_end);
    if (verify_samples) {
      count_walk(start, walked);
      verify_walk(interrupted, addresses, walked, walk_end);
    }
    return walked > MAX_USER_FRAMES ? MAX_USER_FRAMES : walked;
  }
  const long bytes =
      bpf_get_stack(ctx, addresses, MAX_USER_FRAMES * sizeof(__u64), BPF_F_USER_STACK);
  const __u32 frames = frames_of(bytes, MAX_USER_FRAMES);
  *end = bytes < 0                   ? STACK_UNREADABLE
         : frames == 0               ? STACK_NONE
         : frames == MAX_USER_FRAMES ? STACK_TRUNCATED
                                     : STACK_UNKNOWN;
  return frames;
}

static __always_inline void take_stacks(void* ctx,
                                        struct bpf_perf_event_data* interrupted,
                                        struct scratch* scratch) {
  struct sample_event* event = &scratch->event;
  __u32 kernel = 0;
  if (!interrupts_user_code(interrupted)) {
    const long bytes = bpf_get_stack(ctx, scratch->addresses, MAX_KERNEL_FRAMES * sizeof(__u64), 0);
    kernel = frames_of(bytes, MAX_KERNEL_FRAMES);
  }
  event->kernel_count = (__u16)kernel;
  event->user_count = (__u16)take_user_stack(
      ctx, interrupted, scratch->addresses + (kernel & 127), &event->stack_end);
}

// Sends the record; `text`, unless 0, is the address of the statement's text in the current
// process. False: the ring was full.
static __always_inline int send_sample(struct scratch* scratch, __u64 text) {
  struct sample_event* event = &scratch->event;
  __u64 size = sizeof(*event) + (event->kernel_count + event->user_count) * sizeof(__u64);
  size &= SCRATCH_BYTES - 1;
  if (text) {
    const long got = bpf_probe_read_user_str((void*)scratch + size, MAX_QUERY_TEXT, (void*)text);
    event->text_size = got > 0 ? (__u32)got : 0;
    size += event->text_size & (2 * MAX_QUERY_TEXT - 1);
  }
  size &= 2 * SCRATCH_BYTES - 1;
  if (bpf_ringbuf_output(&ring, scratch, size, wakeup_flags()) == 0) return 1;
  count(COUNT_RING_FULL);
  return 0;
}

static __always_inline struct scratch* new_sample(__u32 row, __u8 kind, __u8 state, __u64 now) {
  struct scratch* scratch = bpf_map_lookup_elem(&scratches, &row);
  if (!scratch) return 0;
  const __u64 id = bpf_get_current_pid_tgid();
  struct sample_event* event = &scratch->event;
  __builtin_memset(event, 0, sizeof(*event));
  event->kind = kind;
  event->state = state;
  event->time_ns = now;
  event->pid = id >> 32;
  event->tid = (__u32)id;
  return scratch;
}
