// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// What the programs and user space tell each other: records in the ring, values in the maps.
// Included by BPF C and by C++; fixed-width fields, no implicit padding (asserted in C++).
#pragma once

#ifdef __cplusplus
#include <cstdint>
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef int32_t __s32;
typedef unsigned long long __u64;
#endif

enum { MAX_QUERY_TEXT = 1024 };  // as much as the server keeps by default
enum { MAX_APPLICATION_NAME = 64, MAX_APPLICATIONS = 1024 };
// In place of the hash of a name: not known; one of those beyond MAX_APPLICATIONS.
enum { UNKNOWN_APPLICATION = 0, OTHER_APPLICATION = 1 };
enum { MAX_KERNEL_FRAMES = 127, MAX_USER_FRAMES = 128, MAX_LAYOUTS = 64, NO_LAYOUT = 0xffffffff };

enum event_kind {
  EVENT_SAMPLE = 1,    // sample_event: on a CPU
  EVENT_OFF_CPU = 2,   // sample_event: the stack with which a backend left its CPU
  EVENT_INTERVAL = 3,  // process_event: the interval opened by the last EVENT_OFF_CPU has ended
  EVENT_FORK = 4,
  EVENT_EXEC = 5,
  EVENT_EXIT = 6,
  EVENT_APPLICATION = 7,  // application_event: a name that was not sent before
};

// Same numbers as pgflame::State.
enum backend_state { STATE_RUNNING = 0, STATE_RUNNABLE = 1, STATE_WAITING = 2 };

// Same numbers as pgflame::StackEnd.
enum stack_end {
  STACK_UNKNOWN = 0,
  STACK_ROOT = 1,
  STACK_TRUNCATED = 2,
  STACK_NO_UNWIND = 3,
  STACK_UNREADABLE = 4,
  STACK_NONE = 5,
  STACK_NO_MODULE = 6,
  STACK_BAD_UNWIND = 7,
  STACK_RUN_TIME_CODE = 8,
  STACK_NO_ROOM = 9,
};

// Which of the tags could be read and passed their checks.
enum tag_flags {
  TAG_WAIT_EVENT = 1,
  TAG_BACKEND = 2,     // query_id, database, user, session_state, backend_type
  TAG_UNREADABLE = 4,  // there was something to read, and it could not be read or was implausible
  TAG_NOT_READ = 8,    // nobody tried: an interval that was not looked at
};

// Read from the backend's own memory through the globals MyBEEntry and my_wait_event_info.
struct backend_tags {
  __u64 query_id;
  __u32 wait_event;  // 0xffffffff unknown
  __u32 database;
  __u32 user;
  __u8 session_state;  // BackendState of the cluster's major version
  __u8 backend_type;   // BackendType of the cluster's major version
  __u8 flags;          // enum tag_flags
  __u8 unused;
};

// Followed by kernel_count + user_count addresses of 8 bytes, each part innermost first, and a
// text.
struct sample_event {
  __u8 kind;       // enum event_kind
  __u8 state;      // enum backend_state
  __u8 stack_end;  // enum stack_end
  __u8 unused;
  __u32 application;  // hash of the session's name (application_name.h)
  __u64 time_ns;      // CLOCK_MONOTONIC
  __u32 pid;          // process; the kernel says tgid
  __u32 tid;          // thread
  __u64 weight;       // of the event that fired: nanoseconds of cpu-clock, or cycles
  struct backend_tags tags;
  __u16 kernel_count;
  __u16 user_count;
  __u32 text_size;  // bytes of the statement's text behind the addresses, its final 0 included
};

struct application_event {
  __u8 kind;  // enum event_kind
  __u8 unused[3];
  __u32 application;                     // its hash
  __u64 name[MAX_APPLICATION_NAME / 8];  // the text up to a final 0
};

struct process_event {
  __u8 kind;  // enum event_kind
  __u8 unused[3];
  __u32 cpu;
  __u64 time_ns;
  __u32 pid;
  __u32 parent;         // fork: the parent
  __s32 namespace_pid;  // fork: what the process itself takes for its pid
  __u32 stands_for;     // interval: for how many like it, whose stacks were not taken
  __u64 running_ns;     // exit: time on a CPU since it became a target
  __u64 waiting_ns;     // interval: until the backend was woken up; exit: target's short_waiting_ns
  __u64 runnable_ns;    // interval: from then on until it got a CPU; exit: ... short_runnable_ns
};

// An interval that is looked at stands for no more time than this. One that is so long that it
// would is booked by itself, whether it was looked at or not.
enum { MOST_STOOD_FOR_NS = 16 * 1000 * 1000 };

// Where a cluster keeps what the tags are read from; addresses are the same in every backend.
struct layout {
  __u64 my_wait_event_info;  // address of the global, 0 when the version has none
  __u64 my_be_entry;         // address of the global, 0 unknown
  __u64 my_proc;             // address of the global, used when my_wait_event_info is 0
  __u64 debug_query_string;  // address of the global, used when my_be_entry is 0
  __u32 proc_wait_event;     // offset in PGPROC
  __u32 entry_state;         // offsets in PgBackendStatus
  __u32 entry_activity;
  __u32 entry_query_id;  // 0: the version has none
  __u32 active_state;    // the BackendState that means "active"
  __u32 entry_application;
};

// A process that is sampled. Written by user space for those that exist at the start, by the fork
// program afterwards. A switch that is not looked at needs three of its cache lines: with what the
// map keeps in front of it, the fourth begins behind `application_at`.
struct target {
  __u32 layout;         // row of `layouts`, or NO_LAYOUT
  __s32 namespace_pid;  // st_procpid must be equal to this
  __u64 wait_event_at;  // where its wait event was found last; 0 unknown
  __u64 running_ns;     // on a CPU, up to the last switch
  __u64 on_since;       // 0 when not on a CPU
  __u64 off_since;      // 0 when on a CPU or not seen yet
  __u64 woken_at;       // 0 when still asleep
  __u64 looks_since;    // when the window of looks began
  __u32 stands_for;     // how many intervals the open one stands for; 0: others stand for it
  __u16 look_stride;    // one interval in `look_stride` is looked at; a power of two, 0 is 1
  __u8 has_stack;       // the open interval has sent its stack
  __u8 preempted;       // the open interval began with a preemption, not with a wait
  __u32 looks_taken;    // since looks_since
  __u32 stride;         // one interval in `stride` takes a stack; a power of two, 0 is 1

  struct backend_tags tags;  // as of off_since
  __u64 short_waiting_ns;    // exact sums of its short intervals, whether looked at or not
  __u64 short_runnable_ns;
  __u64 booked_ns;       // off the CPU, as added up in `intervals`
  __u64 status_at;       // its PgBackendStatus; 0 unknown
  __u64 application_at;  // where that keeps the application_name; 0 unknown
  __u64 stacks_since;    // when the window of stacks began
  __u32 application;     // hash of its name when that was last looked at
  __u16 stacks_taken;    // since stacks_since
  __u16 candidates;      // intervals since stacks_since that could have sent their stack
};

// Time off the CPU, by who and why. The values only grow. The times of short intervals are
// estimates when only some were looked at.
struct interval_key {
  __u64 query_id;
  __u32 pid;
  __u32 wait_event;
  __u8 session_state;
  __u8 flags;
  __u8 unused[2];
  __u32 application;
};

struct interval_sum {
  __u64 waits;  // intervals that did not begin with a preemption
  __u64 waiting_ns;
  __u64 count;
  __u64 runnable_ns;
  __u64 short_waiting_ns;  // the part of waiting_ns that short intervals have
  __u64 short_runnable_ns;
};

// What was found to be true of the running kernel that the headers say of theirs.
enum header_fact {
  HEADERS_PID = 1,        // where a task keeps its process ids
  HEADERS_RUNTIME = 2,    // ... how long it has run
  HEADERS_REGISTERS = 4,  // ... the registers with which it entered the kernel
};

// Rows of the per-CPU array `counters`.
enum counter {
  COUNT_FIRINGS,         // the sampling event fired on this CPU, for whatever process but idle
  COUNT_TARGET_FIRINGS,  // ... and a target was running
  COUNT_RING_FULL,       // samples that found no room in the ring
  COUNT_LIFECYCLE_LOST,  // fork, exec or exit events that found no room in the ring
  COUNT_TARGETS_FULL,    // forked children that found no room in `targets`
  COUNT_INTERVALS_FULL,  // intervals that found no room in `intervals`
  COUNT_FILTERED,        // samples left out because the user asked
  COUNT_INTERVAL_LOST,   // interval events that found no room in the ring
  COUNT_LOOKS,           // intervals that were looked at
  COUNTER_ROWS,
};
