// Names of the running kernel's functions, from /proc/kallsyms.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

struct KernelSymbols {
  FunctionTable table;
  bool hidden = false;      // every address was zero: kernel.kptr_restrict
  uint64_t text_start = 0;  // address of _text, 0 unknown; differs from boot to boot

  void drop_modules();
};

// Parses the text of /proc/kallsyms: "ffffffff81000000 T _text" and, for modules,
// "ffffffffc0000000 t ext4_sync_file\t[ext4]", BPF programs among them as "[bpf]". A function ends
// where the next symbol begins, and the last one of a module within a page's length.
KernelSymbols parse_kallsyms(std::string text);

// The lines of the kernel proper, which come first and are in order of address.
std::string_view kernel_proper(std::string_view kallsyms);
// Those of them that say which functions these addresses are in, sorted, and the one of _text. What
// they name has the same name among all of them.
std::string lines_about(std::string_view proper, std::span<const uint64_t> addresses);

}  // namespace pgflame::symbolizer
