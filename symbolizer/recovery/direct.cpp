#include "symbolizer/recovery/direct.h"

#include <algorithm>
#include <array>

#include "symbolizer/recovery/code.h"

namespace pgflame::symbolizer {
namespace {

// Tables of callbacks behind an exported name. TupleTableSlotOps (executor/tuptable.h, unchanged
// since PostgreSQL 12): base_slot_size, init, release, clear, getsomeattrs, ...
struct TableSlot {
  std::string_view table;
  uint64_t offset;
  std::string_view function;
};
constexpr std::array<TableSlot, 4> kTableSlots{{
    {"TTSOpsVirtual", 32, "tts_virtual_getsomeattrs"},
    {"TTSOpsHeapTuple", 32, "tts_heap_getsomeattrs"},
    {"TTSOpsMinimalTuple", 32, "tts_minimal_getsomeattrs"},
    {"TTSOpsBufferHeapTuple", 32, "tts_buffer_heap_getsomeattrs"},
}};

FunctionRange* unnamed_at(FunctionTable& functions, uint64_t start) {
  auto& ranges = functions.ranges();
  const auto found = std::ranges::lower_bound(ranges, start, {}, &FunctionRange::start);
  if (found == ranges.end() || found->start != start || !found->name.empty()) return nullptr;
  return &*found;
}

void name_it(FunctionRange* range, std::string_view name, std::string_view evidence) {
  if (range == nullptr) return;
  range->name = name;
  range->evidence = evidence;
  range->tier = NameTier::kRecovered;
}

void recover_from_tables(const ElfImage& image, FunctionTable& functions) {
  const std::vector<ElfPointer> pointers = image.pointers();
  for (const ElfSymbol& symbol : image.symbols(".dynsym")) {
    for (const TableSlot& slot : kTableSlots) {
      if (symbol.name != slot.table || symbol.size <= slot.offset) continue;
      const uint64_t at = symbol.address + slot.offset;
      const auto pointer = std::ranges::lower_bound(pointers, at, {}, &ElfPointer::slot);
      if (pointer == pointers.end() || pointer->slot != at) continue;
      name_it(unnamed_at(functions, pointer->target), slot.function, "callback table");
    }
  }
}

// The interpreter is by far the largest of the functions whose address the setup function takes;
// the others evaluate single steps in under a kilobyte.
constexpr uint64_t kInterpreterSize = 4096;

void recover_interpreter(const ElfImage& image, FunctionTable& functions) {
  const auto setup = std::ranges::find(
      functions.ranges(), std::string_view("ExecReadyInterpretedExpr"), &FunctionRange::name);
  if (setup == functions.ranges().end()) return;
  FunctionRange* largest = nullptr;
  for (const CodeReference& reference : code_references(image, setup->start, setup->end)) {
    if (reference.kind != CodeReference::Kind::kAddress) continue;
    FunctionRange* range = unnamed_at(functions, reference.target);
    if (range == nullptr || range->end - range->start < kInterpreterSize) continue;
    if (largest == nullptr || range->end - range->start > largest->end - largest->start) {
      largest = range;
    }
  }
  name_it(largest, "ExecInterpExpr", "stored by ExecReadyInterpretedExpr");
}

}  // namespace

void recover_directly(const ElfImage& image, FunctionTable& functions) {
  recover_from_tables(image, functions);
  recover_interpreter(image, functions);
}

}  // namespace pgflame::symbolizer
