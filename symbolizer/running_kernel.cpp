#include "symbolizer/running_kernel.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include <sys/stat.h>

#include <unistd.h>

#include "src/base/build_id.h"
#include "src/base/file.h"
#include "src/base/kept_file.h"

namespace pgflame::symbolizer {
namespace {

constexpr const char* kKallsyms = "/proc/kallsyms";
constexpr std::string_view kMark = "pgflame-kernel 1\n";
constexpr size_t kMaxKallsyms = size_t{64} << 20;
constexpr size_t kMaxNotes = size_t{1} << 20;
constexpr size_t kTail = size_t{128} << 10;

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (size_t at = 0; at + 2 <= hex.size(); at += 2) {
    uint8_t byte = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// The last bytes of a regular file.
std::string tail_of(const std::string& path) {
  const auto file = open_regular_file(path);
  struct stat status = {};
  if (!file || ::fstat(file->get(), &status) != 0) return {};
  const auto size = static_cast<size_t>(std::max<off_t>(status.st_size, 0));
  std::string tail(std::min(size, kTail), '\0');
  const auto begin = static_cast<off_t>(size - tail.size());
  const ssize_t got = ::pread(file->get(), tail.data(), tail.size(), begin);
  tail.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return tail;
}

// Where the kernel runs: of /proc/kallsyms no more is read than that takes. 0 unknown or hidden.
uint64_t text_start_of_running_kernel() {
  constexpr size_t kEnough = size_t{64} << 10;
  const auto file = open_for_reading(kKallsyms);
  std::string start;
  std::array<char, 4096> piece{};
  while (file && start.size() < kEnough && start.find(" _text\n") == std::string::npos) {
    const ssize_t got = ::read(file->get(), piece.data(), piece.size());
    if (got <= 0) break;
    start.append(piece.data(), static_cast<size_t>(got));
  }
  return parse_kallsyms(std::move(start)).text_start;
}

bool names_all(const KernelSymbols& kernel, std::span<const uint64_t> addresses) {
  return std::ranges::all_of(
      addresses, [&](uint64_t address) { return kernel.table.find(address) != nullptr; });
}

}  // namespace

std::string build_id_of_running_kernel() {
  const auto notes = read_file("/sys/kernel/notes", kMaxNotes);
  if (!notes) return {};
  return build_id_of_notes({reinterpret_cast<const uint8_t*>(notes->data()), notes->size()});
}

std::optional<KernelSymbols> read_kernel_symbols() {
  auto text = read_file(kKallsyms, kMaxKallsyms);
  if (!text) return std::nullopt;
  return parse_kallsyms(std::move(*text));
}

bool mentions_running_kernel(const std::string& path) {
  const std::string build_id = bytes_of_hex(build_id_of_running_kernel());
  return !build_id.empty() && tail_of(path).find(build_id) != std::string::npos;
}

RunningKernel::RunningKernel(const std::string& cache_dir)
    : lines_(std::async(std::launch::async, read, cache_dir)) {}

std::optional<RunningKernel::Lines> RunningKernel::read(const std::string& cache_dir) {
  const std::string build_id = build_id_of_running_kernel();
  const bool keeps = !cache_dir.empty() && !build_id.empty();
  const uint64_t place = keeps ? text_start_of_running_kernel() : 0;
  const std::string path = cache_dir + "/kernel-" + build_id;
  if (place != 0) {
    auto kept = map_kept_file(path, kMark);
    if (kept && parse_kallsyms(lines_about(kept->contents, {})).text_start == place)
      return Lines{std::move(kept), {}};
  }
  auto text = read_file(kKallsyms, kMaxKallsyms);
  if (!text) return std::nullopt;
  if (place != 0) write_kept_file(path, kMark, kernel_proper(*text));
  return Lines{{}, std::move(*text)};
}

std::optional<KernelSymbols> RunningKernel::take(std::span<const uint64_t> addresses) {
  if (!lines_.valid()) return read_kernel_symbols();
  auto lines = lines_.get();
  if (!lines) return std::nullopt;
  const std::string_view proper = lines->kept ? lines->kept->contents : kernel_proper(lines->all);
  KernelSymbols some = parse_kallsyms(lines_about(proper, addresses));
  const bool whole = !lines->kept || lines->kept->whole();
  if (whole && names_all(some, addresses)) return some;
  return lines->kept ? read_kernel_symbols() : parse_kallsyms(std::move(lines->all));
}

}  // namespace pgflame::symbolizer
