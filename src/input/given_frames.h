// Frames whose names the input gives: interned by name and module.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/base/hash_index.h"
#include "src/profile/builder.h"

namespace pgflame::input {

class GivenFrames {
 public:
  // Names beyond this much text are not told apart any more: they become one unknown frame.
  static constexpr size_t kMaxBytes = size_t{256} << 20;

  explicit GivenFrames(ProfileBuilder& builder, size_t max_bytes = kMaxBytes)
      : builder_(builder), max_bytes_(max_bytes) {}

  // "" or "[unknown]" as name: the input does not know it.
  FunctionId function(std::string_view name, std::string_view module);
  // A frame on its own, without address.
  LocationId frame(std::string_view name, std::string_view module);

  // The module as perf script and others write it in parentheses.
  ModuleId module(std::string_view path);

  // Says so in the notes when names were given up.
  void note_overflow(Recording& recording) const;

 private:
  struct Row {
    FunctionId function;
    LocationId location;
    std::string name;
    std::string module;
  };
  uint32_t row(std::string_view name, std::string_view module);

  ProfileBuilder& builder_;
  HashIndex index_;
  std::vector<Row> rows_;
  size_t max_bytes_;
  size_t bytes_ = 0;
  bool overflowed_ = false;
};

}  // namespace pgflame::input
