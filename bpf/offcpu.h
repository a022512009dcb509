// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Time off the CPU. Between leaving a CPU and being woken up a backend waits, from then on until it
// gets a CPU it is runnable. Intervals are added up in `intervals`; a random choice of them,
// thinned out so that a backend that switches all the time costs no more than others, sends its
// stack and the text of its statement too. User space spreads the sums over those.
//
// A backend that switches very often has only a random choice of its intervals looked at, one in
// `look_stride`, and each of them counts for so many. That is true on average for short intervals,
// whose time in all is added up apart so that user space can make the estimates agree with it. The
// rarer a look, the shorter an interval has to be to be counted so: one that would stand for too
// much counts once, with nothing but its wait event when it was not chosen.
#pragma once

#include "stack.h"
#include "tags.h"

// Stacks per backend and window that are aimed at; user space lowers it when recording costs too
// much, and makes the window longer when many backends send stacks.
SETTING(volatile __u32, stacks_per_window, 4);
SETTING(volatile __u64, stack_window_ns, 100 * 1000 * 1000);

// Intervals looked at per backend and window that are aimed at; user space lowers it when many
// backends switch often, and when recording costs too much.
SETTING(volatile __u32, looks_per_window, 100);

enum {
  WINDOW_NS = 100 * 1000 * 1000,
  QUIET_WINDOWS = 5,
  MAX_STRIDE = 4096,
};

// key: who waited for what, value: how often and how long. Written here, read once a second and
// cleared of the dead by user space. Full: COUNT_INTERVALS_FULL.
MAP(intervals,
    BPF_MAP_TYPE_HASH,
    struct interval_key,
    struct interval_sum,
    65536,
    BPF_F_NO_PREALLOC);

struct span {
  __u64 waiting;
  __u64 runnable;
};

// Whether the interval that ends is one that others of its backend may stand for.
static __always_inline int is_short(const struct target* target, struct span off) {
  return target->look_stride > 1 &&
         (off.waiting + off.runnable) * target->look_stride < MOST_STOOD_FOR_NS;
}

static __always_inline void forget_short(struct target* target, __u64 waiting, __u64 runnable) {
  target->short_waiting_ns -=
      waiting < target->short_waiting_ns ? waiting : target->short_waiting_ns;
  target->short_runnable_ns -=
      runnable < target->short_runnable_ns ? runnable : target->short_runnable_ns;
}

static __always_inline void add_interval(struct target* target,
                                         __u32 pid,
                                         struct span off,
                                         int as_others,
                                         __u32 times) {
  struct interval_key key = {
      .query_id = target->tags.query_id,
      .pid = pid,
      .wait_event = target->tags.wait_event,
      .session_state = target->tags.session_state,
      .flags = target->tags.flags,
      .application = target->application,
  };
  const struct interval_sum grown = {.waits = target->preempted ? 0 : times,
                                     .waiting_ns = off.waiting * times,
                                     .count = times,
                                     .runnable_ns = off.runnable * times,
                                     .short_waiting_ns = as_others ? off.waiting * times : 0,
                                     .short_runnable_ns = as_others ? off.runnable * times : 0};
  struct interval_sum* sum = bpf_map_lookup_elem(&intervals, &key);
  if (sum) {  // nobody else adds to the rows of this process: it is on one CPU at a time
    sum->waits += grown.waits;
    sum->waiting_ns += grown.waiting_ns;
    sum->count += grown.count;
    sum->runnable_ns += grown.runnable_ns;
    sum->short_waiting_ns += grown.short_waiting_ns;
    sum->short_runnable_ns += grown.short_runnable_ns;
  } else if (bpf_map_update_elem(&intervals, &key, &grown, BPF_NOEXIST)) {
    count(COUNT_INTERVALS_FULL);
    // Others must not be taken to have lasted as long.
    if (as_others) forget_short(target, grown.waiting_ns, grown.runnable_ns);
    return;
  }
  target->booked_ns += grown.waiting_ns + grown.runnable_ns;
}

// The stride of looks for the next window when `taken` were taken in this one and `wanted` are
// aimed at.
static __always_inline __u32 next_stride(__u32 stride, __u32 taken, __u32 wanted) {
  if (!stride) stride = 1;
  if (taken > wanted && stride < MAX_STRIDE) return stride * 2;
  if (taken < wanted / 2 && stride > 1) return stride / 2;
  return stride;
}

// So that of a window's candidates, when they are as many as in the last one, `wanted` to twice as
// many send their stack.
static __always_inline __u32 stack_stride(__u32 candidates, __u32 wanted) {
  __u32 stride = 1;
  for (int i = 0; i < 12 && 2 * stride * wanted <= candidates; ++i)
    stride *= 2;
  return stride;
}

// How many intervals this one stands for; 0: it is not looked at. Of a backend that has been quiet
// for some windows nothing needs thinning out.
static __always_inline __u32 look(struct target* target, __u64 now) {
  const __u64 since = now - target->looks_since;
  if (since > WINDOW_NS) {
    target->look_stride =
        since > QUIET_WINDOWS * WINDOW_NS
            ? 1
            : next_stride(target->look_stride, target->looks_taken, looks_per_window);
    target->looks_taken = 0;
    target->looks_since = now;
  }
  const __u32 stride = target->look_stride;
  if (stride > 1 && (bpf_get_prandom_u32() & (stride - 1))) return 0;
  ++target->looks_taken;
  return stride > 1 ? stride : 1;
}

// Whether this interval, which is looked at, sends its stack. In a window with many more than the
// one before the stride grows at once: each choice counts for as many as it was made of.
static __always_inline int wants_stack(struct target* target, __u64 now) {
  const __u64 since = now - target->stacks_since;
  const __u64 window = stack_window_ns;
  if (since > window) {
    target->stride =
        since > QUIET_WINDOWS * window ? 1 : stack_stride(target->candidates, stacks_per_window);
    target->candidates = target->stacks_taken = 0;
    target->stacks_since = now;
  }
  if (target->candidates < 0xffff) ++target->candidates;
  if (target->stacks_taken >= 4 * stacks_per_window && target->stride < MAX_STRIDE) {
    target->stride = target->stride > 1 ? target->stride * 2 : 2;
    target->stacks_taken = 0;
  }
  if (target->stride > 1 && (bpf_get_prandom_u32() & (target->stride - 1))) return 0;
  ++target->stacks_taken;
  return 1;
}

// Adds the interval that ends now to the sums, and its end to its stack.
static OUT_OF_LINE void book_interval(struct target* target,
                                      __u32 pid,
                                      __u64 waiting,
                                      __u64 runnable,
                                      __u64 now) {
  const struct span off = {waiting, runnable};
  const int as_others = is_short(target, off);
  const __u32 times = as_others ? target->stands_for : 1;
  add_interval(target, pid, off, as_others, times);
  if (!target->has_stack) return;
  const __u32 stacks = target->stride ? target->stride : 1;
  // Its stack is one of so many, whether the others were booked by themselves or not.
  const struct process_event event = {.kind = EVENT_INTERVAL,
                                      .cpu = bpf_get_smp_processor_id(),
                                      .time_ns = now,
                                      .pid = pid,
                                      .stands_for = target->stands_for * stacks,
                                      .waiting_ns = waiting,
                                      .runnable_ns = runnable};
  if (bpf_ringbuf_output(&ring, (void*)&event, sizeof(event), BPF_RB_NO_WAKEUP))
    count(COUNT_INTERVAL_LOST);
}

// The interval that is open ends with the process getting a CPU.
static __always_inline void close_interval(struct target* target, __u32 pid, __u64 now) {
  const __u64 left = target->off_since;
  const __u64 woken = target->woken_at ? target->woken_at : now;
  const struct span off = {woken > left ? woken - left : 0, now > woken ? now - woken : 0};
  target->on_since = now;
  target->off_since = 0;
  if (!left) return;
  if (is_short(target, off)) {
    target->short_waiting_ns += off.waiting;
    target->short_runnable_ns += off.runnable;
    if (!target->stands_for) return;
  }
  book_interval(target, pid, off.waiting, off.runnable, now);
}

// A process leaves a CPU that nobody saw it get: some virtual machines don't trace the switches
// away from tasks of their own.
static OUT_OF_LINE void catch_up(struct target* target, __u32 pid, __u64 ran, __u64 now) {
  const __u64 earliest =
      target->woken_at > target->off_since ? target->woken_at : target->off_since;
  close_interval(target, pid, ran < now - earliest ? now - ran : earliest);
}

// What is looked at of the interval that begins now.
static OUT_OF_LINE void look_closely(void* ctx, struct target* target, __u64 now) {
  count(COUNT_LOOKS);
  read_tags(target, &target->tags);
  if (is_other_query(&target->tags) || !wants_stack(target, now)) return;
  target->has_stack = 1;
  const __u8 state = target->preempted ? STATE_RUNNABLE : STATE_WAITING;
  struct scratch* sample = new_sample(1, EVENT_OFF_CPU, state, now);
  if (!sample) return;
  sample->event.tags = target->tags;
  sample->event.application = target->application;
  take_stacks(ctx, 0, sample);
  const __u64 text = wanted_text(target, &sample->event.tags);
  if (send_sample(sample, text) && text) text_was_sent(sample->event.tags.query_id);
}

static __always_inline struct target* wanted_target(__u32 pid) {
  if (pid == 0) return 0;  // idle
  struct target* target = bpf_map_lookup_elem(&targets, &pid);
  return target && !is_unwanted(pid) ? target : 0;
}

static __always_inline void leave_cpu(void* ctx,
                                      struct target* target,
                                      __u32 pid,
                                      struct task_struct* task,
                                      int preempted,
                                      __u64 now) {
  if (!target->on_since && target->off_since) catch_up(target, pid, ran_for(task), now);
  if (target->on_since) target->running_ns += now - target->on_since;
  target->on_since = 0;
  target->preempted = preempted;
  target->woken_at = preempted ? now : 0;
  target->has_stack = 0;
  target->off_since = now;
  target->stands_for = look(target, now);
  if (target->stands_for)
    look_closely(ctx, target, now);
  else
    read_only_wait_event(target, &target->tags);
}

static __always_inline void enter_cpu(struct target* target, __u32 pid, __u64 now) {
  if (!target->off_since && target->on_since) {
    // User space took it for running when it was added; it was in the run queue.
    target->off_since = target->woken_at = target->on_since;
    target->preempted = 1;
  }
  close_interval(target, pid, now);
}

static __always_inline void note_wakeup(__u32 pid) {
  struct target* target = bpf_map_lookup_elem(&targets, &pid);
  if (target && target->off_since && !target->woken_at) target->woken_at = bpf_ktime_get_ns();
}
