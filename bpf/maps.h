// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The maps and counters that all programs share.
#pragma once

#include "sample_event.h"

// key: process, value: its state. Written by user space and the fork program, removed by the exit
// program. Full: new children are not sampled (COUNT_TARGETS_FULL).
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, struct target);
} targets SEC(".maps");

// key: process that is a target but was found not to be wanted (capture/filter.h). Written by user
// space. Full: it is sampled all the same and left out by user space.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, __u8);
} unwanted SEC(".maps");

// Set before loading: some targets may be unwanted.
const volatile __u8 filters = 0;
// Set before loading: samples of other queries are left out; 0: none.
const volatile __u64 only_query = 0;

// One row per cluster, written by user space before its targets are added.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, MAX_LAYOUTS);
  __type(key, __u32);
  __type(value, struct layout);
} layouts SEC(".maps");

// Records to user space. Full: the record is dropped (COUNT_RING_FULL, COUNT_LIFECYCLE_LOST).
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 8 << 20);
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, COUNTER_ROWS);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

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
