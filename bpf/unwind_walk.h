// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Walks the user stack of the current task with compiled unwind information (unwind_table.h), which
// user space keeps in flat arrays: every lookup after that of the process is a plain array access.
#pragma once

#include "unwind_table.h"

enum { UNWIND_DEFAULT_ROWS = 1 << 21, UNWIND_RING_BYTES = 256 << 10 };

// Rows of all modules one after the other; a module's part is named by pgf_unwind_mapping. User
// space writes through a memory mapping and publishes rows before it names them anywhere.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, UNWIND_DEFAULT_ROWS);
  __type(key, __u32);
  __type(value, struct pgf_unwind_row);
} unwind_rows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, PGF_MAX_RULES);
  __type(key, __u32);
  __type(value, struct pgf_unwind_rule);
} unwind_rules SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, PGF_MAX_SPACES);
  __type(key, __u32);
  __type(value, struct pgf_unwind_space);
} unwind_spaces SEC(".maps");

// key: process. A child has its parent's space until it loads something of its own.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, struct pgf_unwind_process);
} unwind_processes SEC(".maps");

// pgf_unwind_record to user space. Full: the record is dropped, and the next miss sends another.
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, UNWIND_RING_BYTES);
} unwind_ring SEC(".maps");

// How many walks ended how; row: enum pgf_unwind_end.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, PGF_END_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} unwind_ends SEC(".maps");

// Set before loading. Without tables no walk happens; with `only_first_by_table` the caller of the
// innermost frame comes from the table and the rest from frame pointers.
const volatile __u8 unwind_by_table = 1;
const volatile __u8 only_first_by_table = 0;

// An unknown address is reported at most this often per process.
enum { MISS_PAUSE_NS = 50 * 1000 * 1000 };

struct walk {
  struct pgf_frame frame;
  const struct pgf_unwind_space* space;
  __u64* addresses;
  __u64 realigned; /* r10 of the innermost frame: gcc keeps the CFA there for an instruction or two */
  __u32 count;
  __s32 end;
};

#define PGF_STEP_INLINE static __always_inline

PGF_STEP_INLINE int pgf_read_word(void* memory, __u64 address, __u64* value) {
  return bpf_probe_read_user(value, sizeof(*value), (const void*)address) != 0;
}

PGF_STEP_INLINE int pgf_read_register(void* memory, unsigned number, __u64* value) {
  *value = ((const struct walk*)memory)->realigned;
  return number != 10 || *value == 0;
}

#include "unwind_step.h"

static __always_inline const struct pgf_unwind_mapping* find_mapping(
    const struct pgf_unwind_space* space, __u64 pc) {
  __u32 low = 0;
  __u32 high = space->count;
  for (int i = 0; i < 9; ++i) {  // 2^8 mappings
    if (low >= high) break;
    const __u32 middle = (low + high) / 2;
    if (space->mappings[middle & (PGF_MAX_SPACE_MAPPINGS - 1)].start <= pc)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0) return 0;
  const struct pgf_unwind_mapping* mapping =
      &space->mappings[(low - 1) & (PGF_MAX_SPACE_MAPPINGS - 1)];
  return pc < mapping->end ? mapping : 0;
}

// The rule for the last row that is not behind `pc`, or 0.
static __always_inline const struct pgf_unwind_rule* find_rule(
    const struct pgf_unwind_mapping* mapping, __u64 pc) {
  const __u32 key = (__u32)(pc - mapping->base);
  __u32 low = mapping->first_row;
  __u32 high = low + mapping->row_count;
  __u32 rule = PGF_RULE_NONE;
  for (int i = 0; i < 24; ++i) {  // 2^23 rows
    if (low >= high) break;
    const __u32 middle = (low + high) / 2;
    const struct pgf_unwind_row* row = bpf_map_lookup_elem(&unwind_rows, &middle);
    if (!row) return 0;
    if (row->pc <= key) {
      rule = row->rule;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return bpf_map_lookup_elem(&unwind_rules, &rule);
}

static __always_inline int step_of(struct walk* walk) {
  const __u64 pc = pgf_lookup_pc(&walk->frame);
  const struct pgf_unwind_mapping* mapping = find_mapping(walk->space, pc);
  if (!mapping) return PGF_END_NO_MODULE;
  if (mapping->row_count == 0) {
    if (mapping->flags & PGF_MAPPING_FRAME_POINTERS) return pgf_step_fp(&walk->frame, walk);
    return mapping->flags & PGF_MAPPING_JIT ? PGF_END_JIT : PGF_END_NO_ROW;
  }
  if (only_first_by_table && walk->count > 1) return pgf_step_fp(&walk->frame, walk);
  const struct pgf_unwind_rule* rule = find_rule(mapping, pc);
  if (!rule) return PGF_END_NO_ROW;
  return pgf_step(&walk->frame, rule, walk);
}

static long walk_one(__u32 index, void* context) {
  struct walk* walk = context;
  if (walk->count >= PGF_MAX_USER_FRAMES) {
    walk->end = PGF_END_TRUNCATED;
    return 1;
  }
  walk->addresses[walk->count & (PGF_MAX_USER_FRAMES - 1)] = walk->frame.pc;
  walk->count += 1;
  walk->end = step_of(walk);
  return walk->end != PGF_GO_ON;
}

static __always_inline void report_miss(struct pgf_unwind_process* process,
                                        __u32 pid,
                                        __u64 address) {
  const __u64 now = bpf_ktime_get_ns();
  if (now - process->last_miss_ns < MISS_PAUSE_NS) return;
  process->last_miss_ns = now;
  struct pgf_unwind_record record = {.kind = PGF_RECORD_MISS, .pid = pid, .address = address};
  bpf_ringbuf_output(&unwind_ring, &record, sizeof(record), 0);
}

static __always_inline void count_end(__u32 end) {
  __u64* value = bpf_map_lookup_elem(&unwind_ends, &end);
  if (value) ++*value;
}

// The registers with which the current task entered the kernel.
static __always_inline void enter_by_kernel(struct walk* walk) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task_btf();
  struct pt_regs* registers = (struct pt_regs*)bpf_task_pt_regs(task);
  walk->frame.pc = PT_REGS_IP(registers);
  walk->frame.sp = PT_REGS_SP(registers);
  walk->frame.fp = PT_REGS_FP(registers);
}

// `interrupted`: the context of a perf_event program, or 0 in other programs.
static __always_inline void enter(struct walk* walk, struct bpf_perf_event_data* interrupted) {
  if (interrupted && PT_REGS_IP(&interrupted->regs) >> 63 == 0) {
    walk->frame.pc = PT_REGS_IP(&interrupted->regs);
    walk->frame.sp = PT_REGS_SP(&interrupted->regs);
    walk->frame.fp = PT_REGS_FP(&interrupted->regs);
#if defined(__TARGET_ARCH_arm64)
    walk->frame.lr = PT_REGS_RET(&interrupted->regs);
#else
    walk->realigned = interrupted->regs.r10;
#endif
  } else {
    enter_by_kernel(walk);
  }
#if defined(__TARGET_ARCH_arm64)
  walk->frame.machine = PGF_AARCH64;
#endif
  walk->frame.exact = 1;
  walk->frame.fp_known = 1;
}

// Writes up to PGF_MAX_USER_FRAMES addresses, innermost first, and returns how many. `end` is an
// enum pgf_unwind_end; PGF_GO_ON: the process has no tables, walk it another way.
static __always_inline __u32 walk_user_stack(struct bpf_perf_event_data* interrupted,
                                             __u64* addresses,
                                             __s32* end) {
  *end = PGF_GO_ON;
  if (!PGFLAME_KERNEL_TABLES || !unwind_by_table) return 0;
  const __u32 pid = bpf_get_current_pid_tgid() >> 32;
  struct pgf_unwind_process* process = bpf_map_lookup_elem(&unwind_processes, &pid);
  if (!process) return 0;
  const __u32 space = process->space;
  struct walk walk = {.addresses = addresses};
  walk.space = bpf_map_lookup_elem(&unwind_spaces, &space);
  if (!walk.space) return 0;
  enter(&walk, interrupted);
  bpf_loop(PGF_MAX_USER_FRAMES + 1, walk_one, &walk, 0);
  if (walk.end == PGF_END_NO_MODULE) report_miss(process, pid, walk.frame.pc);
  count_end((__u32)walk.end);
  *end = walk.end;
  return walk.count;
}

static __always_inline void unwind_fork(__u32 parent, __u32 child) {
  const struct pgf_unwind_process* process = bpf_map_lookup_elem(&unwind_processes, &parent);
  if (!process) return;
  const struct pgf_unwind_process copy = {.space = process->space};
  bpf_map_update_elem(&unwind_processes, &child, &copy, BPF_ANY);
}

static __always_inline void unwind_forget(__u32 pid) {
  bpf_map_delete_elem(&unwind_processes, &pid);
}
