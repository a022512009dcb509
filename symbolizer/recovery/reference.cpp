#include "symbolizer/recovery/reference.h"

#include <algorithm>
#include <array>

#include "symbolizer/recovery/sorted.h"
#include "symbolizer/unwind/byte_cursor.h"

namespace pgflame::symbolizer {
namespace {

constexpr std::string_view kMagic = "pgflame-reference-1\n";

bool names_function(FactKind kind) {
  return kind == FactKind::kCall || kind == FactKind::kTake || kind == FactKind::kVia;
}

void put(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_text(std::string& out, std::string_view text) {
  put(out, text.size());
  out.append(text);
}

uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Values that are no rows are numbered; the sorted list of them is written once.
std::vector<uint32_t> distinct_values(const Program& program) {
  std::vector<uint32_t> values;
  for (const Fact& fact : program.facts) {
    if (!names_function(fact.kind)) values.push_back(fact.value);
  }
  sort_unique(values);
  return values;
}

struct Columns {
  std::array<std::string, kFactKindCount> counts;
  std::array<std::string, kFactKindCount> values;
};

void put_facts(const Program& program,
               uint32_t function,
               std::span<const uint32_t> values,
               Columns& columns) {
  std::array<uint64_t, kFactKindCount> counts{};
  std::array<int64_t, kFactKindCount> last{};
  for (const Fact& fact : program.facts_of(function)) {
    const auto kind = static_cast<size_t>(fact.kind);
    std::string& out = columns.values[kind];
    if (names_function(fact.kind)) {
      const int64_t base = counts[kind] == 0 ? int64_t{function} : last[kind];
      put(out, zigzag(int64_t{fact.value} - base));
      last[kind] = fact.value;
      if (fact.kind == FactKind::kVia) put(out, fact.extra);
    } else {
      const auto row = std::ranges::lower_bound(values, fact.value) - values.begin();
      put(out, zigzag(row - last[kind]));
      last[kind] = row;
    }
    ++counts[kind];
  }
  for (size_t kind = 0; kind < kFactKindCount; ++kind)
    put(columns.counts[kind], counts[kind]);
}

class ReferenceReader {
 public:
  explicit ReferenceReader(std::string_view bytes)
      : cursor_({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}) {}

  bool read(Program& program) {
    if (cursor_.take(kMagic.size()).empty()) return false;
    program.files.clear();
    for (uint64_t count = size(); count > 0 && cursor_.ok(); --count)
      program.files.push_back(text());
    if (program.files.empty()) return false;
    for (uint64_t count = size(); count > 0 && cursor_.ok(); --count)
      read_function(program);
    uint64_t last = 0;
    for (uint64_t count = size(); count > 0 && cursor_.ok(); --count) {
      last += cursor_.uleb();
      values_.push_back(static_cast<uint32_t>(last));
    }
    return cursor_.ok() && read_facts(program);
  }

 private:
  // A number of things of at least one byte each.
  uint64_t size() {
    const uint64_t count = cursor_.uleb();
    return count <= cursor_.remaining() ? count : 0;
  }
  std::string text() {
    const auto bytes = cursor_.take(size());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void read_function(Program& program) {
    ProgramFunction function;
    function.name = text();
    function.start = program.functions.size() + 1;
    function.size = static_cast<uint32_t>(cursor_.uleb());
    function.file = static_cast<uint32_t>(cursor_.uleb());
    function.exported = cursor_.u8() != 0;
    if (function.file >= program.files.size()) function.file = 0;
    program.functions.push_back(std::move(function));
  }

  // They are saved by kind, and kept by function.
  bool read_facts(Program& program) {
    std::vector<Fact> facts;
    std::vector<uint32_t> functions;  // by fact
    for (size_t kind = 0; kind < kFactKindCount; ++kind) {
      std::vector<uint64_t> counts(program.functions.size());
      for (uint64_t& count : counts)
        count = size();
      for (uint32_t i = 0; i < counts.size() && cursor_.ok(); ++i) {
        const size_t before = facts.size();
        read_kind(static_cast<FactKind>(kind), counts[i], i, counts.size(), facts);
        program.functions[i].fact_count += static_cast<uint32_t>(facts.size() - before);
        functions.resize(facts.size(), i);
      }
    }
    uint32_t first = 0;
    std::vector<uint32_t> next;
    for (ProgramFunction& function : program.functions) {
      next.push_back(function.first_fact = first);
      first += function.fact_count;
    }
    program.facts.resize(facts.size());
    for (size_t i = 0; i < facts.size(); ++i)
      program.facts[next[functions[i]]++] = facts[i];
    return cursor_.ok();
  }

  void read_kind(FactKind kind,
                 uint64_t count,
                 uint32_t function,
                 size_t function_count,
                 std::vector<Fact>& facts) {
    const bool row = names_function(kind);
    const size_t limit = row ? function_count : values_.size();
    int64_t last = row ? int64_t{function} : 0;
    for (; count > 0 && cursor_.ok(); --count) {
      // Hostile steps may leave the range of the type: they wrap and are out of range below.
      last = static_cast<int64_t>(static_cast<uint64_t>(last) +
                                  static_cast<uint64_t>(unzigzag(cursor_.uleb())));
      Fact fact{kind, 0, 0};
      if (kind == FactKind::kVia) fact.extra = static_cast<uint32_t>(cursor_.uleb());
      if (last < 0 || static_cast<size_t>(last) >= limit) continue;
      const auto index = static_cast<size_t>(last);
      fact.value = row ? static_cast<uint32_t>(index) : values_[index];
      facts.push_back(fact);
    }
  }

  unwind::ByteCursor cursor_;
  std::vector<uint32_t> values_;
};

}  // namespace

std::string write_reference(const Program& program) {
  std::string out(kMagic);
  put(out, program.files.size());
  for (const std::string& file : program.files)
    put_text(out, file);
  put(out, program.functions.size());
  for (const ProgramFunction& function : program.functions) {
    put_text(out, function.name);
    put(out, function.size);
    put(out, function.file);
    out.push_back(function.exported ? 1 : 0);
  }
  const std::vector<uint32_t> values = distinct_values(program);
  put(out, values.size());
  uint32_t last = 0;
  for (const uint32_t value : values) {
    put(out, value - last);
    last = value;
  }
  Columns columns;
  for (uint32_t i = 0; i < program.functions.size(); ++i)
    put_facts(program, i, values, columns);
  for (size_t kind = 0; kind < kFactKindCount; ++kind) {
    out += columns.counts[kind];
    out += columns.values[kind];
  }
  return out;
}

Result<Program> read_reference(std::string_view bytes) {
  Program program;
  if (!bytes.starts_with(kMagic) || !ReferenceReader(bytes).read(program)) {
    return fail(ErrorKind::kCorrupt, "not a reference program");
  }
  return program;
}

}  // namespace pgflame::symbolizer
