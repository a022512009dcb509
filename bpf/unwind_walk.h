// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Walks the user stack of the current task with compiled unwind information.
#pragma once

#include "unwind_maps.h"

// `interrupted`: the context of a perf_event program, or 0 in other programs.
static __always_inline int interrupts_user_code(struct bpf_perf_event_data* interrupted) {
  return interrupted && PT_REGS_IP(&interrupted->regs) >> 63 == 0;
}

#if PGFLAME_KERNEL_TABLES

// An unknown address is reported at most this often per process.
enum { MISS_PAUSE_NS = 50 * 1000 * 1000 };

#include "unwind_cache.h"
#include "unwind_step.h"

// The two searches are global functions: the verifier looks at each once, on its own, instead of
// trying everything that follows for every way through their loops.

// The number of the mapping that covers `pc`, or PGF_MAX_SPACE_MAPPINGS.
SUBPROGRAM __u32 find_mapping(__u32 space_number, __u64 pc) {
  const struct pgf_unwind_space* space = bpf_map_lookup_elem(&unwind_spaces, &space_number);
  if (!space) return PGF_MAX_SPACE_MAPPINGS;
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
  if (low == 0) return PGF_MAX_SPACE_MAPPINGS;
  const __u32 found = (low - 1) & (PGF_MAX_SPACE_MAPPINGS - 1);
  return pc < space->mappings[found].end ? found : PGF_MAX_SPACE_MAPPINGS;
}

// The rule of the last row that is not behind `pc`; the rows begin at `first`, behind their index.
SUBPROGRAM __u32 find_rule(__u32 first, __u32 pages, __u32 pc) {
  const __u32 page = pc >> PGF_PAGE_SHIFT;
  if (page >= pages) return PGF_RULE_NONE;
  const __u32 here = first - pages - 1 + page;
  const __u32 next = here + 1;
  const struct pgf_unwind_row* from = bpf_map_lookup_elem(&unwind_rows, &here);
  const struct pgf_unwind_row* to = bpf_map_lookup_elem(&unwind_rows, &next);
  if (!from || !to) return PGF_RULE_NONE;
  __u32 low = first + from->pc;
  __u32 high = first + to->pc + 1;
  __u32 rule = PGF_RULE_NONE;
  for (int i = 0; i < 12; ++i) {  // a page of 1 KiB has at most 1024 rows
    if (low >= high) break;
    const __u32 middle = (low + high) / 2;
    const struct pgf_unwind_row* row = bpf_map_lookup_elem(&unwind_rows, &middle);
    if (!row) return PGF_RULE_NONE;
    if (row->pc <= pc) {
      rule = row->rule;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return rule;
}

// Turns the frame into its caller's; `depth` frames were found before. Global for the same reason.
SUBPROGRAM int step_to_caller(struct walk* walk, __u32 depth) {
  if (!walk) return PGF_END_BAD_RULE;
  const __u64 pc = pgf_lookup_pc(&walk->frame);
  const __u32 space_number = walk->space;
  const struct pgf_unwind_space* space = bpf_map_lookup_elem(&unwind_spaces, &space_number);
  if (!space) return PGF_END_NO_MODULE;
  const __u32 generation = space->generation;
  const int by_table = !only_first_by_table || depth == 0;
  const struct pgf_unwind_rule* cached = by_table ? cached_rule(walk, pc, generation, depth) : 0;
  if (cached) return pgf_step(&walk->frame, cached, walk);
  const struct pgf_unwind_mapping* mapping =
      &space->mappings[walk->mapping & (PGF_MAX_SPACE_MAPPINGS - 1)];
  if (pc < mapping->start || pc >= mapping->end) {
    const __u32 found = find_mapping(space_number, pc);
    if (found >= PGF_MAX_SPACE_MAPPINGS) return PGF_END_NO_MODULE;
    mapping = &space->mappings[found];
    walk->mapping = found;
  }
  const __u32 number =
      by_table ? find_rule(mapping->first_row, mapping->page_count, (__u32)(pc - mapping->base))
               : PGF_RULE_NONE;
  if (!by_table || (number == PGF_RULE_NONE && mapping->flags & PGF_MAPPING_FRAME_POINTERS))
    return pgf_step_fp(&walk->frame, walk);
  if (number == PGF_RULE_NONE) {
    if (mapping->flags & PGF_MAPPING_NO_ROOM) return PGF_END_NO_ROOM;
    return mapping->flags & PGF_MAPPING_JIT ? PGF_END_JIT : PGF_END_NO_ROW;
  }
  const struct pgf_unwind_rule* rule = bpf_map_lookup_elem(&unwind_rules, &number);
  if (!rule) return PGF_END_NO_ROW;
  // Code made at run time comes and goes at the same address.
  if (!(mapping->flags & PGF_MAPPING_JIT)) remember_rule(walk, pc, generation, depth, rule);
  return pgf_step(&walk->frame, rule, walk);
}

struct frames {
  __u64 addresses[PGF_MAX_USER_FRAMES];
};

// Walks to the end, which it leaves in walk->end, and returns the number of frames. Global for the
// same reason, which makes this plain loop cheap to verify: a step is only a call in it. So no
// bpf_loop is needed, which Linux has from 5.17 on.
SUBPROGRAM __u32 walk_to_end(struct walk* walk, struct frames* frames) {
  if (!walk || !frames) return 0;
  for (__u32 i = 0; i < PGF_MAX_USER_FRAMES; ++i) {
    frames->addresses[i] = pgf_written_pc(&walk->frame);
    const int end = step_to_caller(walk, i);
    if (end == PGF_GO_ON) continue;
    int found = 1;
    walk->end = pgf_end_of_walk(&walk->frame, end, &found);
    return i + found;
  }
  walk->end = PGF_END_TRUNCATED;
  return PGF_MAX_USER_FRAMES;
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

// Not 0: where the walk would begin is not known.
static __always_inline int enter(struct walk* walk, struct bpf_perf_event_data* interrupted) {
  if (interrupts_user_code(interrupted)) {
    walk->frame.pc = PT_REGS_IP(&interrupted->regs);
    walk->frame.sp = PT_REGS_SP(&interrupted->regs);
    walk->frame.fp = PT_REGS_FP(&interrupted->regs);
#if defined(__TARGET_ARCH_arm64)
    walk->frame.lr = PT_REGS_RET(&interrupted->regs);
#else
    walk->realigned = interrupted->regs.r10;
    walk->base = interrupted->regs.rbx;
#endif
  } else if (read_user_registers(&walk->frame.pc, &walk->frame.sp, &walk->frame.fp, &walk->base)) {
    return -1;
  }
#if defined(__TARGET_ARCH_arm64)
  walk->frame.machine = PGF_AARCH64;
#endif
  walk->frame.exact = PGF_INNERMOST;
  walk->frame.fp_known = 1;
  return 0;
}

// Writes up to PGF_MAX_USER_FRAMES addresses, innermost first, and returns how many. `end` is an
// enum pgf_unwind_end; PGF_GO_ON: the process has no tables, walk it another way.
static __always_inline __u32 walk_user_stack(struct bpf_perf_event_data* interrupted,
                                             __u64* addresses,
                                             __s32* end) {
  *end = PGF_GO_ON;
  if (!unwind_by_table) return 0;
  const __u32 pid = bpf_get_current_pid_tgid() >> 32;
  struct pgf_unwind_process* process = bpf_map_lookup_elem(&unwind_processes, &pid);
  if (!process) return 0;
  const __u32 row = interrupted ? 0 : 1;
  struct walk* walk = bpf_map_lookup_elem(&walks, &row);
  if (!walk) return 0;
  __builtin_memset(walk, 0, __builtin_offsetof(struct walk, mapping));
  walk->space = process->space;
  walk->first_row = row * CACHED_RULES;
  if (enter(walk, interrupted)) return 0;
  const __u32 count = walk_to_end(walk, (struct frames*)addresses);
  if (walk->end == PGF_END_NO_MODULE) report_miss(process, pid, walk->frame.pc);
  *end = walk->end;
  return count;
}

#else  // this build leaves the walker out

static __always_inline __u32 walk_user_stack(struct bpf_perf_event_data* interrupted,
                                             __u64* addresses,
                                             __s32* end) {
  *end = PGF_GO_ON;
  return 0;
}

#endif
