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
