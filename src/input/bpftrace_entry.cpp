#include "src/input/bpftrace_entry.h"

#include <algorithm>
#include <array>

#include "src/base/text.h"

namespace pgflame::input {
namespace {

constexpr size_t kMaxLines = 8192;  // bpftrace itself keeps 127 frames of each stack

// "@name[" up to and with the bracket; 0 when the line begins otherwise.
size_t length_of_start(std::string_view line) {
  if (!line.starts_with('@')) return 0;
  const auto bracket =
      line.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", 1);
  return bracket != std::string_view::npos && line[bracket] == '[' ? bracket + 1 : 0;
}

// Where code of the kernel is entered: the outermost functions of its stacks.
bool is_kernel_entry(std::string_view name) {
  constexpr std::array<std::string_view, 9> kEntries{"entry_SYSCALL",
                                                     "entry_INT80",
                                                     "asm_exc_",
                                                     "asm_sysvec_",
                                                     "asm_common_interrupt",
                                                     "ret_from_fork",
                                                     "secondary_startup",
                                                     "el0t_",
                                                     "el1h_"};
  return std::ranges::any_of(kEntries,
                             [&](std::string_view entry) { return name.starts_with(entry); });
}

// "ExecScan+301", "0x55fe2f79d835", "55fe2f79d835 ExecScan+301 (/usr/bin/postgres)" (mode perf).
BpftraceFrame parse_frame(std::string_view line) {
  line = trim(line);
  std::string_view rest = line;
  std::string_view word = take_word(rest);
  if (word.starts_with("0x")) word.remove_prefix(2);
  if (parse_u64(word, 16)) line = trim(rest);
  BpftraceFrame frame;
  const auto group = line.rfind(" (");
  if (line.ends_with(')') && group != std::string_view::npos) {
    frame.module = line.substr(group + 2, line.size() - group - 3);
    line = trim(line.substr(0, group));
  }
  const auto plus = line.rfind('+');
  if (plus != std::string_view::npos && parse_u64(line.substr(plus + 1))) {
    line = line.substr(0, plus);
  }
  frame.name = line;
  return frame;
}

std::optional<int32_t> as_pid(std::string_view word) {
  const auto number = parse_u64(word);
  if (!number || *number > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(*number);
}

}  // namespace

bool BpftraceEntry::begins_at(std::string_view line) {
  const size_t start = length_of_start(line);
  if (start == 0) return false;
  line.remove_prefix(start);
  return line.empty() || line.ends_with(", ") || line.find("]:") != std::string_view::npos;
}

BpftraceEntry::BpftraceEntry(std::string_view first_line) {
  const size_t start = length_of_start(first_line);
  map_ = first_line.substr(0, start - 1);
  begun_ = take_keys(first_line.substr(start));
}

BpftraceEntry::Step BpftraceEntry::add(std::string_view line) {
  if (++lines_ > kMaxLines || line.empty()) return Step::kBroken;
  if (line.starts_with("    ") || line.starts_with('\t')) {
    stacks_.back().push_back(parse_frame(line));
    return Step::kGoesOn;
  }
  return line.starts_with(", ") || line.starts_with(']') ? take_keys(line) : Step::kBroken;
}

// What stands between stacks: ", postgres, 4711]: 12", or "4711, " with a stack behind it. A stack
// without frames is an empty key.
BpftraceEntry::Step BpftraceEntry::take_keys(std::string_view text) {
  const auto end = text.rfind("]:");
  const bool last = end != std::string_view::npos;
  std::string_view keys = text.substr(0, end);
  while (!keys.empty()) {
    const auto comma = keys.find(", ");
    if (const auto word = trim(keys.substr(0, comma)); !word.empty()) words_.emplace_back(word);
    keys.remove_prefix(comma == std::string_view::npos ? keys.size() : comma + 2);
  }
  if (!last) {
    stacks_.emplace_back();
    return Step::kGoesOn;
  }
  const auto value = parse_u64(trim(text.substr(end + 2)));
  value_ = value.value_or(0);
  return value ? Step::kDone : Step::kBroken;
}

std::string BpftraceEntry::comm() const {
  const auto name =
      std::ranges::find_if(words_, [](const std::string& word) { return !as_pid(word); });
  return name == words_.end() ? std::string() : *name;
}

int32_t BpftraceEntry::pid() const {
  for (const std::string& word : words_) {
    if (const auto pid = as_pid(word)) return *pid;
  }
  return 0;
}

bool BpftraceEntry::has_stack() const {
  return std::ranges::any_of(stacks_, [](const Stack& stack) { return !stack.empty(); });
}

std::vector<BpftraceFrame> BpftraceEntry::frames() const {
  std::vector<BpftraceFrame> kernel;
  std::vector<BpftraceFrame> all;
  for (const Stack& stack : stacks_) {
    const bool in_kernel = !stack.empty() && is_kernel_entry(stack.back().name);
    auto& part = in_kernel ? kernel : all;
    part.insert(part.end(), stack.rbegin(), stack.rend());
  }
  for (BpftraceFrame& frame : kernel) {
    frame.module = "[kernel]";
    all.push_back(std::move(frame));
  }
  return all;
}

}  // namespace pgflame::input
