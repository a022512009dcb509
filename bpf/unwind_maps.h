// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// What the walker and user space share: compiled unwind information (unwind_table.h), kept in flat
// arrays so that every lookup after that of the process is a plain array access.
#pragma once

#include "platform.h"
#include "unwind_table.h"

enum { UNWIND_DEFAULT_ROWS = 1 << 21, UNWIND_RING_BYTES = 512 << 10 };

// Rows of the cache: those of callers, then those of innermost frames. Powers of two.
enum { CACHED_CALLERS = 1024, CACHED_RULES = 2048, INDEXED_RULES = 4096 };

// Where the cache has the rules of callers: row by a hash of the pc. The oldest row gives way.
struct rule_index {
  __u32 added;
  __u16 rows[INDEXED_RULES];
};

// Rows of all modules one after the other; a module's part is named by pgf_unwind_mapping. User
// space writes through a memory mapping and publishes rows before it names them anywhere.
MAP(unwind_rows,
    BPF_MAP_TYPE_ARRAY,
    __u32,
    struct pgf_unwind_row,
    UNWIND_DEFAULT_ROWS,
    BPF_F_MMAPABLE);

MAP(unwind_rules, BPF_MAP_TYPE_ARRAY, __u32, struct pgf_unwind_rule, PGF_MAX_RULES, 0);

MAP(unwind_spaces, BPF_MAP_TYPE_ARRAY, __u32, struct pgf_unwind_space, PGF_MAX_SPACES, 0);

// key: process. A child has its parent's space until it loads something of its own.
MAP(unwind_processes, BPF_MAP_TYPE_HASH, __u32, struct pgf_unwind_process, 16384, 0);

// Recently found rules (unwind_cache.h): half of it for the sampling program, half for the switch
// program, which the former may interrupt.
MAP(unwind_cache, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct pgf_cached_rule, 2 * CACHED_RULES, 0);

// pgf_unwind_record to user space. Full: the record is dropped, and the next miss sends another.
RING(unwind_ring, UNWIND_RING_BYTES);

// Set before loading. Without tables no walk happens; with `only_first_by_table` the caller of the
// innermost frame comes from the table and the rest from frame pointers.
SETTING(const volatile __u8, unwind_by_table, 1);
SETTING(const volatile __u8, only_first_by_table, 0);

static __always_inline void unwind_fork(__u32 parent, __u32 child) {
  const struct pgf_unwind_process* process = bpf_map_lookup_elem(&unwind_processes, &parent);
  if (!process) return;
  const struct pgf_unwind_process copy = {.space = process->space};
  bpf_map_update_elem(&unwind_processes, &child, &copy, BPF_ANY);
}

static __always_inline void unwind_forget(__u32 pid) {
  bpf_map_delete_elem(&unwind_processes, &pid);
}
