// Reference programs: the facts of symbol-bearing PostgreSQL builds, in a compact saved form.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "symbolizer/recovery/program.h"

namespace pgflame::symbolizer {

// Without addresses: functions keep their order, and nothing of the build but what it refers to.
std::string write_reference(const Program& program);

// Fails on bytes that write_reference did not make; bounded by their number.
Result<Program> read_reference(std::string_view bytes);

}  // namespace pgflame::symbolizer
