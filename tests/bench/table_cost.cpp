// pgflame_table_cost PID...   as root
// What the unwind tables of all code mapped by these processes cost: wall-clock seconds of
// compiling each anew, the median of five, and the bytes of their rows in the kernel. For a backend
// with LLVM give the pid of one that has compiled a statement (set jit_above_cost = 0).
//   cd build/release && ninja pgflame_table_cost && tests/pgflame_table_cost PID
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "bpf/unwind_table.h"
#include "src/base/file.h"
#include "src/capture/mapped_image.h"
#include "src/capture/proc.h"
#include "src/profile/address_space.h"
#include "symbolizer/unwind/table.h"

namespace {

using namespace pgflame;

struct TableCost {
  double seconds = 0;
  uint64_t rows = 0;
};

TableCost cost_of(const unwind::ElfImage& image) {
  std::array<double, 5> times{};
  TableCost cost;
  for (double& time : times) {
    const auto start = std::chrono::steady_clock::now();
    const unwind::Table table = unwind::compile_table(image);
    time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    cost.rows = table.rows.size();
  }
  std::ranges::nth_element(times, times.begin() + 2);
  cost.seconds = times[2];
  return cost;
}

void print(std::string_view what, const TableCost& cost) {
  std::printf("%8.3f s %9llu rows %6.2f MiB  %.*s\n",
              cost.seconds,
              static_cast<unsigned long long>(cost.rows),
              static_cast<double>(cost.rows * sizeof(pgf_unwind_row)) / (1 << 20),
              static_cast<int>(what.size()),
              what.data());
}

}  // namespace

int main(int argc, char** argv) {
  TableCost all;
  std::set<std::string> seen;
  for (int i = 1; i < argc; ++i) {
    const int pid = std::atoi(argv[i]);
    const auto maps = read_file(capture::proc_path(pid, "maps"), uint64_t{1} << 26);
    if (!maps) {
      std::fprintf(stderr, "process %d cannot be read; is it still there?\n", pid);
      return 1;
    }
    for (const MapsLine& line : parse_maps(*maps)) {
      if (!line.executable || kind_of_mapping(line.path) != ModuleKind::kFile) continue;
      if (!seen.insert(capture::identity_of_mapped_file(line)).second) continue;
      const auto image = capture::open_mapped_image(pid, line);
      if (!image) continue;
      const TableCost cost = cost_of(*image);
      print(line.path, cost);
      all.seconds += cost.seconds;
      all.rows += cost.rows;
    }
  }
  print("all", all);
}
