// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Reads who the current backend is and what it is doing from its own memory. Nothing is believed
// unchecked:
// st_procpid must be the process's own pid and st_changecount even (an odd one means that we
// interrupted an update).
#pragma once

#include "application_name.h"
#include "maps.h"

// The head of PgBackendStatus, the same in every version from 13 to 19.
struct status_head {
  __s32 changecount;
  __s32 procpid;
  __s32 backend_type;
  __u32 unused;
  __u64 timestamps[4];
  __u32 database;
  __u32 user;
};

static __always_inline int read_head(__u64 row, struct status_head* head) {
  return bpf_probe_read_user(head, sizeof(*head), (const void*)row) != 0;
}

// Finds the backend's own row. Not 0: there was something to read, and it could not be read or was
// implausible.
static __always_inline int find_status(struct target* target,
                                       const struct layout* layout,
                                       __s32 namespace_pid,
                                       struct status_head* head) {
  __u64 row = 0;
  target->status_at = 0;
  target->application_at = 0;
  if (!layout->my_be_entry) return 0;
  if (bpf_probe_read_user(&row, sizeof(row), (const void*)layout->my_be_entry)) return -1;
  if (!row) return 0;  // the postmaster and processes that have not got that far
  if (read_head(row, head)) return -1;
  if (head->procpid == 0) return 0;  // not filled in yet
  if (head->procpid != namespace_pid) return -1;
  target->status_at = row;
  bpf_probe_read_user(
      &target->application_at, sizeof(__u64), (const void*)(row + layout->entry_application));
  return 0;
}

// Whether the row that was found the last time still is this process's. As long as it is, so is its
// place for wait events: that is set before the row is filled in (InitProcess, pgstat_bestart) and
// given back after the row was cleared (pgstat_beshutdown_hook, ProcKill).
static __always_inline int is_still_ours(const struct target* target,
                                         __s32 namespace_pid,
                                         struct status_head* head) {
  return target->status_at && !read_head(target->status_at, head) && head->procpid == namespace_pid;
}

static __always_inline int find_wait_event(struct target* target, const struct layout* layout) {
  const __u64 global = layout->my_wait_event_info ? layout->my_wait_event_info : layout->my_proc;
  __u64 word = 0;
  target->wait_event_at = 0;
  if (!global) return 0;
  if (bpf_probe_read_user(&word, sizeof(word), (const void*)global)) return -1;
  if (word && !layout->my_wait_event_info) word += layout->proc_wait_event;
  target->wait_event_at = word;
  return 0;
}

// Where it was found the last time.
static __always_inline void read_wait_event(const struct target* target,
                                            struct backend_tags* tags) {
  if (!target->wait_event_at) return;
  if (bpf_probe_read_user(&tags->wait_event, sizeof(__u32), (const void*)target->wait_event_at)) {
    tags->wait_event = 0xffffffff;
    tags->flags |= TAG_UNREADABLE;
  } else {
    tags->flags |= TAG_WAIT_EVENT;
  }
}

// Names that were sent, by their hash. Full: further ones are OTHER_APPLICATION.
MAP(applications, BPF_MAP_TYPE_HASH, __u32, __u8, MAX_APPLICATIONS, 0);

// The session's name: it changes in place, now and then.
static OUT_OF_LINE void read_application(struct target* target) {
  const __u8 yes = 1;
  const int out_of_room = -7;  // E2BIG
  struct application_event event = {.kind = EVENT_APPLICATION};
  if (bpf_probe_read_user(event.name, sizeof(event.name), (const void*)target->application_at))
    return;
  event.application = hash_of_name(event.name);
  if (event.application == target->application) return;
  target->application = event.application;
  if (bpf_map_lookup_elem(&applications, &event.application)) return;
  const long failed = bpf_map_update_elem(&applications, &event.application, &yes, BPF_ANY);
  if (failed) {
    target->application = failed == out_of_room ? OTHER_APPLICATION : UNKNOWN_APPLICATION;
  } else if (bpf_ringbuf_output(&ring, &event, sizeof(event), BPF_RB_NO_WAKEUP)) {
    bpf_map_delete_elem(&applications, &event.application);
    target->application = UNKNOWN_APPLICATION;
  }
}

static __always_inline void read_status(struct target* target,
                                        const struct status_head* head,
                                        const struct layout* layout,
                                        struct backend_tags* tags) {
  const __u64 row = target->status_at;
  __u32 state = 0;
  if (head->changecount & 1) goto unreadable;
  if (bpf_probe_read_user(&state, sizeof(state), (const void*)(row + layout->entry_state)))
    goto unreadable;
  if (layout->entry_query_id &&
      bpf_probe_read_user(
          &tags->query_id, sizeof(__u64), (const void*)(row + layout->entry_query_id)))
    goto unreadable;
  if ((__u32)head->backend_type > 63 || state > 15) goto unreadable;
  tags->database = head->database;
  tags->user = head->user;
  tags->backend_type = (__u8)head->backend_type;
  tags->session_state = (__u8)state;
  tags->flags |= TAG_BACKEND;
  // Before a session is idle for the first time it has no name yet.
  if (target->application_at && state + 1 >= layout->active_state) read_application(target);
  return;
unreadable:
  tags->query_id = 0;
  tags->flags |= TAG_UNREADABLE;
}

// key: query id whose text has been sent. The oldest give way; their text is sent again.
MAP(sent_texts, BPF_MAP_TYPE_LRU_HASH, __u64, __u8, 16384, 0);

// Where the text of the running statement is, if it is needed: it has an id that is new, or none.
static __always_inline __u64 wanted_text(const struct target* target,
                                         const struct backend_tags* tags) {
  const __u32 row = target->layout;
  const struct layout* layout = bpf_map_lookup_elem(&layouts, &row);
  __u64 text = 0;
  if (!layout) return 0;
  if (tags->query_id && bpf_map_lookup_elem(&sent_texts, &tags->query_id)) return 0;
  if (!layout->my_be_entry) {
    if (layout->debug_query_string)
      bpf_probe_read_user(&text, sizeof(text), (void*)layout->debug_query_string);
    return text;
  }
  if (!(tags->flags & TAG_BACKEND) || tags->session_state != layout->active_state) return 0;
  if (bpf_probe_read_user(
          &text, sizeof(text), (const void*)(target->status_at + layout->entry_activity)))
    return 0;
  return text;
}

static __always_inline void text_was_sent(__u64 query_id) {
  const __u8 yes = 1;
  if (query_id) bpf_map_update_elem(&sent_texts, &query_id, &yes, BPF_ANY);
}

static __always_inline void no_tags(struct backend_tags* tags) {
  __builtin_memset(tags, 0, sizeof(*tags));
  tags->wait_event = 0xffffffff;
}

// Must run in the context of the target.
static __always_inline void read_tags(struct target* target, struct backend_tags* tags) {
  const __u32 row = target->layout;
  const __s32 namespace_pid = namespace_pid_of(target);
  struct status_head head = {};
  no_tags(tags);
  const struct layout* layout = bpf_map_lookup_elem(&layouts, &row);
  if (!layout) return;
  if (!is_still_ours(target, namespace_pid, &head)) {
    if (find_wait_event(target, layout)) tags->flags |= TAG_UNREADABLE;
    if (find_status(target, layout, namespace_pid, &head)) tags->flags |= TAG_UNREADABLE;
  }
  read_wait_event(target, tags);
  if (target->status_at) read_status(target, &head, layout, tags);
}

// The same for intervals that are not looked at: a backend has its place for the wait event from
// its start to its end.
static __always_inline void read_only_wait_event(const struct target* target,
                                                 struct backend_tags* tags) {
  no_tags(tags);
  tags->flags = TAG_NOT_READ;
  read_wait_event(target, tags);
}
