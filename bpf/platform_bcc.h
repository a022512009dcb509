// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// libbpfcc knows neither maps of this kind nor variables, and lays out each function on its own.
// User space therefore makes the maps first and defines the name of each map and variable by its
// descriptor (src/capture/bcc_maps.cpp), and all functions go into one section, which it takes
// apart again (bcc_image.cpp).
//
// The headers may be those of another kernel: what comes from them is used only after
// check_headers() found it to be true (`headers_hold`). Nearly everything else comes from
// tracepoints, whose layout the running kernel describes itself.
#pragma once

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/pid.h>
#include <linux/sched.h>

#include "defined_by_user_space.h"
#include "sample_event.h"

#if defined(CONFIG_X86_64) && !defined(__TARGET_ARCH_x86)
#define __TARGET_ARCH_x86
#elif defined(CONFIG_ARM64) && !defined(__TARGET_ARCH_arm64)
#define __TARGET_ARCH_arm64
#endif

#define IMAGE __attribute__((section(".bpf.fn.image")))
#define MAP(name, kind, key_type, value_type, rows, flags) struct defined_by_user_space
#define RING(name, bytes) struct defined_by_user_space
#define SETTING(type, name, value) struct defined_by_user_space
#define OUT_OF_LINE IMAGE __attribute__((__noinline__))
#define SUBPROGRAM static OUT_OF_LINE
#define PROGRAM static IMAGE int

static __always_inline struct task_struct* own_task(void) {
  return (struct task_struct*)bpf_get_current_task();
}

#define READ_KERNEL(target, pointer) bpf_probe_read_kernel(&(target), sizeof(target), pointer)

// The pid as the process itself sees it, which is what Postgres writes into st_procpid.
static __always_inline __s32 pid_in_own_namespace(struct task_struct* task) {
  struct pid* pid = 0;
  unsigned int level = 0;
  __s32 number = 0;
  READ_KERNEL(pid, &task->thread_pid);
  READ_KERNEL(level, &pid->level);
  READ_KERNEL(number, &pid->numbers[level].nr);
  return number;
}

// 0: only known once the child runs.
static __always_inline __s32 namespace_pid_of_child(struct task_struct* child,
                                                    __u32 pid,
                                                    int same) {
  return same ? pid : 0;
}

static __always_inline __s32 namespace_pid_of(const struct target* target) {
  if (target->namespace_pid || !(headers_hold & HEADERS_PID)) return target->namespace_pid;
  return pid_in_own_namespace(own_task());
}

// How long the task was on the CPU that it is leaving, or longer than anything when unknown.
static __always_inline __u64 ran_for(struct task_struct* task) {
  __u64 sum = 0;
  __u64 before = 0;
  if (!(headers_hold & HEADERS_RUNTIME)) return ~0ULL;
  READ_KERNEL(sum, &task->se.sum_exec_runtime);
  READ_KERNEL(before, &task->se.prev_sum_exec_runtime);
  return sum - before;
}

// Where the registers of the current task lie with which it entered the kernel.
static __always_inline struct pt_regs* saved_registers(void) {
  void* stack = 0;
  READ_KERNEL(stack, &own_task()->stack);
  return (struct pt_regs*)(stack + THREAD_SIZE - TOP_OF_KERNEL_STACK_PADDING) - 1;
}

// Not 0: they cannot be read.
static __always_inline int read_user_registers(__u64* pc, __u64* sp, __u64* fp, __u64* base) {
  if (!(headers_hold & HEADERS_REGISTERS)) return -1;
  struct pt_regs* registers = saved_registers();
  if (READ_KERNEL(*pc, &PT_REGS_IP(registers))) return -1;
  if (READ_KERNEL(*sp, &PT_REGS_SP(registers))) return -1;
#if defined(__TARGET_ARCH_x86)
  if (READ_KERNEL(*base, &registers->bx)) return -1;
#endif
  return READ_KERNEL(*fp, &PT_REGS_FP(registers));
}

#if defined(__TARGET_ARCH_x86)
// The names that registers have outside the kernel.
#define rax ax
#define rbx bx
#define rcx cx
#define rdx dx
#define rsi si
#define rdi di
#define rbp bp
#define rsp sp
#define rip ip
#endif
