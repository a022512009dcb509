// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The programs are built in two ways: ahead of time, with offsets that are put in when they are
// loaded (CO-RE), and on a host without BTF by libbpfcc, against the headers of its kernel. What
// differs is in the two headers here and in the entry points, sampler.bpf.c and sampler.bcc.c.
//
//   MAP, RING, SETTING  a map, a ring to user space, a variable that user space sets or reads
//   SUBPROGRAM          a function that the verifier looks at once, on its own
//   OUT_OF_LINE         a static function that is not inlined
#pragma once

#ifdef PGFLAME_BCC
#include "platform_bcc.h"
#else
#include "platform_core.h"
#endif
