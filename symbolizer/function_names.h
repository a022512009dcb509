// The names that a file has for its functions: of symbols and of PLT stubs.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "symbolizer/address_set.h"
#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

struct FunctionName {
  FunctionRange range;  // without its end
  uint64_t size = 0;    // 0: it ends where the next begins
  int rank = 0;         // of several names for one address the highest wins
};

// The symbol tables of a file and of its debug file. The images must outlive it.
class FunctionNames {
 public:
  // `debug` may be null.
  FunctionNames(const ElfImage& image, const ElfImage* debug);

  std::vector<FunctionName> all() const;
  // Those that can be of a function at one of the addresses: what covers one, and what begins last
  // before one, which ends all functions without a size.
  std::vector<FunctionName> near(const AddressSet& addresses) const;
  // Those of functions that begin at one of the addresses.
  std::vector<FunctionName> at(const AddressSet& addresses) const;
  // Where functions begin that are called so.
  std::vector<uint64_t> starts_of(const std::unordered_set<std::string_view>& names) const;

 private:
  struct Table {
    ElfSymbols symbols;
    NameTier tier = NameTier::kFull;
  };

  template <typename Wanted>
  std::vector<FunctionName> chosen(const AddressSet& of_stubs, Wanted&& wanted) const;
  std::vector<uint64_t> last_starts(const AddressSet& addresses) const;

  const ElfImage& image_;
  std::vector<Table> tables_;
};

}  // namespace pgflame::symbolizer
