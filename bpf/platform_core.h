// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#pragma once

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "kernel_types.h"
#include "sample_event.h"

#define MAP(name, kind, key_type, value_type, rows, flags) \
  struct {                                                 \
    __uint(type, kind);                                    \
    __uint(max_entries, rows);                             \
    __uint(map_flags, flags);                              \
    __type(key, key_type);                                 \
    __type(value, value_type);                             \
  } name SEC(".maps")
#define RING(name, bytes)               \
  struct {                              \
    __uint(type, BPF_MAP_TYPE_RINGBUF); \
    __uint(max_entries, bytes);         \
  } name SEC(".maps")
#define SETTING(type, name, value) type name = value
#define SUBPROGRAM __noinline
#define OUT_OF_LINE __noinline

// The pid as the process itself sees it, which is what Postgres writes into st_procpid.
static __always_inline __s32 pid_in_own_namespace(struct task_struct* task) {
  struct pid* pid = BPF_CORE_READ(task, thread_pid);
  const __u32 level = BPF_CORE_READ(pid, level);
  const __u64 row = bpf_core_field_offset(struct pid, numbers) +
                    (__u64)level * bpf_core_type_size(struct upid) +
                    bpf_core_field_offset(struct upid, nr);
  __s32 number = 0;
  bpf_probe_read_kernel(&number, sizeof(number), (void*)pid + row);
  return number;
}

static __always_inline __s32 namespace_pid_of_child(struct task_struct* child,
                                                    __u32 pid,
                                                    int same) {
  return pid_in_own_namespace(child);
}

static __always_inline __s32 namespace_pid_of(const struct target* target) {
  return target->namespace_pid;
}

static __always_inline int is_runnable(struct task_struct* task) {
  if (bpf_core_field_exists(task->__state)) return task->__state == 0;
  const struct task_struct___before_5_14* old = (void*)task;
  return BPF_CORE_READ(old, state) == 0;
}

// How long the task was on the CPU that it is leaving: the scheduler has added it up.
static __always_inline __u64 ran_for(struct task_struct* task) {
  return task->se.sum_exec_runtime - task->se.prev_sum_exec_runtime;
}

// The registers with which the current task entered the kernel. Not 0: they cannot be read.
static __always_inline int read_user_registers(__u64* pc, __u64* sp, __u64* fp, __u64* base) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task_btf();
  struct pt_regs* registers = (struct pt_regs*)bpf_task_pt_regs(task);
  *pc = PT_REGS_IP(registers);
  *sp = PT_REGS_SP(registers);
  *fp = PT_REGS_FP(registers);
#if defined(__TARGET_ARCH_x86)
  *base = registers->rbx;
#endif
  return 0;
}
