// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// What is on the CPU when the sampling event fires.
#pragma once

#include "stack.h"
#include "tags.h"

// Set by user space when it changes the rate of a running clock event, whose samples go on carrying
// the old period. 0: believe the sample.
SETTING(volatile __u64, changed_period, 0);

static __always_inline int sample_running(struct bpf_perf_event_data* ctx) {
  const __u32 pid = bpf_get_current_pid_tgid() >> 32;
  if (pid == 0) return 0;  // idle
  count(COUNT_FIRINGS);
  struct target* target = bpf_map_lookup_elem(&targets, &pid);
  if (!target) return 0;
  count(COUNT_TARGET_FIRINGS);
  if (is_unwanted(pid)) {
    count(COUNT_FILTERED);
    return 0;
  }

  struct scratch* sample = new_sample(0, EVENT_SAMPLE, STATE_RUNNING, bpf_ktime_get_ns());
  if (!sample) return 0;
  sample->event.weight = changed_period ? changed_period : ctx->sample_period;
  read_tags(target, &sample->event.tags);
  sample->event.application = target->application;
  if (is_other_query(&sample->event.tags)) {
    count(COUNT_FILTERED);
    return 0;
  }
  take_stacks(ctx, ctx, sample);
  const __u64 text = wanted_text(target, &sample->event.tags);
  if (send_sample(sample, text) && text) text_was_sent(sample->event.tags.query_id);
  return 0;
}
