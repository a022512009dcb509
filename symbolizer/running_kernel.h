// The kernel that runs here.
#pragma once

#include <future>
#include <optional>
#include <string>

#include "symbolizer/kernel_symbols.h"

namespace pgflame::symbolizer {

// From /sys/kernel/notes, lower-case hex; empty when there is none.
std::string build_id_of_running_kernel();

// All of /proc/kallsyms, which the kernel takes tens of milliseconds to write; none when it cannot
// be read.
std::optional<KernelSymbols> read_kernel_symbols();

// Whether a file ends with something that has this kernel's build-id in it, as perf.data does when
// the kernel was sampled: then its names will be asked for.
bool mentions_running_kernel(const std::string& path);

// Reads the names while other things are done.
class RunningKernel {
 public:
  RunningKernel() : symbols_(std::async(std::launch::async, read_kernel_symbols)) {}

  std::optional<KernelSymbols> take() {
    return symbols_.valid() ? symbols_.get() : read_kernel_symbols();
  }

 private:
  std::future<std::optional<KernelSymbols>> symbols_;
};

}  // namespace pgflame::symbolizer
