// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The maps and counters that all programs share.
#pragma once

#include "platform.h"

// key: process, value: its state. Written by user space and the fork program, removed by the exit
// program. Full: new children are not sampled (COUNT_TARGETS_FULL).
MAP(targets, BPF_MAP_TYPE_HASH, __u32, struct target, 16384, 0);

// key: process that is a target but was found not to be wanted (capture/filter.h). Written by user
// space. Full: it is sampled all the same and left out by user space.
MAP(unwanted, BPF_MAP_TYPE_HASH, __u32, __u8, 16384, 0);

// Set before loading: some targets may be unwanted.
SETTING(const volatile __u8, filters, 0);
// Set before loading: samples of other queries are left out; 0: none.
SETTING(const volatile __u64, only_query, 0);

// Set before loading: what the programs may take from the kernel's headers (enum header_fact).
SETTING(const volatile __u8, headers_hold, 0);

// One row per cluster, written by user space before its targets are added.
MAP(layouts, BPF_MAP_TYPE_ARRAY, __u32, struct layout, MAX_LAYOUTS, 0);

// Records to user space. Full: the record is dropped (COUNT_RING_FULL, COUNT_LIFECYCLE_LOST,
// COUNT_INTERVAL_LOST).
RING(ring, 8 << 20);

MAP(counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, COUNTER_ROWS, 0);

static __always_inline void count(__u32 row) {
  __u64* value = bpf_map_lookup_elem(&counters, &row);
  if (value) ++*value;
}

static __always_inline int is_unwanted(__u32 pid) {
  return filters && bpf_map_lookup_elem(&unwanted, &pid);
}

// Whether what these tags say belongs to a query that is left out. The id of the query before stays
// while a session is idle; such samples are user space's to judge.
static __always_inline int is_other_query(const struct backend_tags* tags) {
  return only_query && tags->query_id && tags->query_id != only_query;
}
