#include "symbolizer/recovery/direct.h"

#include <algorithm>
#include <array>
#include <span>

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

const FunctionRange* named(const FunctionTable& functions, std::string_view name) {
  const auto found = std::ranges::find(functions.ranges(), name, &FunctionRange::name);
  return found == functions.ranges().end() ? nullptr : &*found;
}

bool calls(const ElfImage& image, const FunctionRange& function, uint64_t target) {
  return std::ranges::any_of(
      code_references(image, function.start, function.end), [&](const CodeReference& reference) {
        return reference.kind == CodeReference::Kind::kCall && reference.target == target;
      });
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
  const FunctionRange* setup = named(functions, "ExecReadyInterpretedExpr");
  if (setup == nullptr) return;
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

// glibc since 2.34 (sysdeps/nptl/libc_start_call_main.h): __libc_start_main hands over to a
// function that leaves with exit(main(...)).
void name_caller_of_main(const ElfImage& image, FunctionTable& functions) {
  const FunctionRange* start = named(functions, kStartOfMain);
  const FunctionRange* exit = named(functions, "exit");
  if (start == nullptr || exit == nullptr) return;
  FunctionRange* found = nullptr;
  for (const CodeReference& reference : code_references(image, start->start, start->end)) {
    if (reference.kind != CodeReference::Kind::kCall) continue;
    FunctionRange* range = unnamed_at(functions, reference.target);
    if (range == nullptr || range == found || !calls(image, *range, exit->start)) continue;
    if (found != nullptr) return;
    found = range;
  }
  name_it(found, "__libc_start_call_main", "calls exit, and __libc_start_main calls it");
}

// C libraries call it __restore_rt; it does nothing but call the kernel's rt_sigreturn, the number
// of which is part of the kernel's ABI. Its unwind entry begins before it, so that a return address
// less one is still inside.
void name_signal_return(const ElfImage& image, FunctionTable& functions) {
  // mov $15,%rax; syscall
  constexpr std::array<uint8_t, 9> kX8664{0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
  // mov x8, #139; svc #0
  constexpr std::array<uint8_t, 8> kAarch64{0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4};
  if (named(functions, kStartOfMain) == nullptr) return;  // not the C library
  const bool is_x86 = image.machine() == Machine::kX8664;
  const std::span<const uint8_t> wanted = is_x86 ? std::span<const uint8_t>(kX8664) : kAarch64;
  const size_t instruction = is_x86 ? 1 : 4;
  for (FunctionRange& range : functions.ranges()) {
    if (!range.name.empty() || range.end - range.start > wanted.size() + instruction) continue;
    const std::span<const uint8_t> code = image.bytes_at(range.start);
    for (const size_t before : {size_t{0}, instruction}) {
      if (code.size() < before + wanted.size()) continue;
      if (!std::ranges::equal(code.subspan(before, wanted.size()), wanted)) continue;
      name_it(&range, "__restore_rt", "its code is the system call rt_sigreturn");
    }
  }
}

}  // namespace pgflame::symbolizer
