#include "src/input/script_line.h"

#include <algorithm>

#include "src/base/text.h"
#include "src/input/text_pieces.h"

namespace pgflame::input {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "4440" or "4440/4441"; perf writes -1 for what it does not know.
std::optional<int32_t> parse_pid(std::string_view word) {
  std::string_view number = word.substr(0, word.find('/'));
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  const auto value = parse_u64(number);
  if (!value || *value > INT32_MAX) return std::nullopt;
  if (number.size() < word.size() - (negative ? 1 : 0)) {
    std::string_view thread = word.substr(word.find('/') + 1);
    if (thread.starts_with('-')) thread.remove_prefix(1);
    if (!parse_u64(thread)) return std::nullopt;
  }
  return negative ? -static_cast<int32_t>(*value) : static_cast<int32_t>(*value);
}

// "5820.169689:" in nanoseconds.
std::optional<uint64_t> parse_time(std::string_view word) {
  if (!word.ends_with(':')) return std::nullopt;
  word.remove_suffix(1);
  const auto dot = word.find('.');
  if (dot == std::string_view::npos || word.size() - dot - 1 > 9) return std::nullopt;
  const auto seconds = parse_u64(word.substr(0, dot));
  auto fraction = parse_u64(word.substr(dot + 1));
  if (!seconds || !fraction || *seconds > UINT64_MAX / 2'000'000'000) return std::nullopt;
  for (size_t digits = word.size() - dot - 1; digits < 9; ++digits)
    *fraction *= 10;
  return *seconds * 1'000'000'000 + *fraction;
}

bool is_cpu(std::string_view word) {
  return word.size() > 2 && word.front() == '[' && word.back() == ']' &&
         parse_u64(word.substr(1, word.size() - 2));
}

// "[period] event: rest"; the event's name may contain colons but ends in one.
bool take_event(std::string_view text, ScriptHeader& header) {
  std::string_view after = text;
  std::string_view word = take_word(after);
  if (const auto period = parse_u64(word)) {
    header.period = period;
    word = take_word(after);
  }
  if (word.size() < 2 || !word.ends_with(':')) return false;
  header.event = word.substr(0, word.size() - 1);
  header.rest = trim(after);
  return true;
}

// The pid is the last word before cpu and time; the comm in front of it may contain anything.
bool take_process(std::string_view front, std::string_view pid_word, ScriptHeader& header) {
  const auto pid = parse_pid(pid_word);
  const auto end = static_cast<size_t>(pid_word.data() - front.data());
  if (!pid) return false;
  header.pid = *pid;
  header.comm = trim(front.substr(0, end));
  header.process = front.substr(0, end + pid_word.size());
  return !header.comm.empty();
}

// With a time on the line everything has its place around it.
std::optional<ScriptHeader> header_with_time(std::string_view line) {
  std::string_view rest = line;
  constexpr int kMaxWords = 24;  // of a comm (15 characters) and what stands around it
  for (int i = 0; i < kMaxWords; ++i) {
    const std::string_view word = take_word(rest);
    if (word.empty()) return std::nullopt;
    if (!is_digit(word.front())) continue;
    const auto time = parse_time(word);
    if (!time) continue;
    ScriptHeader header;
    header.time = *time;
    std::string_view front = line.substr(0, static_cast<size_t>(word.data() - line.data()));
    LastWord last = split_last_word(front);
    if (is_cpu(last.word)) {
      front = last.before;
      last = split_last_word(front);
    }
    if (!take_process(front, last.word, header)) {
      header.comm = trim(front);
      header.process = header.comm;
    }
    take_event(rest, header);
    return header;
  }
  return std::nullopt;
}

bool is_named_frame(std::string_view line) {
  const auto frame = parse_script_frame(line);
  return frame && frame->address != 0 && !frame->name.empty();
}

// Without one: comm, then the first word that is a pid, with an event behind it.
std::optional<ScriptHeader> header_without_time(std::string_view line) {
  std::string_view rest = line;
  take_word(rest);
  constexpr int kMaxWords = 8;
  for (int i = 0; i < kMaxWords; ++i) {
    const std::string_view word = take_word(rest);
    if (word.empty()) return std::nullopt;
    ScriptHeader header;
    if (!take_process(line, word, header)) continue;
    std::string_view after = rest;
    if (is_cpu(take_word(after))) rest = after;
    if (trim(rest).empty() || take_event(rest, header)) return header;
    // Neither event nor call chain: the frame stands behind the pid.
    if (is_named_frame(rest)) {
      header.rest = trim(rest);
      return header;
    }
  }
  return std::nullopt;
}

// Where the parenthesis that closes the line was opened: names and paths contain parentheses too.
size_t last_group(std::string_view text) {
  int depth = 0;
  for (size_t at = text.size(); at-- > 0;) {
    if (text[at] == ')') ++depth;
    if (text[at] == '(' && --depth == 0) return at;
  }
  return std::string_view::npos;
}

std::string_view without_offset(std::string_view name) {
  const auto plus = name.rfind("+0x");
  if (plus == std::string_view::npos || plus == 0) return name;
  const bool hex = name.find_first_not_of("0123456789abcdef", plus + 3) == std::string_view::npos;
  return hex ? name.substr(0, plus) : name;
}

// Words of prose may be hexadecimal numbers.
bool is_certain_frame(std::string_view line) {
  const auto frame = parse_script_frame(line);
  return frame && !frame->name.empty() && frame->address > 0xfff &&
         (frame->module.starts_with('/') || frame->module.starts_with('[') ||
          frame->address > UINT32_MAX);
}

bool is_indented(std::string_view line) {
  return line.starts_with('\t') || line.starts_with(' ');
}

// Whether a sample begins with `line`, its `header` if it was parsed to one, and the line behind.
bool begins_sample(std::string_view line,
                   const std::optional<ScriptHeader>& header,
                   std::string_view next) {
  if (!header) return is_script_comm(line) && next.starts_with('\t') && is_named_frame(next);
  // Folded stacks have semicolons, too.
  const bool plain = header->comm.find(';') == std::string_view::npos;
  const bool more = !header->event.empty() || header->time != 0 || !header->rest.empty();
  return (plain && more) || (is_indented(next) && is_named_frame(next));
}

bool begins_as_script(std::string_view start) {
  // --header, which may be longer than `start`.
  if (start.starts_with("# ========\n# captured on") || start.starts_with("# ========\n# hostname"))
    return true;
  while (!start.empty()) {
    const std::string_view line = take_line(start);
    if (trim(line).empty() || line.front() == '#') continue;
    if (line.front() == '\t') return is_named_frame(line);
    const auto header = parse_script_header(line);
    if (is_other_record(line, header)) return header.has_value();
    return begins_sample(line, header, take_line(start));
  }
  return false;
}

}  // namespace

std::optional<ScriptHeader> parse_script_header(std::string_view line) {
  if (line.empty() || line.front() == '#' || line.front() == '\t') return std::nullopt;
  auto header = header_with_time(line);
  return header ? header : header_without_time(line);
}

bool is_script_comm(std::string_view line) {
  constexpr size_t kLongestComm = 15;  // TASK_COMM_LEN of the kernel, without its zero
  line = trim(line);
  return !line.empty() && line.size() <= kLongestComm;
}

std::optional<ScriptFrame> parse_script_frame(std::string_view line) {
  line = trim(line);
  if (line.empty()) return std::nullopt;
  ScriptFrame frame;
  std::string_view rest = line;
  const std::string_view first = take_word(rest);
  const auto address = parse_u64(first, 16);
  if (address) {
    frame.address = *address;
    line = trim(rest);
  } else if (!line.ends_with(')')) {
    return std::nullopt;  // a source line, or something else
  }
  frame.name = line;
  if (line.ends_with(')')) {
    const auto group = last_group(line);
    // "foo(int)" is a name without a module.
    if (group != std::string_view::npos && (group == 0 || line[group - 1] == ' ')) {
      frame.module = line.substr(group + 1, line.size() - group - 2);
      frame.name = trim(line.substr(0, group));
    }
  }
  frame.name = without_offset(frame.name);
  frame.inlined = frame.module == "inlined";
  return frame;
}

std::optional<ScriptSource> parse_script_source(std::string_view line) {
  if (line.size() < 5 || !line.starts_with("  ") || line[2] == ' ') return std::nullopt;
  constexpr std::string_view kInlined = " (inlined)";
  ScriptSource source;
  source.inlined = line.ends_with(kInlined);
  if (source.inlined) line.remove_suffix(kInlined.size());
  const auto colon = line.rfind(':');
  if (colon == std::string_view::npos || !parse_u64(line.substr(colon + 1))) return std::nullopt;
  return source;
}

bool is_other_record(std::string_view line, const std::optional<ScriptHeader>& header) {
  constexpr std::string_view kPrefix = "PERF_RECORD_";
  const bool possible = !header || header->event.empty() || header->event.starts_with(kPrefix);
  return possible && line.find(kPrefix) != std::string_view::npos;
}

bool looks_like_script(std::string_view start) {
  if (begins_as_script(start)) return true;
  // Behind a prompt and what somebody wrote: a line with a time, and frames below it.
  while (!start.empty()) {
    const auto header = parse_script_header(take_line(start));
    if (!header || header->pid <= 0 || header->time == 0 || header->event.empty()) continue;
    std::string_view behind = start;
    if (start.starts_with('\t') && is_certain_frame(take_line(behind))) return true;
  }
  return false;
}

}  // namespace pgflame::input
