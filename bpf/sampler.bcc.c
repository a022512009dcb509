// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The entry points for hosts without BTF; see platform_bcc.h. What the tracepoints hand over is
// found through FIELD, whose offsets user space takes from the kernel's description of each event.
#include "lifecycle.h"
#include "offcpu.h"
#include "oncpu.h"

#define FIELD(type, event, name) (*(type*)((char*)ctx + OFFSET_##event##_##name))

PROGRAM sample_stack(struct bpf_perf_event_data* ctx) {
  return sample_running(ctx);
}

// The tracepoints say which task it is. A target's process id is nobody else's task id.

PROGRAM on_switch(void* ctx) {
  const __u32 prev = FIELD(__u32, sched_switch, prev_pid);
  const __u32 next = FIELD(__u32, sched_switch, next_pid);
  struct target* leaving = wanted_target(prev);
  struct target* entering = wanted_target(next);
  __u64 now = 0;
  if (leaving) {
    const __u64 state = FIELD(__u64, sched_switch, prev_state);
    now = bpf_ktime_get_ns();
    leave_cpu(ctx, leaving, prev, own_task(), state == 0 || (state & TASK_REPORT_MAX), now);
  }
  if (entering) enter_cpu(entering, next, now ? now : bpf_ktime_get_ns());
  return 0;
}

PROGRAM on_wakeup(void* ctx) {
  note_wakeup(FIELD(__u32, sched_wakeup, pid));
  return 0;
}

PROGRAM on_fork(void* ctx) {
  if (FIELD(__u64, task_newtask, clone_flags) & CLONE_THREAD) return 0;
  return follow_child(bpf_get_current_pid_tgid() >> 32, FIELD(__u32, task_newtask, pid), 0);
}

PROGRAM on_exec(void* ctx) {
  return change_program(bpf_get_current_pid_tgid() >> 32);
}

PROGRAM on_exit(void* ctx) {
  const __u64 id = bpf_get_current_pid_tgid();
  return id >> 32 == (__u32)id ? drop_target((__u32)id) : 0;
}

// Run once by user space, in its own process, before the others are loaded. What it knows of itself
// is compared with what is read by the headers. Returns a set of enum header_fact.
struct own_facts {
  __u64 pid;  // as the process sees it
  __u64 runtime_ns;
};

PROGRAM check_headers(const struct own_facts* known) {
  enum { TOLERANCE_NS = 20 * 1000 * 1000 };  // the scheduler adds up at every tick
  struct task_struct* task = own_task();
  __u64 runtime = 0;
  __u64 address = 0;
  __u64 user_stack = 1;
  __s32 tgid = 0;
  int facts = 0;
  READ_KERNEL(tgid, &task->tgid);
  if (tgid == bpf_get_current_pid_tgid() >> 32 && pid_in_own_namespace(task) == known->pid)
    facts |= HEADERS_PID;
  READ_KERNEL(runtime, &task->se.sum_exec_runtime);
  if (known->runtime_ns - runtime + TOLERANCE_NS < 2 * TOLERANCE_NS) facts |= HEADERS_RUNTIME;
  READ_KERNEL(address, &PT_REGS_IP(saved_registers()));
  bpf_get_stack((void*)known, &user_stack, sizeof(user_stack), BPF_F_USER_STACK);
  if (address == user_stack) facts |= HEADERS_REGISTERS;
  return facts;
}

// Named last in the directory: where the image ends.
PROGRAM image_end(void* ctx) {
  return 0;
}
