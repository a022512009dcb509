// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The few fields of the kernel's own structs that the programs touch. Their real offsets are put in
// when the program is loaded (CO-RE), so no generated vmlinux.h is needed.
#pragma once

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct upid {
  int nr;
};

struct pid {
  unsigned int level;  // 0: the host's own pid namespace
  struct upid numbers[1];
};

struct sched_entity {
  unsigned long long sum_exec_runtime;       // ns on a CPU
  unsigned long long prev_sum_exec_runtime;  // when it got its CPU
};

struct task_struct {
  unsigned int __state;
  int pid;
  int tgid;
  struct sched_entity se;
  struct pid* thread_pid;
};

struct task_struct___before_5_14 {
  long state;
};

#pragma clang attribute pop
