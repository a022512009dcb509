// The Postgres areas that functions belong to: the colour classes of the flame graph and the
// coarsest level of every classification.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "src/profile/profile.h"

namespace pgflame::postgres {

enum class Area : uint8_t {
  kOther,  // code that is none of Postgres' (libc, libraries without an area)
  kParser,
  kPlanner,
  kExecutor,
  kExpression,
  kTuple,
  kHash,
  kSort,
  kIndex,
  kHeap,
  kBuffer,
  kLock,
  kWal,
  kTransaction,
  kMemory,
  kCatalog,
  kNetwork,
  kJit,
  kUtility,
  kMain,
  kKernel,
  kUnnamed,
};
inline constexpr size_t kAreaCount = 22;

std::string_view id_of(Area area);     // "tuple": stable, used as CSS class and in JSON
std::string_view title_of(Area area);  // "Tuple deforming"

std::optional<Area> area_by_id(std::string_view id);

// The area most functions of a source file belong to: "nbtsearch.c" -> index.
std::optional<Area> area_of_file(std::string_view file);

// The area of one function by name, source file (placed names) and module.
Area area_of(const Profile& profile, FunctionId id);

}  // namespace pgflame::postgres
