#include "src/input/script_blocks.h"

#include "src/base/text.h"
#include "src/input/fingerprint.h"
#include "src/input/text_pieces.h"

namespace pgflame::input {
namespace {

// What -F insn and insnlen print below the frames looks like a process with its pid.
bool is_instruction(std::string_view line) {
  return line.starts_with(" insn: ") || line.starts_with(" ilen: ");
}

bool is_frame_line(std::string_view line) {
  if (line.front() == '\t') return true;
  return line.front() == ' ' && (is_instruction(line) || !parse_script_header(line));
}

// What tools wrote to the same terminal stands between two frames.
size_t length_of_remarks(std::string_view text) {
  constexpr int kMost = 16;
  std::string_view rest = text;
  for (int i = 0; i < kMost && !rest.empty() && rest.front() != '\t'; ++i) {
    const std::string_view line = take_line(rest);
    if (trim(line).empty() || parse_script_header(line)) return 0;
  }
  return rest.starts_with('\t') ? text.size() - rest.size() : 0;
}

// The frames are the lines up to the next blank one, or to the next header.
size_t length_of_stack(std::string_view text) {
  size_t length = 0;
  while (length < text.size()) {
    const auto end = text.find('\n', length);
    const std::string_view line = text.substr(length, end - length);
    const bool is_frame = line.starts_with('\t') || (!trim(line).empty() && is_frame_line(line));
    if (is_frame) {
      length = end == std::string_view::npos ? text.size() : end + 1;
    } else if (const size_t remarks = length_of_remarks(text.substr(length)); remarks > 0) {
      length += remarks;
    } else {
      break;
    }
  }
  return length;
}

bool begins_block(std::string_view line) {
  return !line.empty() && !is_frame_line(line) && parse_script_header(line);
}

// `perf script -F comm,ip,sym` prints nothing but the comm in front of the frames (and with
// -F ip,sym not even that).
std::optional<ScriptHeader> header_of(std::string_view line, std::string_view behind) {
  auto header = parse_script_header(line);
  if (header || !behind.starts_with('\t') || !is_script_comm(line)) return header;
  header.emplace();
  header->comm = trim(line);
  header->process = header->comm;
  return header;
}

}  // namespace

std::vector<ScriptBlock> cut_into_blocks(std::string_view text) {
  std::vector<ScriptBlock> blocks;
  while (!text.empty()) {
    const std::string_view begin = text;
    const std::string_view line = take_line(text);
    if (trim(line).empty()) continue;
    ScriptBlock& block = blocks.emplace_back();
    if (line.front() == '#') {
      block.comment = line;
      continue;
    }
    if (line.front() == '\t') {
      text = begin;
      block.header.emplace();
    } else {
      block.header = header_of(line, text);
      if (is_other_record(line, block.header)) {
        blocks.pop_back();
        continue;
      }
    }
    block.stack = text.substr(0, length_of_stack(text));
    block.stack_hash = hash_stack(block.stack);
    text.remove_prefix(block.stack.size());
  }
  return blocks;
}

// Not all that perf can be asked to print has blank lines between the samples.
size_t whole_blocks(std::string_view text) {
  for (const std::string_view blank : {"\n\n", "\n\r\n"}) {
    const auto at = text.rfind(blank);
    if (at != std::string_view::npos) return at + blank.size();
  }
  size_t end = text.rfind('\n');
  while (end != std::string_view::npos && end > 0) {
    const auto before = text.rfind('\n', end - 1);
    if (before == std::string_view::npos) break;
    if (begins_block(text.substr(before + 1, end - before - 1))) return before + 1;
    end = before;
  }
  return 0;
}

uint64_t hash_stack(std::string_view text) {
  return hash_text(text, text.size());
}

}  // namespace pgflame::input
