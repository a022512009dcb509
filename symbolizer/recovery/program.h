// A program as a graph of functions and of what each of them refers to: the facts by which the same
// source function is recognised in two builds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"

namespace pgflame::symbolizer {

enum class FactKind : uint8_t {
  kCall,      // calls or jumps to a function of the program
  kTake,      // takes the address of a function of the program
  kVia,       // refers to a table without a name that holds a function's address; `extra` is where
  kSlot,      // its own address is in a table with a name, hash of name and offset
  kImport,    // calls an imported function, hash of its name
  kText,      // refers to a string, hash of the text
  kData,      // refers to exported data, hash of its name and the offset
  kConstant,  // uses a constant
  kField,     // uses an offset into a structure
};
inline constexpr size_t kFactKindCount = 9;

struct Fact {
  FactKind kind = FactKind::kCall;
  uint32_t value = 0;  // row of Program::functions for the first three kinds, else a hash or number
  uint32_t extra = 0;

  friend bool operator==(const Fact&, const Fact&) = default;
  friend bool operator<(const Fact& a, const Fact& b) {
    return std::tie(a.kind, a.value, a.extra) < std::tie(b.kind, b.value, b.extra);
  }
};

constexpr uint64_t key_of(const Fact& fact) {
  return static_cast<uint64_t>(fact.kind) << 32 | fact.value;
}

struct ProgramFunction {
  uint64_t start = 0;  // virtual address; in references only their order matters
  uint32_t size = 0;   // bytes, split parts included
  uint32_t file = 0;   // row of Program::files, 0 unknown
  bool exported = false;
  std::string name;  // empty: unnamed
  uint32_t first_fact = 0;
  uint32_t fact_count = 0;
};

// A split part of a function, with code of its own elsewhere.
struct Fragment {
  uint64_t start = 0;
  uint32_t function = 0;  // the function it belongs to
};

// What stands behind the hash of a fact.
struct Wording {
  std::string_view text;  // a string, or the name of a table
  uint64_t offset = 0;    // into the table
};

struct Program {
  Machine machine = Machine::kX8664;       // of all references
  std::vector<ProgramFunction> functions;  // sorted by start
  std::vector<Fact> facts;                 // sorted and unique per function
  std::vector<std::string> files{""};
  std::vector<Fragment> fragments;  // sorted by start
  // By key_of facts of the kinds kText and kSlot; into the file's bytes. Empty in references.
  std::unordered_map<uint64_t, Wording> wordings;
  // Functions and their facts of the kind kVia of which it is not sure that the slot belongs to the
  // table: another object may begin before it. Those match as well as any, but prove nothing to a
  // reader. Sorted; empty in references.
  std::vector<std::pair<uint32_t, Fact>> doubtful;

  std::span<const Fact> facts_of(uint32_t function) const {
    const ProgramFunction& row = functions[function];
    return std::span(facts).subspan(row.first_fact, row.fact_count);
  }
};

inline constexpr uint32_t kNoFunction = UINT32_MAX;

// Reads the facts of a file whose functions are `table`. Names that the table has are kept; which
// of them are exported is asked of .dynsym.
Program read_program(const ElfImage& image, const FunctionTable& table);

// The row of the function that begins at the address, or kNoFunction.
uint32_t function_starting_at(const Program& program, uint64_t vaddr);

}  // namespace pgflame::symbolizer
