#include "symbolizer/recovery.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <zstd.h>

#include "symbolizer/plt_stubs.h"
#include "symbolizer/recovery/cache.h"
#include "symbolizer/recovery/citation.h"
#include "symbolizer/recovery/code.h"
#include "symbolizer/recovery/direct.h"
#include "symbolizer/recovery/matcher.h"
#include "symbolizer/recovery/reference.h"
#include "symbolizer/recovery/resolvers.h"
#include "symbolizer/recovery/votes.h"

namespace pgflame::symbolizer {
namespace {

constexpr size_t kWitnesses = 4;
constexpr ptrdiff_t kOfOneCompiler = 2;  // compilers inline differently: hear several
constexpr size_t kMaxReferenceBytes = size_t{32} << 20;

std::string decompress(std::string_view bytes) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxReferenceBytes) return {};
  std::string out(size, '\0');
  const size_t written = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  return written == size ? out : std::string{};
}

// Without those that cannot be read.
std::vector<Testimony> read_all(std::span<const Reference> references, int major) {
  std::vector<Testimony> testimonies;
  for (const Reference& reference : references) {
    auto program = read_reference(decompress(reference.bytes));
    if (!program) continue;
    testimonies.push_back({.major = reference.major,
                           .same_major = reference.major == major,
                           .older = reference.major < major,
                           .graph = ReferenceGraph(std::move(*program)),
                           .matches = {}});
  }
  return testimonies;
}

// What the references testify about one program, two at a time.
void hear(const Program& program,
          const IncomingFacts& incoming,
          std::vector<Testimony>& testimonies) {
  std::atomic<size_t> taken = 0;
  auto work = [&] {
    for (size_t n = ++taken; n <= testimonies.size(); n = ++taken) {
      // Those of other majors stand last and take longest: they go first.
      Testimony& testimony = testimonies[testimonies.size() - n];
      testimony.matches = match_programs(program, incoming, testimony.graph);
      testimony.graph.forget_closures();
    }
  };
  const std::jthread helper(work);
  work();
}

FunctionRange* range_at(FunctionTable& functions, uint64_t start) {
  auto& ranges = functions.ranges();
  const auto found = std::ranges::lower_bound(ranges, start, {}, &FunctionRange::start);
  return found == ranges.end() || found->start != start ? nullptr : &*found;
}

void apply(const Program& program, const std::vector<Verdict>& verdicts, FunctionTable& functions) {
  for (uint32_t i = 0; i < verdicts.size(); ++i) {
    FunctionRange* range = range_at(functions, program.functions[i].start);
    if (range == nullptr) continue;
    const Verdict& verdict = verdicts[i];
    if (!verdict.file.empty() && range->file.empty()) range->file = functions.keep(verdict.file);
    if (!range->name.empty() || verdict.name.empty()) continue;
    range->name = functions.keep(verdict.name);
    range->evidence = functions.keep(verdict.evidence);
    range->tier = verdict.tier;
  }
}

void apply_fragments(const Program& program, FunctionTable& functions) {
  for (const Fragment& fragment : program.fragments) {
    FunctionRange* part = range_at(functions, fragment.start);
    const FunctionRange* whole = range_at(functions, program.functions[fragment.function].start);
    if (part == nullptr || whole == nullptr || !part->name.empty()) continue;
    part->entry = whole->entry;
    part->file = whole->file;
    part->name = whole->name;
    if (whole->name.empty()) continue;
    part->tier = whole->tier == NameTier::kPlaced ? NameTier::kPlaced : NameTier::kRecovered;
    part->evidence = "split part, entered by a jump from this function only";
  }
}

// What the server says when it is asked for its version; 0 when it says nothing.
int version_of_server(const ElfImage& image) {
  constexpr std::string_view kMark = "PostgreSQL ";
  const ElfSection* section = image.section(".rodata");
  if (section == nullptr) return 0;
  const std::string_view text(reinterpret_cast<const char*>(section->bytes.data()),
                              section->bytes.size());
  for (size_t at = text.find(kMark); at != std::string_view::npos; at = text.find(kMark, at + 1)) {
    const char* begin = text.data() + at + kMark.size();
    int major = 0;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), major);
    // "PostgreSQL 15.20 (Debian ...) on x86_64...", "PostgreSQL 19rc1 on ..."
    const auto left = static_cast<size_t>(text.data() + text.size() - end);
    const std::string_view rest(end, std::min<size_t>(4, left));
    if (error == std::errc{} && major >= 10 && major < 100 && !rest.empty() &&
        (rest.front() == '.' || rest.front() == 'r' || rest.front() == 'b' ||
         rest.front() == 'd')) {
      return major;
    }
  }
  return 0;
}

// Extension modules carry the version that they were made for: Pg_magic_func returns the address of
// Pg_magic_struct, whose second word is PG_VERSION_NUM / 100 (fmgr.h, PostgreSQL 10 to 18).
int version_of_extension(const ElfImage& image, const FunctionTable& functions) {
  const auto magic = std::ranges::find(
      functions.ranges(), std::string_view("Pg_magic_func"), &FunctionRange::name);
  if (magic == functions.ranges().end()) return 0;
  for (const CodeReference& reference : code_references(image, magic->start, magic->end)) {
    const std::span<const uint8_t> bytes = image.bytes_at(reference.target);
    if (reference.kind != CodeReference::Kind::kAddress || bytes.size() < 8) continue;
    uint32_t version = 0;
    std::memcpy(&version, bytes.data() + 4, sizeof version);
    return version >= 1000 && version < 10'000 ? static_cast<int>(version / 100) : 0;
  }
  return 0;
}

// Exported functions that only this module has.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kMarks{{
    {"postgres", "PostgresMain"},
    {"plpgsql", "plpgsql_call_handler"},
    {"pg_stat_statements", "pg_stat_statements_reset"},
    {"pg_trgm", "gtrgm_consistent"},
    {"postgres_fdw", "postgres_fdw_handler"},
}};

// Whether a text begins with one of the names without which recover() does nothing.
bool begins_with_mark(std::string_view text) {
  const auto begins_with = [&](std::string_view name) {
    return !text.empty() && text.front() == name.front() && text.starts_with(name);
  };
  return begins_with(kStartOfMain) ||
         std::ranges::any_of(kMarks, [&](const auto& mark) { return begins_with(mark.second); });
}

enum class Ground : uint8_t { kNone, kImported, kOwn };

// What a symbol table gives recover() to work with.
Ground ground_in(const ElfSymbols& table) {
  Ground ground = Ground::kNone;
  for (size_t i = 0; i < table.size(); ++i) {
    const ElfSymbol symbol = table.without_name(i);
    if (!chooses_variant(symbol) && !begins_with_mark(table.name_and_more(i))) continue;
    if (symbol.defined()) return Ground::kOwn;
    ground = Ground::kImported;
  }
  return ground;
}

}  // namespace

bool may_recover(const ElfImage& image, const ElfImage* debug) {
  const Ground dynamic = ground_in(image.symbol_table(".dynsym"));
  if (dynamic == Ground::kOwn || ground_in(image.symbol_table(".symtab")) == Ground::kOwn ||
      (debug != nullptr && ground_in(debug->symbol_table(".symtab")) == Ground::kOwn)) {
    return true;
  }
  if (dynamic == Ground::kNone) return false;
  // What is imported has its name only where it is called through a stub.
  const std::vector<PltStub> stubs = plt_stubs(image);
  return std::ranges::any_of(stubs,
                             [](const PltStub& stub) { return begins_with_mark(stub.symbol); });
}

std::optional<Product> recognise(const ElfImage& image, const FunctionTable& functions) {
  std::array<bool, kMarks.size()> marked{};
  for (const FunctionRange& range : functions.ranges()) {
    for (size_t i = 0; i < kMarks.size(); ++i)
      marked[i] = marked[i] || range.name == kMarks[i].second;
  }
  for (size_t i = 0; i < kMarks.size(); ++i) {
    if (!marked[i]) continue;
    const std::string_view module = kMarks[i].first;
    const int major =
        module == "postgres" ? version_of_server(image) : version_of_extension(image, functions);
    if (major != 0) return Product{module, major};
  }
  return std::nullopt;
}

std::vector<Reference> witnesses_for(const Product& product,
                                     std::span<const Reference> references) {
  std::vector<Reference> sorted;
  std::ranges::copy_if(references, std::back_inserter(sorted), [&](const Reference& reference) {
    return reference.module == product.module;
  });
  std::ranges::stable_sort(sorted, {}, [&](const Reference& reference) {
    return std::abs(reference.major - product.major);
  });
  std::vector<Reference> chosen;
  std::vector<Reference> others;
  for (const Reference& reference : sorted) {
    const auto same = std::ranges::count(chosen, reference.compiler, &Reference::compiler);
    (same < kOfOneCompiler && chosen.size() < kWitnesses ? chosen : others).push_back(reference);
  }
  const size_t missing = std::min(others.size(), kWitnesses - chosen.size());
  chosen.insert(chosen.end(), others.begin(), others.begin() + static_cast<ptrdiff_t>(missing));
  return chosen;
}

void recover_with(const ElfImage& image,
                  FunctionTable& functions,
                  const Product& product,
                  std::span<const Reference> references) {
  recover_directly(image, functions);
  std::vector<Testimony> testimonies;
  std::jthread reader([&] { testimonies = read_all(references, product.major); });
  const Program program = read_program(image, functions);
  const IncomingFacts incoming(program);
  reader.join();
  hear(program, incoming, testimonies);
  std::vector<Verdict> verdicts = judge(program, incoming, testimonies);
  cite_facts(program, incoming, testimonies, verdicts);
  apply(program, verdicts, functions);
  apply_fragments(program, functions);
}

void recover(const ElfImage& image, FunctionTable& functions, const std::string& cache_dir) {
  const auto& ranges = functions.ranges();
  const bool complete =
      std::ranges::none_of(ranges, [](const FunctionRange& range) { return range.name.empty(); });
  const bool decoded = image.machine() == Machine::kX8664 || image.machine() == Machine::kAarch64;
  if (complete || !decoded) return;
  if (read_cache(cache_dir, image.build_id(), functions)) return;
  name_variants(image, functions);
  name_caller_of_main(image, functions);
  name_signal_return(image, functions);
  const auto product = recognise(image, functions);
  if (!product) return;
  recover_with(image, functions, *product, witnesses_for(*product, references()));
  write_cache(cache_dir, image.build_id(), functions);
}

}  // namespace pgflame::symbolizer
