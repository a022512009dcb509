// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Observes the backends of the chosen clusters: where they are when the sampling event fires, what
// they wait for in between, and their birth and death. Everything is filtered here, by the map
// `targets`.
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lifecycle.h"
#include "offcpu.h"
#include "stack.h"
#include "tags.h"
#include "unwind_jit.h"

// Set by user space when it changes the rate of a running clock event, whose samples go on carrying
// the old period. 0: believe the sample.
volatile __u64 changed_period = 0;

SEC("perf_event")
int sample_stack(struct bpf_perf_event_data* ctx) {
  const __u32 pid = bpf_get_current_pid_tgid() >> 32;
  if (pid == 0) return 0;  // idle
  count(COUNT_FIRINGS);
  const struct target* target = bpf_map_lookup_elem(&targets, &pid);
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
  if (is_other_query(&sample->event.tags)) {
    count(COUNT_FILTERED);
    return 0;
  }
  take_stacks(ctx, ctx, sample);
  const __u64 text = wanted_text(target, &sample->event.tags);
  if (send_sample(sample, text) && text) text_was_sent(sample->event.tags.query_id);
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
