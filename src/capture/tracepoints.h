// Tracepoints as the running kernel describes them in tracefs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "src/base/file.h"

namespace pgflame::capture {

struct TracepointField {
  std::string_view group;
  std::string_view event;
  std::string_view field;
};

// Where a field lies in what the tracepoint hands over, from the text of its file `format`.
Result<size_t> field_offset(std::string_view format, std::string_view field);

// Definitions in C: OFFSET_<event>_<field>.
Result<std::string> offset_definitions(const std::vector<TracepointField>& fields);

// The program runs each time the tracepoint is passed, as long as the handle is open.
Result<FileHandle> attach_to_tracepoint(std::string_view group,
                                        std::string_view event,
                                        int program);

}  // namespace pgflame::capture
