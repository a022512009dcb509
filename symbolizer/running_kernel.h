// The kernel that runs here.
#pragma once

#include <future>
#include <optional>
#include <span>
#include <string>

#include "src/base/kept_file.h"
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

// Reads the names while other things are done. Those of the kernel proper are kept in `cache_dir`,
// unless it is empty: they stay what they are while the kernel is this build at this place.
class RunningKernel {
 public:
  explicit RunningKernel(const std::string& cache_dir);

  // Of functions at other addresses than these, sorted, there may be none.
  std::optional<KernelSymbols> take(std::span<const uint64_t> addresses);

 private:
  struct Lines {
    std::optional<KeptMapping> kept;  // of the kernel proper only
    std::string all;                  // else
  };
  static std::optional<Lines> read(const std::string& cache_dir);

  std::future<std::optional<Lines>> lines_;
};

}  // namespace pgflame::symbolizer
