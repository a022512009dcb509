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
  PGF_CFA_REGISTER, /* register `extra` (DWARF number) + cfa_offset; in callers PGF_BASE_REGISTER
                       only */
  PGF_CFA_PLT,      /* SP + a word, and another when (pc & 15) >= cfa_offset */
  PGF_CFA_LOAD_SP,  /* *(SP + cfa_offset) + 8 * extra */
  PGF_CFA_LOAD_FP,  /* *(FP + cfa_offset) + 8 * extra */
  PGF_CFA_SIGNAL,   /* the kernel's signal frame lies at SP; all registers come from it */
  PGF_CFA_BAD,      /* there is information, in a form that is not understood */
  PGF_CFA_CHAIN,    /* no information in the whole module: by frame pointer; not in rows */
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

/* x86's rbx and ebx, DWARF number 3: where the dynamic linker's trampolines keep their CFA, and so
 * the one register besides the frame pointer that is followed through callees. */
enum {
  PGF_BASE_REGISTER = 3,
  PGF_BASE_LOST = 0xff, /* `extra`: saved in a way that is not followed */
};

/* Values of pgf_frame.base_at that are no addresses of stack memory. */
enum {
  PGF_BASE_IN_REGISTER = 0, /* not saved by any callee: as it was in the innermost frame */
  PGF_BASE_NOWHERE = 1,     /* saved in a way that is not followed */
};

struct pgf_unwind_rule {
  __u8 cfa;
  __u8 fp;
  __u8 ra;
  __u8 extra; /* of PGF_CFA_SP and PGF_CFA_FP: the base register is saved so many words below the
                 CFA; 0: not saved, PGF_BASE_LOST */
  __s32 cfa_offset;
  __s32 fp_offset;
  __s32 ra_offset;
};

enum pgf_machine { PGF_X86_64, PGF_I386, PGF_AARCH64 };

enum pgf_exact {
  PGF_RETURN_ADDRESS, /* pc is the instruction after a call */
  PGF_INNERMOST,      /* pc is the next instruction to run, all registers are known */
  PGF_INTERRUPTED,    /* pc is the next instruction to run when a signal's handler returns */
};

struct pgf_frame {
  __u64 pc;
  __u64 sp;
  __u64 fp;
  __u64 lr;      /* aarch64 only */
  __u64 base_at; /* x86 only: where the base register's value was saved, or PGF_BASE_* */
  __u8 machine;  /* enum pgf_machine */
  __u8 exact;    /* enum pgf_exact */
  __u8 fp_known;
  __u8 by_chain; /* a frame pointer was followed on the way here */
};

/* How a walk ended. */
enum pgf_unwind_end {
  PGF_GO_ON = -1, /* not ended: there is a caller */
  PGF_END_ROOT,
  PGF_END_NO_MODULE, /* no known mapping covers the address */
  PGF_END_NO_ROW,    /* code without unwind information */
  PGF_END_BAD_RULE,  /* unwind information that is not understood, or a stack that goes backwards */
  PGF_END_UNREADABLE,     /* the stack memory could not be read */
  PGF_END_TRUNCATED,      /* PGF_MAX_USER_FRAMES reached */
  PGF_END_JIT,            /* code made at run time whose table is not known (yet) */
  PGF_END_FRAME_POINTERS, /* walked by frame pointers, which do not say whether they are complete */
  PGF_END_NO_ROOM,        /* the module's rows found no room in the row array */
};

/* One executable mapping of a process and its module's part of the row array. */
struct pgf_unwind_mapping {
  __u64 start;
  __u64 end;  /* exclusive */
  __u64 base; /* address in the process that a row with pc 0 stands for */
  __u32 first_row;
  __u32 row_count;
  __u32 flags;      /* PGF_MAPPING_* */
  __u32 page_count; /* the page index lies before first_row and has an entry more */
};

/* Pages of the index over a module's rows: 1 KiB of code has some fifteen rows. */
enum { PGF_PAGE_SHIFT = 10 };

enum {
  PGF_MAPPING_FRAME_POINTERS = 1, /* next to no rows: where there is none by frame pointer */
  PGF_MAPPING_JIT = 2,            /* memory without a file */
  PGF_MAPPING_NO_ROOM = 4,        /* no rows, because there was no room for them */
};

enum { PGF_MAX_SPACES = 256, PGF_MAX_SPACE_MAPPINGS = 256, PGF_NO_SPACE = 0xffffffff };

/* What is mapped where; all backends of a cluster share one until they load something. Written once
 * and then only replaced as a whole by another one. */
struct pgf_unwind_space {
  __u32 count;
  __u32 generation; /* another number for every space that was ever published; never 0 */
  struct pgf_unwind_mapping mappings[PGF_MAX_SPACE_MAPPINGS]; /* by start, disjoint */
};

/* What a lookup found, for the next one: stacks share most of their callers. */
struct pgf_cached_rule {
  __u64 pc; /* 0: empty */
  __u32 generation;
  __u16 caller; /* row where the caller's rule was found the last time */
  __u16 unused;
  struct pgf_unwind_rule rule;
};

struct pgf_unwind_process {
  __u32 space;
  __u32 unused;
  __u64 last_miss_ns; /* when an unknown address was last reported */
};

/* What the walker tells user space through its own ring. */
enum pgf_unwind_record_kind {
  PGF_RECORD_MISS = 1, /* no known mapping covers `address` */
  PGF_RECORD_JIT = 2,  /* code made at run time; its .eh_frame lies at `address` (pgf_jit_record) */
  PGF_RECORD_VERIFY = 4, /* a walk to be compared (pgf_verify_record) */
  PGF_RECORD_UNJIT = 3,  /* ... and is gone */
};

struct pgf_unwind_record {
  __u32 kind;
  __u32 pid;
  __u64 address;
};

enum { PGF_VERIFY_CHUNK = 256, PGF_VERIFY_CHUNKS = 64, PGF_VERIFY_REGISTERS = 17 };

struct pgf_verify_record {
  struct pgf_unwind_record head;
  __u32 count;
  __s32 end;                             /* enum pgf_unwind_end */
  __u64 stack_size;                      /* bytes that could be copied */
  __u64 registers[PGF_VERIFY_REGISTERS]; /* AX BX CX DX SI DI BP SP IP R8 ... R15: perf's order */
  __u64 addresses[PGF_MAX_USER_FRAMES];
  __u8 stack[PGF_VERIFY_CHUNK * PGF_VERIFY_CHUNKS]; /* from SP upwards */
};

/* Postgres' expressions need a few hundred bytes, for each partition again; larger sections are
 * cut. */
enum { PGF_JIT_CHUNK = 256, PGF_JIT_CHUNKS = 64 };

struct pgf_jit_record {
  struct pgf_unwind_record head;
  __u64 size; /* bytes that could be read */
  __u8 bytes[PGF_JIT_CHUNK * PGF_JIT_CHUNKS];
};

/* x86-64 signal frame as the kernel lays it out above SP at the return trampoline: struct ucontext
 * begins at SP, its registers at SP + 40 (arch/x86/include/uapi/asm/sigcontext.h). */
enum {
  PGF_X86_SIGNAL_FP = 120,
  PGF_X86_SIGNAL_BASE = 128,
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
