// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Rules that walks have found, for the next ones. Between two samples everything has left the
// processor's caches, so what counts is how much memory a walk touches: callers have their rows in
// the order in which a walk came to them, and each names the row of its own caller. Where a row is
// does not matter to what is found: pc and generation are compared in any case.
#pragma once

#include "unwind_state.h"

static __always_inline struct pgf_cached_rule* cache_row(const struct walk* walk, __u32 row) {
  row = walk->first_row + (row & (CACHED_RULES - 1));
  return bpf_map_lookup_elem(&unwind_cache, &row);
}

static __always_inline __u16* row_by_pc(struct walk* walk, __u64 pc) {
  return &walk->index.rows[(pc ^ (pc >> 12)) & (INDEXED_RULES - 1)];
}

// Innermost frames are many and rarely the same: they don't push callers out.
static __always_inline __u32 innermost_row(__u64 pc) {
  return CACHED_CALLERS + ((__u32)(pc ^ (pc >> 10)) & (CACHED_RULES - CACHED_CALLERS - 1));
}

static __always_inline void link_to(struct walk* walk, __u32 row) {
  struct pgf_cached_rule* before = cache_row(walk, walk->row);
  if (before) before->caller = (__u16)row;
}

static __always_inline int holds(const struct pgf_cached_rule* cached, __u64 pc, __u32 generation) {
  return cached && cached->pc == pc && cached->generation == generation;
}

// The rule for `pc`, or 0.
static __always_inline const struct pgf_unwind_rule* cached_rule(struct walk* walk,
                                                                 __u64 pc,
                                                                 __u32 generation,
                                                                 __u32 depth) {
  __u32 row = depth ? walk->caller : innermost_row(pc);
  const struct pgf_cached_rule* cached = cache_row(walk, row);
  if (depth && !holds(cached, pc, generation)) {
    row = *row_by_pc(walk, pc);
    cached = cache_row(walk, row);
  }
  if (!holds(cached, pc, generation)) return 0;
  if (depth && row != walk->caller) link_to(walk, row);
  walk->row = row;
  walk->caller = cached->caller;
  return &cached->rule;
}

static __always_inline void remember_rule(struct walk* walk,
                                          __u64 pc,
                                          __u32 generation,
                                          __u32 depth,
                                          const struct pgf_unwind_rule* rule) {
  const __u32 row = depth ? walk->index.added++ & (CACHED_CALLERS - 1) : innermost_row(pc);
  struct pgf_cached_rule* cached = cache_row(walk, row);
  if (!cached) return;
  cached->pc = pc;
  cached->generation = generation;
  cached->rule = *rule;
  if (depth) {
    *row_by_pc(walk, pc) = (__u16)row;
    link_to(walk, row);
  }
  walk->row = row;
  walk->caller = cached->caller;
}
