// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Compiled unwind information, read by the BPF walker and by the C++ one.
 *
 * A module's table is a sorted array of rows. A row holds from its pc up to the next row's pc and
 * names the rule for that stretch of code. A rule says how to compute, from the registers of a
 * frame, the canonical frame address (CFA: the caller's stack pointer) and where the caller's frame
 * pointer and the return address were saved. Rules repeat heavily (a whole backend with LLVM loaded
 * has 1 600 000 rows and 1 400 rules), so rows carry a number instead of the rule.
 */
#ifndef PGFLAME_UNWIND_TABLE_H
#define PGFLAME_UNWIND_TABLE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum {
  PGF_RULE_NONE = 0, /* row of a gap: no unwind information; rule 0 is all zero */
  PGF_MAX_RULES = 16384,
  PGF_MAX_USER_FRAMES = 128,
};

struct pgf_unwind_row {
  __u32 pc; /* virtual address minus the table's base */
  __u16 rule;
  __u16 unused;
};

enum pgf_cfa_kind {
  PGF_CFA_NONE,     /* nothing known about this code */
  PGF_CFA_SP,       /* SP + cfa_offset */
  PGF_CFA_FP,       /* FP + cfa_offset */
  PGF_CFA_REGISTER, /* register `extra` (DWARF number) + cfa_offset; innermost frame only */
  PGF_CFA_PLT,      /* SP + 8, and 8 more when (pc & 15) >= cfa_offset */
  PGF_CFA_LOAD_SP,  /* *(SP + cfa_offset) + 8 * extra */
  PGF_CFA_LOAD_FP,  /* *(FP + cfa_offset) + 8 * extra */
  PGF_CFA_SIGNAL,   /* the kernel's signal frame lies at SP; all registers come from it */
  PGF_CFA_BAD,      /* there is information, in a form that is not understood */
};

enum pgf_fp_kind {
  PGF_FP_SAME,
  PGF_FP_AT_CFA,  /* saved at CFA + fp_offset */
  PGF_FP_AT_FP,   /* saved at FP + fp_offset */
  PGF_FP_UNKNOWN, /* lost; no frame may use it until it is restored */
};

enum pgf_ra_kind {
  PGF_RA_AT_CFA,        /* saved at CFA + ra_offset */
  PGF_RA_LINK_REGISTER, /* aarch64: still in the link register; innermost frame only */
  PGF_RA_STOP,          /* this is the outermost frame */
  PGF_RA_BAD,
};

struct pgf_unwind_rule {
  __u8 cfa;
  __u8 fp;
  __u8 ra;
  __u8 extra;
  __s32 cfa_offset;
  __s32 fp_offset;
  __s32 ra_offset;
};

/* How a walk ended. */
enum pgf_unwind_end {
  PGF_GO_ON = -1, /* not ended: there is a caller */
  PGF_END_ROOT,
  PGF_END_NO_STACK,  /* kernel thread, or a 32-bit program */
  PGF_END_NO_MODULE, /* no known mapping covers the address */
  PGF_END_NO_ROW,    /* code without unwind information */
  PGF_END_BAD_RULE,  /* unwind information that is not understood, or a stack that goes backwards */
  PGF_END_UNREADABLE,     /* the stack memory could not be read */
  PGF_END_TRUNCATED,      /* PGF_MAX_USER_FRAMES reached */
  PGF_END_JIT,            /* code made at run time whose table is not known (yet) */
  PGF_END_FRAME_POINTERS, /* walked by frame pointers, which do not say whether they are complete */
  PGF_END_COUNT,
};

/* x86-64 signal frame as the kernel lays it out above SP at the return trampoline: struct ucontext
 * begins at SP, its registers at SP + 40 (arch/x86/include/uapi/asm/sigcontext.h). */
enum {
  PGF_X86_SIGNAL_FP = 120,
  PGF_X86_SIGNAL_SP = 160,
  PGF_X86_SIGNAL_PC = 168,
};
/* aarch64: siginfo (128) and ucontext up to uc_mcontext (176) and fault_address (8) come first. */
enum {
  PGF_ARM64_SIGNAL_REGISTERS = 312,
  PGF_ARM64_SIGNAL_SP = 560,
  PGF_ARM64_SIGNAL_PC = 568,
};

#endif
