#include "symbolizer/kernel_symbols.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "src/base/text.h"

namespace pgflame::symbolizer {
namespace {

struct KernelSymbol {
  uint64_t address = 0;
  char type = 0;
  std::string_view name;
  std::string_view module;  // "ext4", "bpf", empty for the kernel proper
};

std::optional<KernelSymbol> parse_line(std::string_view line) {
  KernelSymbol symbol;
  const char* end = line.data() + line.size();
  const auto [after, error] = std::from_chars(line.data(), end, symbol.address, 16);
  if (error != std::errc{} || end - after < 4 || after[0] != ' ' || after[2] != ' ') {
    return std::nullopt;
  }
  symbol.type = after[1];
  std::string_view rest(after + 3, static_cast<size_t>(end - after - 3));
  const size_t tab = rest.find('\t');
  symbol.name = rest.substr(0, tab);
  if (tab != std::string_view::npos) {
    const std::string_view module = trim(rest.substr(tab + 1));
    if (module.size() > 2) symbol.module = module.substr(1, module.size() - 2);
  }
  return symbol;
}

bool is_code(char type) {
  return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

// Of several names for one address, the one a person would use.
bool is_better(std::string_view name, std::string_view other) {
  const bool plain = !name.starts_with('_');
  if (plain != !other.starts_with('_')) return plain;
  return name.size() < other.size();
}

// Keeps one of the names that each address has; `ranges` are sorted by address.
void keep_best_names(std::vector<FunctionRange>& ranges) {
  size_t kept = 0;
  for (const FunctionRange& range : ranges) {
    if (kept == 0 || ranges[kept - 1].start != range.start) {
      ranges[kept++] = range;
    } else if (is_better(range.name, ranges[kept - 1].name)) {
      ranges[kept - 1] = range;
    }
  }
  ranges.resize(kept);
}

// What the linker calls the ends of sections; "_text" and the like name no function.
bool is_mark(std::string_view name) {
  return name == "_text" || name == "_stext" || name == "_etext" || name == "_sinittext" ||
         name == "_einittext" || name.ends_with("_text_start") || name.ends_with("_text_end");
}

bool is_function(const KernelSymbol& symbol) {
  return is_code(symbol.type) && !is_mark(symbol.name);
}

bool is_absolute(char type) {
  return type == 'a' || type == 'A';
}

// A function ends where anything else begins. Where that is far away, as after the last one of a
// module, it is taken to be no larger than functions mostly are.
constexpr uint64_t kLargestFunction = uint64_t{256} << 10;
constexpr uint64_t kLargestProgram = uint64_t{64} << 10;  // of BPF
constexpr uint64_t kLastFunction = 4096;                  // of a module

// Both are sorted; `starts` has every range's start.
void set_ends(std::vector<FunctionRange>& ranges, const std::vector<uint64_t>& starts) {
  auto next = starts.begin();
  for (size_t i = 0; i < ranges.size(); ++i) {
    FunctionRange& range = ranges[i];
    const bool is_last = i + 1 == ranges.size() || ranges[i + 1].evidence != range.evidence;
    uint64_t largest = is_last ? kLastFunction : kLargestFunction;
    if (range.evidence == "bpf") largest = kLargestProgram;
    range.end = range.start + std::min(largest, UINT64_MAX - range.start);
    next = std::find_if(next, starts.end(), [&](uint64_t at) { return at > range.start; });
    if (next != starts.end()) range.end = std::min(range.end, *next);
  }
}

size_t line_around(std::string_view text, size_t at) {
  const auto* newline = static_cast<const char*>(::memrchr(text.data(), '\n', at));
  return newline == nullptr ? 0 : static_cast<size_t>(newline - text.data()) + 1;
}

size_t line_behind(std::string_view text, size_t at) {
  return std::min(text.find('\n', at), text.size() - 1) + 1;
}

std::optional<KernelSymbol> symbol_at(std::string_view text, size_t line) {
  return parse_line(text.substr(line, text.find('\n', line) - line));
}

// The first line of a symbol above the address; the end where there is none.
size_t line_above(std::string_view text, uint64_t address) {
  size_t begin = 0;
  size_t end = text.size();
  while (begin < end) {
    const size_t line = line_around(text, begin + (end - begin) / 2);
    const auto symbol = symbol_at(text, line);
    if (symbol && symbol->address > address) {
      end = line;
    } else {
      begin = line_behind(text, line);
    }
  }
  return begin;
}

// Behind the next line of a function.
size_t end_of_function(std::string_view text, size_t line) {
  while (line < text.size()) {
    const auto symbol = symbol_at(text, line);
    line = line_behind(text, line);
    if (symbol && is_function(*symbol)) break;
  }
  return line;
}

}  // namespace

std::string_view kernel_proper(std::string_view kallsyms) {
  return kallsyms.substr(0, line_around(kallsyms, std::min(kallsyms.find('\t'), kallsyms.size())));
}

std::string lines_about(std::string_view proper, std::span<const uint64_t> addresses) {
  constexpr std::string_view kText = " _text\n";
  std::string lines;
  if (const size_t at = proper.find(kText); at != std::string_view::npos) {
    const size_t line = line_around(proper, at);
    lines = proper.substr(line, at + kText.size() - line);
  }
  size_t done = 0;    // of the text
  uint64_t next = 0;  // above all addresses that were dealt with
  for (const uint64_t address : addresses) {
    if (address < next) continue;
    const size_t above = line_above(proper, address);
    const auto upper = symbol_at(proper, above);
    next = upper ? upper->address : UINT64_MAX;
    const auto last = symbol_at(proper, line_around(proper, above - std::min<size_t>(above, 1)));
    if (!last || last->address == 0 || last->address > address) continue;
    const size_t begin = std::max(done, line_above(proper, last->address - 1));
    done = std::max(done, end_of_function(proper, above));
    lines += proper.substr(begin, done - begin);
  }
  return lines;
}

void KernelSymbols::drop_modules() {
  std::erase_if(table.ranges(), [](const FunctionRange& range) { return !range.evidence.empty(); });
}

KernelSymbols parse_kallsyms(std::string text) {
  KernelSymbols kernel;
  std::vector<FunctionRange> ranges;
  FunctionTable keeper;
  const std::string_view kept = keeper.keep(std::move(text));
  constexpr size_t kUsualLine = 40;
  ranges.reserve(kept.size() / kUsualLine);
  std::vector<uint64_t> starts;  // of functions and of data
  starts.reserve(kept.size() / kUsualLine);
  for (size_t at = 0; at < kept.size();) {
    const size_t newline = std::min(kept.find('\n', at), kept.size());
    const auto symbol = parse_line(kept.substr(at, newline - at));
    at = newline + 1;
    if (!symbol) continue;
    if (symbol->name == "_text") kernel.text_start = symbol->address;
    if (symbol->address == 0 || is_absolute(symbol->type)) continue;
    starts.push_back(symbol->address);
    if (!is_function(*symbol)) continue;
    ranges.push_back({.start = symbol->address,
                      .entry = symbol->address,
                      .name = symbol->name,
                      .file = {},
                      .evidence = symbol->module,
                      .tier = NameTier::kFull});
  }
  kernel.hidden = ranges.empty();
  // The kernel proper is in order, only modules need not be.
  if (!std::ranges::is_sorted(ranges, {}, &FunctionRange::start))
    std::ranges::stable_sort(ranges, {}, &FunctionRange::start);
  if (!std::ranges::is_sorted(starts)) std::ranges::sort(starts);
  keep_best_names(ranges);
  set_ends(ranges, starts);
  keeper.ranges() = std::move(ranges);
  kernel.table = std::move(keeper);
  return kernel;
}

}  // namespace pgflame::symbolizer
