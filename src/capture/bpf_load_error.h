// Why libbpf could not load programs, in words.
#pragma once

#include "src/base/error.h"

namespace pgflame::capture {

// libbpf prints what it has to say; from here on it is kept for load_error().
void keep_libbpf_messages();

Error load_error(int error_number);

}  // namespace pgflame::capture
