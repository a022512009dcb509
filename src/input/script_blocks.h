// The text of perf script, cut into samples.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "src/input/script_line.h"

namespace pgflame::input {

struct ScriptBlock {
  std::string_view comment;            // a line that begins with '#'; the rest is empty then
  std::optional<ScriptHeader> header;  // nothing: the line is none
  std::string_view stack;              // the lines of its frames
  uint64_t stack_hash = 0;
};

// `text` begins and ends where a block does. The blocks are parts of it.
std::vector<ScriptBlock> cut_into_blocks(std::string_view text);

// Bytes of a text of perf script that are whole blocks (TextPieces::WholeRecords).
size_t whole_blocks(std::string_view text);

// Tells stacks apart by their text.
uint64_t hash_stack(std::string_view text);

}  // namespace pgflame::input
