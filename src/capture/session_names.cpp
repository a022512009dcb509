#include "src/capture/session_names.h"

#include <array>
#include <span>

namespace pgflame::capture {
namespace {

// Behind the two addresses (of 136 bytes each), and no further than every major's Port reaches.
constexpr uint64_t kFirstName = 288;
constexpr size_t kWords = 17;

template <typename T>
bool read_value(int32_t pid, uint64_t address, T& value) {
  return read_memory(pid, address, std::as_writable_bytes(std::span(&value, 1)));
}

std::optional<std::string> read_name(int32_t pid, uint64_t address) {
  std::array<char, 64> text{};  // NAMEDATALEN
  if (address == 0 || !read_value(pid, address, text)) return std::nullopt;
  const std::string_view bytes(text.data(), text.size());
  const size_t size = bytes.find('\0');
  if (size == std::string_view::npos) return std::nullopt;
  return std::string(bytes.substr(0, size));
}

}  // namespace

std::optional<SessionNames> session_names(int32_t pid,
                                          const TagLayout& layout,
                                          std::string_view title_names) {
  uint64_t port = 0;
  std::array<uint64_t, kWords> words{};
  if (layout.my_proc_port == 0 || !read_value(pid, layout.my_proc_port, port) || port == 0 ||
      !read_value(pid, port + kFirstName, words)) {
    return std::nullopt;
  }
  std::optional<std::string> database;  // the word before
  for (const uint64_t word : words) {
    const std::optional<std::string> user = read_name(pid, word);
    if (user && database && !user->empty()) {
      const std::string both = database->empty() ? *user : *user + ' ' + *database;
      if (both == title_names) return SessionNames{*user, *database};
    }
    database = user;
  }
  return std::nullopt;
}

}  // namespace pgflame::capture
