/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
// What a session's application_name goes by, in the kernel and in user space.
#pragma once

#include "sample_event.h"

// Of the text up to its final 0, whatever is behind that; neither UNKNOWN_APPLICATION nor
// OTHER_APPLICATION.
static inline __attribute__((always_inline)) __u32 hash_of_name(const __u64* words) {
  const __u64 ones = 0x0101010101010101ULL;
  __u64 hash = 0;
  for (int i = 0; i < MAX_APPLICATION_NAME / 8; ++i) {
    __u64 word = words[i];
    // The lowest bit that is set belongs to the first byte that is 0 (Mycroft).
    const __u64 zeros = (word - ones) & ~word & (ones << 7);
    if (zeros) word &= zeros ^ (zeros - 1);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;
    if (zeros) break;
  }
  return (__u32)hash > OTHER_APPLICATION ? (__u32)hash : (__u32)hash + OTHER_APPLICATION + 1;
}
