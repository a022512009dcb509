#include "symbolizer/running_kernel.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include <sys/stat.h>

#include <unistd.h>

#include "src/base/build_id.h"
#include "src/base/file.h"

namespace pgflame::symbolizer {
namespace {

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

}  // namespace

std::string build_id_of_running_kernel() {
  const auto notes = read_file("/sys/kernel/notes", kMaxNotes);
  if (!notes) return {};
  return build_id_of_notes({reinterpret_cast<const uint8_t*>(notes->data()), notes->size()});
}

std::optional<KernelSymbols> read_kernel_symbols() {
  auto text = read_file("/proc/kallsyms", kMaxKallsyms);
  if (!text) return std::nullopt;
  return parse_kallsyms(std::move(*text));
}

bool mentions_running_kernel(const std::string& path) {
  const std::string build_id = bytes_of_hex(build_id_of_running_kernel());
  return !build_id.empty() && tail_of(path).find(build_id) != std::string::npos;
}

}  // namespace pgflame::symbolizer
