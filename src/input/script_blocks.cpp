#include "src/input/script_blocks.h"

#include "src/base/text.h"
#include "src/input/fingerprint.h"
#include "src/input/text_pieces.h"

namespace pgflame::input {
namespace {

bool is_frame_line(std::string_view line) {
  return line.front() == '\t' || (line.front() == ' ' && !parse_script_header(line));
}

// The frames are the lines up to the next blank one, or to the next header.
size_t length_of_stack(std::string_view text) {
  if (text.starts_with('\t')) {
    const auto blank = text.find("\n\n");
    return blank == std::string_view::npos ? text.size() : blank + 1;
  }
  std::string_view rest = text;
  size_t length = 0;
  while (!rest.empty()) {
    const std::string_view frame = take_line(rest);
    if (trim(frame).empty() || !is_frame_line(frame)) break;
    length = text.size() - rest.size();
  }
  return length;
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
    if (line.front() == '\t') text = begin;
    block.header = line.front() == '\t' ? ScriptHeader{} : header_of(line, text);
    block.stack = text.substr(0, length_of_stack(text));
    block.stack_hash = hash_stack(block.stack);
    text.remove_prefix(block.stack.size());
  }
  return blocks;
}

uint64_t hash_stack(std::string_view text) {
  return hash_text(text, text.size());
}

}  // namespace pgflame::input
