// The capabilities that recording needs, and giving up the rest.
//
// What each is for, and where the kernel asks for it (capabilities(7), kernel/bpf/syscall.c,
// kernel/events/core.c, fs/proc/base.c):
//   CAP_BPF, CAP_PERFMON   load and attach the programs, open the sampling event
//   CAP_SYS_PTRACE         read /proc/PID and the memory of other users' processes
//   CAP_DAC_READ_SEARCH    optional: read a server's own files (port, PG_VERSION, private binaries)
//   CAP_SYSLOG             optional: addresses in /proc/kallsyms, so names of kernel frames
//   CAP_CHECKPOINT_RESTORE optional: /proc/PID/map_files, so binaries whose file is gone
//   CAP_SYS_ADMIN          optional: the kernel's statistics of what BPF programs cost
//   CAP_SYS_RESOURCE       before Linux 5.11: locked memory for BPF maps
#pragma once

#include <functional>
#include <span>
#include <string>

#include "src/base/error.h"

namespace pgflame::capture {

// The capabilities without which nothing can be recorded and that this process lacks: "CAP_BPF and
// CAP_PERFMON". Empty when it has them all.
std::string missing_privileges();

// The error that tells which capabilities are missing and how to grant them; `refused` says what
// the kernel did: "the kernel refused to load BPF programs".
Error permission_error(const std::string& refused);

bool has_privilege(int capability);

// Whether `action` also succeeds without these capabilities, which are back afterwards.
bool works_without(std::span<const int> capabilities, const std::function<bool()>& action);

// Keeps, of the capabilities that this process has, those that reading /proc and naming frames need
// (the second to last groups above without CAP_SYS_ADMIN and CAP_SYS_RESOURCE), CAP_PERFMON (code
// compiled at run time is found by probes that are set when its library is loaded) and `also`.
// Nothing brings the others back, not even executing another program.
Status drop_privileges(std::span<const int> also);

}  // namespace pgflame::capture
