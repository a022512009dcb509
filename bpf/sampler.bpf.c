// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Observes the backends of the chosen clusters: where they are when the sampling event fires, what
// they wait for in between, and their birth and death. Everything is filtered here, by the map
// `targets`.
#include "lifecycle.h"
#include "offcpu.h"
#include "oncpu.h"
#include "unwind_jit.h"

SEC("perf_event")
int sample_stack(struct bpf_perf_event_data* ctx) {
  return sample_running(ctx);
}

// Backends have one thread; others are left out here.
static __always_inline struct target* wanted_task(const struct task_struct* task) {
  return task->pid == task->tgid ? wanted_target(task->pid) : 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempt, struct task_struct* prev, struct task_struct* next) {
  struct target* leaving = wanted_task(prev);
  struct target* entering = wanted_task(next);
  __u64 now = 0;
  if (leaving) {
    now = bpf_ktime_get_ns();
    leave_cpu(ctx, leaving, prev->pid, prev, preempt || is_runnable(prev), now);
  }
  if (entering) enter_cpu(entering, next->pid, now ? now : bpf_ktime_get_ns());
  return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct* task) {
  if (task->pid == task->tgid) note_wakeup(task->pid);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct* parent, struct task_struct* child) {
  return child->tgid == parent->tgid ? 0 : follow_child(parent->tgid, child->tgid, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct* task) {
  return change_program(task->tgid);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct* task) {
  return task->pid == task->tgid ? drop_target(task->pid) : 0;
}

SEC("uprobe")
int BPF_KPROBE(on_register_frame, const void* begin) {
  return register_frame(begin);
}

SEC("uprobe")
int BPF_KPROBE(on_deregister_frame, const void* begin) {
  return deregister_frame(begin);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
