// The other files that DWARF refers to: split units (.dwo) and what several files share (dwz).
//
// libdw opens them by itself and would wait for ever on a FIFO, so each is looked at before.
#pragma once

#include <string>

#include <elfutils/libdw.h>

namespace pgflame::symbolizer {

// Where the open file is; empty when the kernel cannot tell.
std::string folder_of_file(int fd);

// Whether a part of this DWARF is in a file that several share.
bool names_shared_file(Dwarf* dwarf);

// False when what stands at the place of the file is no regular one. A file that is not there is no
// danger. `folder` is where the file with the DWARF is.
bool shared_file_can_be_opened(Dwarf* dwarf, const std::string& folder);
bool split_file_can_be_opened(Dwarf_Die& skeleton, const std::string& folder);

}  // namespace pgflame::symbolizer
