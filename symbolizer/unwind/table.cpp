#include "symbolizer/unwind/table.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>

#include "src/base/hash_index.h"

namespace pgflame::unwind {
namespace {

// Functions are aligned to 16 bytes; nothing but padding fits between two that are this close.
constexpr uint64_t kMaxPadding = 15;

std::string_view bytes_of(const Rule& rule) {
  return {reinterpret_cast<const char*>(&rule), sizeof rule};
}

class Builder {
 public:
  explicit Builder(uint64_t base) {
    table_.base = base;
    number_of(Rule{});
  }

  void begin(uint64_t start) {
    if (start < end_) {
      // Two functions claim the same code: the one that starts later is the more specific.
      const uint64_t pc = start - table_.base;
      while (!table_.rows.empty() && table_.rows.back().pc >= pc)
        table_.rows.pop_back();
      table_.covered_bytes -= std::min(table_.covered_bytes, end_ - start);
    } else if (!table_.rows.empty() && start - end_ > kMaxPadding) {
      append(end_, PGF_RULE_NONE);
    }
  }

  void add(uint64_t start, const Rule& rule) { append(start, number_of(rule)); }

  void count(uint64_t start, uint64_t end, const Rule& rule) {
    table_.covered_bytes += end - start;
    if (rule.cfa == PGF_CFA_FP) table_.frame_pointer_bytes += end - start;
  }

  void end(uint64_t valid_until, uint64_t end) {
    if (valid_until < end) append(valid_until, PGF_RULE_NONE);
    end_ = end;
  }

  Table take() && {
    if (!table_.rows.empty()) append(end_, PGF_RULE_NONE);
    return std::move(table_);
  }

 private:
  void append(uint64_t start, uint16_t rule) {
    const auto pc = static_cast<uint32_t>(start - table_.base);
    auto& rows = table_.rows;
    if (!rows.empty() && rows.back().pc == pc) rows.pop_back();
    if (!rows.empty() && rows.back().rule == rule) return;
    rows.push_back({pc, rule, 0});
  }

  uint16_t number_of(const Rule& rule) {
    auto& rules = table_.rules;
    const uint64_t hash = hash_bytes(bytes_of(rule));
    const uint32_t known = index_.find(
        hash, [&](uint32_t row) { return std::memcmp(&rules[row], &rule, sizeof rule) == 0; });
    if (known != HashIndex::kAbsent) return static_cast<uint16_t>(known);
    // Compilers make a few hundred; beyond this a hostile file is filling memory.
    if (rules.size() == PGF_MAX_RULES) return PGF_RULE_NONE;
    rules.push_back(rule);
    index_.insert(hash, static_cast<uint32_t>(rules.size() - 1));
    return static_cast<uint16_t>(rules.size() - 1);
  }

  Table table_;
  HashIndex index_;
  uint64_t end_ = 0;
};

struct Stretch {
  uint64_t start = 0;
  Rule rule{};
};

void add_function(Builder& builder,
                  CfiProgram& program,
                  const Fde& fde,
                  Machine machine,
                  bool signal) {
  builder.begin(fde.start);
  std::vector<Stretch> stretches;
  const uint64_t valid_until = program.run(fde, [&](uint64_t start, const FrameRules& rules) {
    if (start < fde.end) stretches.push_back({start, compile_rule(rules, machine, signal)});
  });
  for (size_t i = 0; i < stretches.size(); ++i) {
    const uint64_t end = i + 1 < stretches.size() ? stretches[i + 1].start : valid_until;
    if (end <= stretches[i].start) continue;
    builder.add(stretches[i].start, stretches[i].rule);
    builder.count(stretches[i].start, end, stretches[i].rule);
  }
  builder.end(valid_until, fde.end);
}

}  // namespace

const Rule& Table::at(uint64_t address) const {
  static constexpr Rule kNone{};
  static constexpr Rule kChain{PGF_CFA_CHAIN, 0, 0, 0, 0, 0, 0};
  const Rule& none = bare ? kChain : kNone;
  if (address < base || address - base > std::numeric_limits<uint32_t>::max()) return none;
  const auto pc = static_cast<uint32_t>(address - base);
  const auto after = std::ranges::upper_bound(rows, pc, {}, &Row::pc);
  if (after == rows.begin()) return none;
  const uint16_t rule = std::prev(after)->rule;
  return rule == PGF_RULE_NONE ? none : rules[rule];
}

bool is_bare(const Table& table, const LoadSegments& segments) {
  return table.covered_bytes <= segments.size() / 100;
}

Table compile_table(const FrameSection& section, Machine machine) {
  Frames frames = parse_frames(section);
  std::ranges::stable_sort(frames.fdes, {}, &Fde::start);
  if (frames.fdes.empty()) return {};
  CfiProgram program(section, frames, machine);
  Builder builder(frames.fdes.front().start);
  const uint64_t last = frames.fdes.front().start + std::numeric_limits<uint32_t>::max();
  for (const Fde& fde : frames.fdes) {
    if (fde.end > last) continue;  // no module is that large
    add_function(builder, program, fde, machine, frames.cies[fde.cie].signal_frame);
  }
  return std::move(builder).take();
}

Table compile_table(const ElfImage& image) {
  Table table;
  if (image.eh_frame()) table = compile_table(*image.eh_frame(), image.machine());
  if (image.debug_frame()) {
    Table other = compile_table(*image.debug_frame(), image.machine());
    if (other.covered_bytes > table.covered_bytes) table = std::move(other);
  }
  table.bare = is_bare(table, image.segments());
  return table;
}

}  // namespace pgflame::unwind
