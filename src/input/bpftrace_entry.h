// One entry of a map that bpftrace printed, line by line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgflame::input {

struct BpftraceFrame {
  std::string name;    // empty: only an address was printed
  std::string module;  // "[kernel]" for a kernel stack's, else as printed or empty
};

class BpftraceEntry {
 public:
  // Whether the line begins an entry. `@` alone or a map without keys (`@n: 5`) is none.
  static bool begins_at(std::string_view line);

  explicit BpftraceEntry(std::string_view first_line);

  enum class Step { kGoesOn, kDone, kBroken };
  // Takes the next line. The last one of an entry ends in "]: 12".
  Step add(std::string_view line);
  // After the first line, like what add() returns.
  Step begun() const { return begun_; }

  const std::string& map() const { return map_; }
  uint64_t value() const { return value_; }
  std::string comm() const;
  int32_t pid() const;
  bool has_stack() const;
  // Outermost caller first, user frames before the kernel's.
  std::vector<BpftraceFrame> frames() const;

 private:
  using Stack = std::vector<BpftraceFrame>;  // innermost first

  Step take_keys(std::string_view text);

  std::string map_;
  std::vector<Stack> stacks_;
  std::vector<std::string> words_;  // the other keys
  uint64_t value_ = 0;
  size_t lines_ = 0;
  Step begun_ = Step::kBroken;
};

}  // namespace pgflame::input
