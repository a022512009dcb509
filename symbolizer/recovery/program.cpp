#include "symbolizer/recovery/program.h"

#include <algorithm>
#include <thread>
#include <unordered_set>

#include "src/base/hash_index.h"
#include "symbolizer/recovery/code.h"
#include "symbolizer/recovery/sorted.h"

namespace pgflame::symbolizer {
namespace {

using Kind = CodeReference::Kind;

constexpr uint64_t kMaxTableBytes = 1024;  // of a table without a name
constexpr size_t kMinText = 4;

uint32_t hash32(std::string_view text, uint64_t seed = 0) {
  return static_cast<uint32_t>(hash_bytes(text, seed) >> 32);
}

struct NamedData {
  uint64_t start = 0;
  uint64_t end = 0;
  std::string_view name;
};

bool is_fragment_name(std::string_view name) {
  return name.find(".cold") != std::string_view::npos;
}

// Target, and twice the row it comes from, plus one when the jump is conditional.
using Jump = std::pair<uint64_t, uint32_t>;

class ProgramReader {
 public:
  ProgramReader(const ElfImage& image, const FunctionTable& table) : image_(image), table_(table) {}

  Program read() && {
    program_.machine = image_.machine();
    add_functions();
    decode();
    find_fragments();
    add_named_data();
    find_data_starts();
    collect_facts();
    return std::move(program_);
  }

 private:
  struct Decoded {
    const FunctionRange* range = nullptr;
    std::vector<CodeReference> references;
    uint32_t owner = kNoFunction;  // the function it is, or is a part of
  };

  void add_functions();
  void decode();
  void find_fragments();
  uint32_t parent_of(const Decoded& part, std::span<const Jump> jumps);
  void collect_jumps(std::vector<Jump>& jumps, std::vector<uint64_t>& called) const;
  void adopt(Decoded& part, uint32_t owner);
  void add_named_data();
  void find_data_starts();
  void collect_facts();
  void add_facts(uint32_t function, const CodeReference& reference, std::vector<Fact>& facts);
  void add_data_facts(uint32_t function, uint64_t address, std::vector<Fact>& facts);
  void add_table_facts(uint32_t user, uint64_t address, std::vector<Fact>& facts);
  uint32_t decoded_at(uint64_t vaddr) const;
  const NamedData* named_data_at(uint64_t vaddr) const;
  std::optional<uint64_t> pointer_at(uint64_t slot) const;
  bool is_function_start(uint64_t vaddr) const;

  const ElfImage& image_;
  const FunctionTable& table_;
  Program program_;
  std::vector<Decoded> decoded_;  // one per range of the table, in its order
  std::vector<ElfPointer> pointers_;
  std::vector<ElfImport> imports_;
  std::vector<NamedData> named_data_;
  std::vector<uint64_t> data_starts_;  // where code says that some data begins
  std::vector<uint64_t> pointed_at_;   // where other data says so
};

void ProgramReader::add_functions() {
  std::unordered_set<uint64_t> exported;
  for (const ElfSymbol& symbol : image_.symbols(".dynsym")) {
    if (symbol.defined() && symbol.is_code()) exported.insert(symbol.address);
  }
  for (const FunctionRange& range : table_.ranges()) {
    Decoded& row = decoded_.emplace_back();
    row.range = &range;
    if (range.evidence == "PLT stub" || is_fragment_name(range.name)) continue;
    row.owner = static_cast<uint32_t>(program_.functions.size());
    ProgramFunction function;
    function.start = range.start;
    function.size = static_cast<uint32_t>(range.end - range.start);
    function.name = without_clone_suffix(range.name);
    function.exported = exported.contains(range.start);
    program_.functions.push_back(std::move(function));
  }
}

void ProgramReader::decode() {
  auto half = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      const FunctionRange& range = *decoded_[i].range;
      if (range.evidence == "PLT stub") continue;
      decoded_[i].references = code_references(image_, range.start, range.end);
    }
  };
  const size_t middle = decoded_.size() / 2;
  std::jthread helper(half, size_t{0}, middle);
  half(middle, decoded_.size());
}

// The row of the range that covers an address, or kNoFunction.
uint32_t ProgramReader::decoded_at(uint64_t vaddr) const {
  const FunctionRange* range = table_.find(vaddr);
  if (range == nullptr) return kNoFunction;
  return static_cast<uint32_t>(range - table_.ranges().data());
}

// A split part is entered by jumps from one function only, and by a conditional one, or in its
// middle, or it jumps back into the middle of that function. A function that is only ever tail
// called does none of this.
uint32_t ProgramReader::parent_of(const Decoded& part, std::span<const Jump> jumps) {
  uint32_t parent = kNoFunction;
  bool proved = false;
  for (const auto& [target, encoded] : jumps) {
    const uint32_t from = encoded >> 1;
    if (decoded_[from].range == part.range) continue;
    if (parent != kNoFunction && parent != from) return kNoFunction;
    parent = from;
    proved = proved || (encoded & 1) != 0 || target != part.range->start;
  }
  if (parent == kNoFunction) return kNoFunction;
  for (const CodeReference& reference : part.references) {
    if (reference.kind != Kind::kJump && reference.kind != Kind::kBranch) continue;
    const bool inside = decoded_at(reference.target) == parent;
    proved = proved || (inside && reference.target != decoded_[parent].range->start);
  }
  return proved ? parent : kNoFunction;
}

// Jumps out of functions, sorted by target, and all that is entered otherwise, sorted.
void ProgramReader::collect_jumps(std::vector<Jump>& jumps, std::vector<uint64_t>& called) const {
  for (uint32_t i = 0; i < decoded_.size(); ++i) {
    for (const CodeReference& reference : decoded_[i].references) {
      switch (reference.kind) {
        case Kind::kCall:
        case Kind::kAddress:
          called.push_back(reference.target);
          break;
        case Kind::kJump:
          jumps.emplace_back(reference.target, i * 2);
          break;
        case Kind::kBranch:
          jumps.emplace_back(reference.target, i * 2 + 1);
          break;
        default:
          break;
      }
    }
  }
  std::sort(jumps.begin(), jumps.end());
  sort_unique(called);
}

void ProgramReader::find_fragments() {
  std::vector<Jump> jumps;
  std::vector<uint64_t> called;
  collect_jumps(jumps, called);
  std::vector<std::pair<uint32_t, uint32_t>> parts;  // part, parent; rows of decoded_
  for (uint32_t i = 0; i < decoded_.size(); ++i) {
    const FunctionRange& range = *decoded_[i].range;
    const bool other = !range.name.empty() && !is_fragment_name(range.name);
    if (other || std::ranges::binary_search(called, range.start)) continue;
    const auto from = std::ranges::lower_bound(jumps, Jump{range.start, 0});
    const auto to = std::ranges::lower_bound(jumps, Jump{range.end, 0});
    const uint32_t parent = parent_of(decoded_[i], {from, to});
    if (parent != kNoFunction) parts.emplace_back(i, parent);
  }
  for (const auto& [part, parent] : parts)
    adopt(decoded_[part], decoded_[parent].owner);
}

void ProgramReader::adopt(Decoded& part, uint32_t owner) {
  if (owner == kNoFunction || owner == part.owner) return;
  if (part.owner != kNoFunction) program_.functions[part.owner].size = 0;
  part.owner = owner;
  program_.fragments.push_back({part.range->start, owner});
  program_.functions[owner].size += static_cast<uint32_t>(part.range->end - part.range->start);
}

void ProgramReader::add_named_data() {
  pointers_ = image_.pointers();
  imports_ = image_.imports();
  for (const ElfSymbol& symbol : image_.symbols(".dynsym")) {
    constexpr uint8_t kObject = 1;  // STT_OBJECT
    if (!symbol.defined() || symbol.type != kObject || symbol.size == 0) continue;
    named_data_.push_back({symbol.address, symbol.address + symbol.size, symbol.name});
  }
  std::ranges::stable_sort(named_data_, {}, &NamedData::start);
}

const NamedData* ProgramReader::named_data_at(uint64_t vaddr) const {
  const auto after = std::ranges::upper_bound(named_data_, vaddr, {}, &NamedData::start);
  if (after == named_data_.begin()) return nullptr;
  const NamedData& row = *std::prev(after);
  return vaddr < row.end ? &row : nullptr;
}

void ProgramReader::find_data_starts() {
  for (const Decoded& row : decoded_) {
    for (const CodeReference& reference : row.references) {
      if (reference.kind == Kind::kAddress) data_starts_.push_back(reference.target);
    }
  }
  for (const NamedData& row : named_data_)
    data_starts_.push_back(row.start);
  sort_unique(data_starts_);
  for (const ElfPointer& pointer : pointers_)
    pointed_at_.push_back(pointer.target);
  sort_unique(pointed_at_);
}

std::optional<uint64_t> ProgramReader::pointer_at(uint64_t slot) const {
  const auto found = std::ranges::lower_bound(pointers_, slot, {}, &ElfPointer::slot);
  if (found == pointers_.end() || found->slot != slot) return std::nullopt;
  return found->target;
}

// A table without a name reaches to wherever the next data begins.
void ProgramReader::add_table_facts(uint32_t user, uint64_t address, std::vector<Fact>& facts) {
  const auto next = std::ranges::upper_bound(data_starts_, address);
  const auto other = std::ranges::upper_bound(pointed_at_, address);
  uint64_t end = address + kMaxTableBytes;
  if (next != data_starts_.end()) end = std::min(end, *next);
  auto row = std::ranges::lower_bound(pointers_, address, {}, &ElfPointer::slot);
  for (; row != pointers_.end() && row->slot < end; ++row) {
    const uint32_t function = function_starting_at(program_, row->target);
    if (function == kNoFunction) continue;
    facts.push_back({FactKind::kVia, function, static_cast<uint32_t>(row->slot - address)});
    const bool sure = other == pointed_at_.end() || row->slot < *other;
    if (!sure) program_.doubtful.emplace_back(user, facts.back());
  }
}

void ProgramReader::add_data_facts(uint32_t function, uint64_t address, std::vector<Fact>& facts) {
  if (const NamedData* data = named_data_at(address)) {
    facts.push_back({FactKind::kData, hash32(data->name, address - data->start)});
    return;
  }
  const auto import = std::ranges::lower_bound(imports_, address, {}, &ElfImport::slot);
  if (import != imports_.end() && import->slot == address) {
    facts.push_back({FactKind::kData, hash32(import->symbol)});
    return;
  }
  if (const auto target = pointer_at(address)) {
    const uint32_t taken = function_starting_at(program_, *target);
    if (taken != kNoFunction) facts.push_back({FactKind::kTake, taken});
  }
  std::string_view text = image_.text_at(address);
  if (text.size() >= kMinText) {
    // Source files are named as the build saw them; only the last part is the same everywhere.
    if (text.ends_with(".c") || text.ends_with(".h")) text = text.substr(text.rfind('/') + 1);
    facts.push_back({FactKind::kText, hash32(text)});
    program_.wordings.try_emplace(key_of(facts.back()), Wording{text});
    return;
  }
  add_table_facts(function, address, facts);
}

void ProgramReader::add_facts(uint32_t function,
                              const CodeReference& reference,
                              std::vector<Fact>& facts) {
  switch (reference.kind) {
    case Kind::kConstant:
      facts.push_back({FactKind::kConstant, static_cast<uint32_t>(reference.target)});
      return;
    case Kind::kField:
      facts.push_back({FactKind::kField, static_cast<uint32_t>(reference.target)});
      return;
    case Kind::kLoad:
      add_data_facts(function, reference.target, facts);
      return;
    default:
      break;
  }
  const uint32_t row = decoded_at(reference.target);
  if (row == kNoFunction) {
    if (reference.kind == Kind::kAddress) add_data_facts(function, reference.target, facts);
    return;
  }
  if (decoded_[row].range->evidence == "PLT stub") {
    facts.push_back({FactKind::kImport, hash32(decoded_[row].range->name)});
    return;
  }
  const uint32_t owner = decoded_[row].owner;
  if (owner == kNoFunction || owner == function) return;
  const bool at_start = reference.target == program_.functions[owner].start;
  if (!at_start) return;
  facts.push_back({reference.kind == Kind::kAddress ? FactKind::kTake : FactKind::kCall, owner});
}

void ProgramReader::collect_facts() {
  std::vector<std::vector<Fact>> all(program_.functions.size());
  for (const Decoded& row : decoded_) {
    if (row.owner == kNoFunction) continue;
    for (const CodeReference& reference : row.references)
      add_facts(row.owner, reference, all[row.owner]);
  }
  for (const ElfPointer& pointer : pointers_) {
    const NamedData* data = named_data_at(pointer.slot);
    if (data == nullptr) continue;
    const uint32_t function = function_starting_at(program_, pointer.target);
    if (function == kNoFunction) continue;
    const uint64_t offset = pointer.slot - data->start;
    all[function].push_back({FactKind::kSlot, hash32(data->name, offset)});
    program_.wordings.try_emplace(key_of(all[function].back()), Wording{data->name, offset});
  }
  sort_unique(program_.doubtful);
  for (size_t i = 0; i < all.size(); ++i) {
    sort_unique(all[i]);
    program_.functions[i].first_fact = static_cast<uint32_t>(program_.facts.size());
    program_.functions[i].fact_count = static_cast<uint32_t>(all[i].size());
    program_.facts.insert(program_.facts.end(), all[i].begin(), all[i].end());
  }
}

}  // namespace

Program read_program(const ElfImage& image, const FunctionTable& table) {
  return ProgramReader(image, table).read();
}

uint32_t function_starting_at(const Program& program, uint64_t vaddr) {
  const auto found =
      std::ranges::lower_bound(program.functions, vaddr, {}, &ProgramFunction::start);
  if (found == program.functions.end() || found->start != vaddr) return kNoFunction;
  return static_cast<uint32_t>(found - program.functions.begin());
}

}  // namespace pgflame::symbolizer
