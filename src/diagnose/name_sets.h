// Many sets of name patterns, matched against a name at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pgflame::diagnose {

using NameSetId = uint32_t;
inline constexpr NameSetId kNoNames = 0xffffffff;

class NameSets {
 public:
  // Patterns: "exact", "prefix*", "*suffix", "*part*", "with*inner*stars". An empty list is
  // kNoNames.
  NameSetId add(const std::vector<std::string>& patterns);
  size_t size() const { return count_; }

  // Appends the sets that contain `name`, some perhaps twice.
  void find(std::string_view name, std::vector<NameSetId>& sets) const;

 private:
  struct Loose {
    std::string pattern;  // with its stars
    NameSetId set = 0;
  };
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using ByText = std::unordered_map<std::string, std::vector<NameSetId>, TextHash, std::equal_to<>>;

  void find_prefixes(std::string_view name, std::vector<NameSetId>& sets) const;

  ByText exact_;
  std::map<std::string, std::vector<NameSetId>, std::less<>> prefixes_;
  std::vector<Loose> loose_;
  uint32_t count_ = 0;
};

}  // namespace pgflame::diagnose
