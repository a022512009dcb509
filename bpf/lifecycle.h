// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Keeps the set of targets current: children of targets become targets at their birth.
#pragma once

#include "maps.h"
#include "unwind_maps.h"

// Set by user space while it looks at the ring often anyway, so that a storm of connections does
// not wake it up for each of them.
SETTING(volatile __u32, watching_closely, 0);

static __always_inline void send_process(const struct process_event* event, __u64 flags) {
  if (bpf_ringbuf_output(&ring, (void*)event, sizeof(*event), flags)) count(COUNT_LIFECYCLE_LOST);
}

static __always_inline int follow_child(__u32 parent_pid,
                                        __u32 child_pid,
                                        struct task_struct* child) {
  const struct target* known = bpf_map_lookup_elem(&targets, &parent_pid);
  if (!known) return 0;

  const __u64 now = bpf_ktime_get_ns();
  struct target target = {
      .layout = known->layout,
      .namespace_pid =
          namespace_pid_of_child(child, child_pid, known->namespace_pid == (__s32)parent_pid),
      .off_since = now,  // born runnable
      .woken_at = now,
      .stands_for = 1,
      .tags = {.wait_event = 0xffffffff},
  };
  if (bpf_map_update_elem(&targets, &child_pid, &target, BPF_ANY)) {
    count(COUNT_TARGETS_FULL);
    return 0;
  }
  const struct process_event event = {
      .kind = EVENT_FORK,
      .cpu = bpf_get_smp_processor_id(),
      .time_ns = now,
      .pid = child_pid,
      .parent = parent_pid,
      .namespace_pid = target.namespace_pid,
  };
  if (filters) bpf_map_delete_elem(&unwanted, &child_pid);  // of an earlier process
  unwind_fork(parent_pid, child_pid);
  send_process(&event, watching_closely ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
  return 0;
}

static __always_inline int change_program(__u32 pid) {
  struct target* target = bpf_map_lookup_elem(&targets, &pid);
  if (!target) return 0;
  unwind_forget(pid);
  target->layout = NO_LAYOUT;  // another program: its memory means something else
  target->wait_event_at = 0;
  target->status_at = 0;
  target->application_at = 0;
  target->application = UNKNOWN_APPLICATION;
  const struct process_event event = {.kind = EVENT_EXEC,
                                      .cpu = bpf_get_smp_processor_id(),
                                      .time_ns = bpf_ktime_get_ns(),
                                      .pid = pid};
  send_process(&event, BPF_RB_NO_WAKEUP);
  return 0;
}

static __always_inline int drop_target(__u32 pid) {
  const struct target* target = bpf_map_lookup_elem(&targets, &pid);
  if (!target) return 0;
  const __u64 now = bpf_ktime_get_ns();
  const struct process_event event = {
      .kind = EVENT_EXIT,
      .cpu = bpf_get_smp_processor_id(),
      .time_ns = now,
      .pid = pid,
      .running_ns = target->running_ns + (target->on_since ? now - target->on_since : 0),
      .waiting_ns = target->short_waiting_ns,
      .runnable_ns = target->short_runnable_ns};
  bpf_map_delete_elem(&targets, &pid);
  if (filters) bpf_map_delete_elem(&unwanted, &pid);
  unwind_forget(pid);
  send_process(&event, BPF_RB_NO_WAKEUP);
  return 0;
}
