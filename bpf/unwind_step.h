// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One step from a frame to its caller. The same text runs in the kernel and in C++, so that what
 * the fuzzers and the comparison with libdwfl exercise is what runs in the kernel.
 *
 * Whoever includes this defines PGF_STEP_INLINE and the readers; both return 0 on success:
 *   int pgf_read_word(void *memory, __u64 address, __u64 *value)       a word of user memory
 *   int pgf_read_pair(void *memory, __u64 address, __u64 *values)      two 8-byte words
 *   int pgf_read_register(void *memory, unsigned number, __u64 *value) innermost frame's register
 */
#ifndef PGFLAME_UNWIND_STEP_H
#define PGFLAME_UNWIND_STEP_H

#include "unwind_table.h"

/* A frame larger than this is taken for a wild frame pointer. */
#define PGF_MAX_FRAME_BYTES (1ULL << 20)

/* Signed pointers carry their signature above the 48 bits of a user address. */
#define PGF_AARCH64_ADDRESS 0x0000ffffffffffffULL

/* The address to look up: a return address may already belong to the next function. */
PGF_STEP_INLINE __u64 pgf_lookup_pc(const struct pgf_frame* frame) {
  return frame->exact ? frame->pc : frame->pc - 1;
}

/* The address to write down for a frame: readers look up a caller's predecessor, and an interrupted
 * caller's pc is not one behind. */
PGF_STEP_INLINE __u64 pgf_written_pc(const struct pgf_frame* frame) {
  return frame->exact == PGF_INTERRUPTED ? frame->pc + 1 : frame->pc;
}

PGF_STEP_INLINE __u64 pgf_word(const struct pgf_frame* frame) {
  return frame->machine == PGF_I386 ? 4 : 8;
}

PGF_STEP_INLINE int pgf_step_signal(struct pgf_frame* frame, void* memory) {
  __u64 sp = frame->sp;
  int failed;
  if (frame->machine == PGF_AARCH64) {
    failed = pgf_read_word(memory, sp + PGF_ARM64_SIGNAL_REGISTERS + 29 * 8, &frame->fp);
    failed |= pgf_read_word(memory, sp + PGF_ARM64_SIGNAL_REGISTERS + 30 * 8, &frame->lr);
    failed |= pgf_read_word(memory, sp + PGF_ARM64_SIGNAL_SP, &frame->sp);
    failed |= pgf_read_word(memory, sp + PGF_ARM64_SIGNAL_PC, &frame->pc);
  } else if (frame->machine == PGF_X86_64) {
    failed = pgf_read_word(memory, sp + PGF_X86_SIGNAL_FP, &frame->fp);
    failed |= pgf_read_word(memory, sp + PGF_X86_SIGNAL_SP, &frame->sp);
    failed |= pgf_read_word(memory, sp + PGF_X86_SIGNAL_PC, &frame->pc);
    frame->base_at = sp + PGF_X86_SIGNAL_BASE;
  } else {
    return PGF_END_BAD_RULE;
  }
  if (failed) return PGF_END_UNREADABLE;
  frame->exact = PGF_INTERRUPTED;
  frame->fp_known = 1;
  return PGF_GO_ON;
}

/* The value of a register that a CFA is computed from. Not 0: it is not known. */
PGF_STEP_INLINE int pgf_cfa_register(const struct pgf_frame* frame,
                                     unsigned number,
                                     void* memory,
                                     __u64* value) {
  if (frame->exact == PGF_INNERMOST) return pgf_read_register(memory, number, value);
  if (number != PGF_BASE_REGISTER || frame->base_at == PGF_BASE_NOWHERE) return -1;
  return frame->base_at == PGF_BASE_IN_REGISTER ? pgf_read_register(memory, number, value)
                                                : pgf_read_word(memory, frame->base_at, value);
}

/* Follows the base register from a frame to its caller. */
PGF_STEP_INLINE void pgf_follow_base(struct pgf_frame* frame,
                                     const struct pgf_unwind_rule* rule,
                                     __u64 cfa) {
  if (rule->cfa == PGF_CFA_PLT) return;
  if (rule->cfa != PGF_CFA_SP && rule->cfa != PGF_CFA_FP)
    frame->base_at = PGF_BASE_NOWHERE;
  else if (rule->extra == PGF_BASE_LOST)
    frame->base_at = PGF_BASE_NOWHERE;
  else if (rule->extra)
    frame->base_at = cfa - pgf_word(frame) * rule->extra;
}

/* Returns PGF_GO_ON and the canonical frame address, or why there is none. */
PGF_STEP_INLINE int pgf_cfa(const struct pgf_frame* frame,
                            const struct pgf_unwind_rule* rule,
                            void* memory,
                            __u64* cfa) {
  __u64 offset = (__u64)(__s64)rule->cfa_offset;
  __u64 loaded = 0;
  switch (rule->cfa) {
    case PGF_CFA_NONE:
      return PGF_END_NO_ROW;
    case PGF_CFA_SP:
      *cfa = frame->sp + offset;
      return PGF_GO_ON;
    case PGF_CFA_FP:
      *cfa = frame->fp + offset;
      return frame->fp_known ? PGF_GO_ON : PGF_END_BAD_RULE;
    case PGF_CFA_PLT:
      *cfa = frame->sp + pgf_word(frame) * ((frame->pc & 15) >= offset ? 2 : 1);
      return PGF_GO_ON;
    case PGF_CFA_REGISTER:
      if (pgf_cfa_register(frame, rule->extra, memory, &loaded)) return PGF_END_BAD_RULE;
      *cfa = loaded + offset;
      return PGF_GO_ON;
    case PGF_CFA_LOAD_SP:
    case PGF_CFA_LOAD_FP:
      if (rule->cfa == PGF_CFA_LOAD_FP && !frame->fp_known) return PGF_END_BAD_RULE;
      offset += rule->cfa == PGF_CFA_LOAD_SP ? frame->sp : frame->fp;
      if (pgf_read_word(memory, offset, &loaded)) return PGF_END_UNREADABLE;
      *cfa = loaded + 8ULL * rule->extra;
      return PGF_GO_ON;
    default:
      return PGF_END_BAD_RULE;
  }
}

/* Reads the caller's frame pointer and, into `pc`, the return address. A frame pointer that cannot
 * be read is only missed if some caller needs it. */
PGF_STEP_INLINE int pgf_restore(struct pgf_frame* frame,
                                const struct pgf_unwind_rule* rule,
                                void* memory,
                                __u64 cfa,
                                __u64* pc) {
  __u64 ra_at = cfa + (__u64)(__s64)rule->ra_offset;
  __u64 fp_at = (__u64)(__s64)rule->fp_offset;
  __u64 pair[2] = {0, 0};
  /* The usual prologue leaves both next to each other: one read instead of two. */
  if (rule->fp == PGF_FP_AT_CFA && rule->ra == PGF_RA_AT_CFA && cfa + fp_at + 8 == ra_at &&
      frame->machine != PGF_I386) {
    if (pgf_read_pair(memory, cfa + fp_at, pair)) return PGF_END_UNREADABLE;
    frame->fp = pair[0];
    frame->fp_known = 1;
    *pc = pair[1];
    return PGF_GO_ON;
  }
  if (rule->ra == PGF_RA_AT_CFA && pgf_read_word(memory, ra_at, pc)) return PGF_END_UNREADABLE;
  if (rule->fp == PGF_FP_SAME) return PGF_GO_ON;
  if (rule->fp == PGF_FP_AT_CFA)
    fp_at += cfa;
  else
    fp_at += frame->fp;
  frame->fp_known = rule->fp != PGF_FP_UNKNOWN && (rule->fp != PGF_FP_AT_FP || frame->fp_known) &&
                    pgf_read_word(memory, fp_at, &frame->fp) == 0;
  return PGF_GO_ON;
}

/* Turns the frame into its caller's. On any other result than PGF_GO_ON the frame is undefined. */
PGF_STEP_INLINE int pgf_step(struct pgf_frame* frame,
                             const struct pgf_unwind_rule* rule,
                             void* memory) {
  __u64 cfa = 0;
  __u64 pc = frame->lr;
  if (rule->ra == PGF_RA_STOP) return PGF_END_ROOT;
  if (rule->cfa == PGF_CFA_SIGNAL) return pgf_step_signal(frame, memory);
  int end = pgf_cfa(frame, rule, memory, &cfa);
  if (end != PGF_GO_ON) return end;
  /* Stacks grow downwards: a caller that is not above its callee would make the walk a loop. Only
   * an innermost aarch64 function may use no stack at all. */
  if (cfa < frame->sp || (cfa == frame->sp && rule->ra != PGF_RA_LINK_REGISTER))
    return PGF_END_BAD_RULE;
  if (rule->ra != PGF_RA_AT_CFA && (rule->ra != PGF_RA_LINK_REGISTER || !frame->exact))
    return PGF_END_BAD_RULE;
  end = pgf_restore(frame, rule, memory, cfa, &pc);
  if (end != PGF_GO_ON) return end;
  if (frame->machine == PGF_AARCH64) pc &= PGF_AARCH64_ADDRESS;
  pgf_follow_base(frame, rule, cfa);
  frame->sp = cfa;
  frame->pc = pc;
  frame->exact = PGF_RETURN_ADDRESS;
  /* No caller at address 0: thread starts that were not given unwind information push one. */
  return pc == 0 ? PGF_END_ROOT : PGF_GO_ON;
}

/* The same by the frame pointer alone, for modules without unwind information. Nobody knows whether
 * they keep frame pointers, and even then the caller of an innermost frame may be missing. */
PGF_STEP_INLINE int pgf_step_fp(struct pgf_frame* frame, void* memory) {
  __u64 fp = frame->fp;
  __u64 pc = 0;
  __u64 word = pgf_word(frame);
  if (!frame->fp_known || fp == 0) return PGF_END_FRAME_POINTERS;
  if ((fp & (word - 1)) != 0 || fp < frame->sp || fp - frame->sp > PGF_MAX_FRAME_BYTES)
    return PGF_END_FRAME_POINTERS;
  if (pgf_read_word(memory, fp, &frame->fp) || pgf_read_word(memory, fp + word, &pc))
    return PGF_END_UNREADABLE;
  if (frame->machine == PGF_AARCH64) pc &= PGF_AARCH64_ADDRESS;
  if (pc == 0) return PGF_END_FRAME_POINTERS;
  frame->base_at = PGF_BASE_NOWHERE;
  frame->sp = fp + 2 * word;
  frame->pc = pc;
  frame->exact = PGF_RETURN_ADDRESS;
  frame->by_chain = 1;
  return PGF_GO_ON;
}

/* The end of a walk, of which `frame` is the last: how it ends, and in `found` whether `frame` is
 * one. What a frame pointer led to is none unless it is code, and no such walk is known to be
 * whole.
 */
PGF_STEP_INLINE int pgf_end_of_walk(const struct pgf_frame* frame, int end, int* found) {
  *found = !frame->by_chain || end != PGF_END_NO_MODULE;
  if (!frame->by_chain || end == PGF_END_TRUNCATED || end == PGF_END_UNREADABLE) return end;
  return PGF_END_FRAME_POINTERS;
}

#endif
