// The records of .eh_frame and .debug_frame: which functions there are, where they begin and end,
// and the programs that tell how to find the caller of each (Linux Standard Base, "Exception
// Frames"; DWARF 5, section 6.4). Every byte is taken for hostile: broken records are counted and
// skipped, time is linear in the size of the section.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/base/error.h"

namespace pgflame::unwind {

enum class FrameFormat : uint8_t { kEhFrame, kDebugFrame };

struct FrameSection {
  std::span<const uint8_t> bytes;
  uint64_t address = 0;  // virtual address of bytes[0]; pc-relative pointers need it
  FrameFormat format = FrameFormat::kEhFrame;
  uint8_t address_size = 8;  // 4 or 8
};

// What a group of functions has in common.
struct Cie {
  uint64_t code_alignment = 1;
  int64_t data_alignment = 1;
  uint64_t return_register = 0;  // DWARF number of the column that stands for the return address
  uint8_t pointer_encoding = 0;  // DW_EH_PE_* of the addresses in its FDEs
  bool has_augmentation_size = false;
  bool signal_frame = false;         // its functions are entered by the kernel, not by a call
  std::span<const uint8_t> program;  // initial instructions
};

// One function, or one part of it (gcc splits cold parts off).
struct Fde {
  uint64_t start = 0;  // virtual address
  uint64_t end = 0;    // exclusive, > start
  uint32_t cie = 0;    // row of Frames::cies
  std::span<const uint8_t> program;
};

struct Frames {
  std::vector<Cie> cies;
  std::vector<Fde> fdes;  // in the order of the section
  uint64_t broken = 0;    // records that could not be read; a broken length ends the section
};

Frames parse_frames(const FrameSection& section);

// Only the FDEs at these offsets of the section; nothing when one of them is none, or covers
// nothing.
std::optional<std::vector<Fde>> parse_frames_at(const FrameSection& section,
                                                std::span<const uint64_t> offsets);
// How many there are, those that cannot be read and those of no bytes included.
size_t count_fdes(const FrameSection& section);

// An address as DW_EH_PE_* encodes it, or nothing when the encoding is not supported or the bytes
// run out. `field_address` is the virtual address of the encoded bytes.
class ByteCursor;
std::optional<uint64_t> read_pointer(ByteCursor& cursor,
                                     uint8_t encoding,
                                     uint64_t field_address,
                                     uint8_t address_size);

struct FunctionRange {
  uint64_t start = 0;  // virtual address in the module's file
  uint64_t end = 0;    // exclusive
  friend bool operator==(const FunctionRange&, const FunctionRange&) = default;
};

// Exact bounds of every function that has unwind information, sorted by start, without duplicates.
// An Error when the section has bytes but no readable function.
Result<std::vector<FunctionRange>> function_ranges(std::span<const uint8_t> eh_frame,
                                                   uint64_t section_address);

}  // namespace pgflame::unwind
