#include "symbolizer/unwind/eh_frame.h"

#include <algorithm>
#include <unordered_map>

#include "src/base/large_memory.h"
#include "src/base/rows.h"
#include "symbolizer/unwind/byte_cursor.h"

namespace pgflame::unwind {
namespace {

// DW_EH_PE_*: the low four bits are the format, the next three what the value is relative to.
constexpr uint8_t kOmitted = 0xff;
constexpr uint8_t kFormatMask = 0x0f;
constexpr uint8_t kRelativeMask = 0x70;
constexpr uint8_t kPcRelative = 0x10;
constexpr uint8_t kIndirect = 0x80;

// Longer than any augmentation in use ("zPLRSB", "armcc+"); keeps hostile strings from costing.
constexpr size_t kMaxAugmentation = 16;

// Few are smaller. Beyond some megabytes there is room for what was found only.
constexpr size_t kSmallFde = 32;
constexpr size_t kMostRoom = size_t{1} << 17;

struct Record {
  uint64_t id = 0;                // what distinguishes a CIE from an FDE
  uint64_t id_offset = 0;         // of the id field in the section
  std::span<const uint8_t> body;  // after the id
  uint64_t body_offset = 0;
  bool wide = false;  // 64-bit DWARF
};

class Parser {
 public:
  explicit Parser(const FrameSection& section) : section_(section) {}

  Frames parse() {
    // Room that is not needed is never touched.
    reserve_large(frames_.fdes, std::min(section_.bytes.size() / kSmallFde, kMostRoom));
    ByteCursor cursor(section_.bytes);
    while (cursor.remaining() >= 4) {
      const auto record = next(cursor);
      if (!record) {
        if (!cursor.ok()) ++frames_.broken;
        // A zero length ends .eh_frame of one object file; linkers leave it in the middle when
        // crtend.o is not the last, so reading goes on after it.
        if (!cursor.ok()) break;
        continue;
      }
      if (is_cie(*record)) continue;  // read when an FDE asks for it
      if (!read_fde(*record)) ++frames_.broken;
    }
    return std::move(frames_);
  }

  size_t count_fdes() const {
    size_t count = 0;
    ByteCursor cursor(section_.bytes);
    while (cursor.remaining() >= 4 && cursor.ok()) {
      const auto record = next(cursor);
      if (record && !is_cie(*record)) ++count;
    }
    return count;
  }

  std::optional<std::vector<Fde>> parse_at(std::span<const uint64_t> offsets) {
    frames_.fdes.reserve(offsets.size());
    for (size_t i = 0; i < offsets.size(); ++i) {
      ByteCursor cursor(section_.bytes);
      cursor.skip(offsets[i]);
      const auto record = next(cursor);
      if (!record || is_cie(*record) || !read_fde(*record)) return std::nullopt;
      if (frames_.fdes.size() == i) return std::nullopt;
    }
    return std::move(frames_.fdes);
  }

 private:
  bool is_cie(const Record& record) const {
    if (section_.format == FrameFormat::kEhFrame) return record.id == 0;
    return record.id == (record.wide ? ~uint64_t{0} : uint64_t{0xffffffff});
  }

  // Nothing, with an intact cursor, is a terminator.
  std::optional<Record> next(ByteCursor& cursor) const {
    Record record;
    uint64_t length = cursor.u32();
    if (length == 0) return std::nullopt;
    record.wide = length == 0xffffffff;
    if (record.wide) length = cursor.u64();
    record.id_offset = cursor.position();
    // .eh_frame keeps a four-byte id even in its 64-bit form.
    const bool wide_id = record.wide && section_.format == FrameFormat::kDebugFrame;
    const uint64_t id_size = wide_id ? 8 : 4;
    ByteCursor inner(cursor.take(length));
    if (!cursor.ok()) return std::nullopt;
    record.id = wide_id ? inner.u64() : inner.u32();
    record.body_offset = record.id_offset + id_size;
    record.body = inner.take(inner.remaining());
    return record;
  }

  bool read_fde(const Record& record) {
    if (record.body.empty()) return false;
    const bool relative = section_.format == FrameFormat::kEhFrame;
    if (relative && record.id > record.id_offset) return false;
    const auto cie = cie_at(relative ? record.id_offset - record.id : record.id);
    if (!cie) return false;
    const Cie& common = frames_.cies[*cie];
    ByteCursor body(record.body);
    const auto start = read_pointer(body,
                                    common.pointer_encoding,
                                    section_.address + record.body_offset,
                                    section_.address_size);
    const auto length =
        read_pointer(body, common.pointer_encoding & kFormatMask, 0, section_.address_size);
    if (!start || !length || *start + *length < *start) return false;
    if (common.has_augmentation_size) body.skip(body.uleb());
    if (!body.ok()) return false;
    // The linker leaves zero-length functions behind where it dropped a section.
    if (*length == 0) return true;
    frames_.fdes.push_back({*start, *start + *length, *cie, body.take(body.remaining())});
    return true;
  }

  std::optional<uint32_t> cie_at(uint64_t offset) {
    const auto [known, fresh] = cie_by_offset_.try_emplace(offset);
    if (fresh) known->second = read_cie(offset);
    return known->second;
  }

  std::optional<uint32_t> read_cie(uint64_t offset) {
    if (offset >= section_.bytes.size()) return std::nullopt;
    ByteCursor cursor(section_.bytes.subspan(static_cast<size_t>(offset)));
    const auto record = next(cursor);
    if (!record || !is_cie(*record)) return std::nullopt;
    ByteCursor body(record->body);
    auto cie = read_cie_body(body);
    if (!cie) return std::nullopt;
    frames_.cies.push_back(*cie);
    return static_cast<uint32_t>(frames_.cies.size() - 1);
  }

  std::optional<Cie> read_cie_body(ByteCursor& body) const {
    Cie cie;
    const uint8_t version = body.u8();
    if (version != 1 && version != 3 && version != 4) return std::nullopt;
    std::string_view augmentation = body.text(kMaxAugmentation);
    if (augmentation.starts_with("eh")) {  // gcc 2: a pointer follows
      body.skip(section_.address_size);
      augmentation.remove_prefix(2);
    }
    if (version == 4) {
      const uint8_t address_size = body.u8();
      const uint8_t segment_size = body.u8();
      if (address_size != section_.address_size || segment_size != 0) return std::nullopt;
    }
    cie.code_alignment = body.uleb();
    cie.data_alignment = body.sleb();
    cie.return_register = version == 1 ? body.u8() : body.uleb();
    if (!read_augmentation(body, augmentation, cie) || !body.ok()) return std::nullopt;
    cie.program = body.take(body.remaining());
    return cie;
  }

  bool read_augmentation(ByteCursor& body, std::string_view letters, Cie& cie) const {
    if (letters.empty()) return true;
    if (letters.front() != 'z') return false;  // without a size what follows cannot be skipped
    cie.has_augmentation_size = true;
    ByteCursor augmentation(body.take(body.uleb()));
    for (const char letter : letters.substr(1)) {
      if (letter == 'R') cie.pointer_encoding = augmentation.u8();
      if (letter == 'S') cie.signal_frame = true;
      if (letter == 'L') augmentation.u8();
      if (letter == 'P' && !skip_pointer(augmentation)) return false;
    }
    return augmentation.ok();
  }

  bool skip_pointer(ByteCursor& cursor) const {
    const uint8_t encoding = cursor.u8();
    if (encoding == kOmitted) return true;
    return read_pointer(cursor, encoding & kFormatMask, 0, section_.address_size).has_value();
  }

  const FrameSection& section_;
  Frames frames_;
  std::unordered_map<uint64_t, std::optional<uint32_t>> cie_by_offset_;
};

uint64_t sign_extended(uint64_t value, unsigned bits) {
  const unsigned shift = 64 - bits;
  return static_cast<uint64_t>(static_cast<int64_t>(value << shift) >> shift);
}

}  // namespace

std::optional<uint64_t> read_pointer(ByteCursor& cursor,
                                     uint8_t encoding,
                                     uint64_t field_address,
                                     uint8_t address_size) {
  if (encoding == kOmitted || (encoding & kIndirect) != 0) return std::nullopt;
  uint64_t value = 0;
  switch (encoding & kFormatMask) {
    case 0x0:
      value = address_size == 4 ? cursor.u32() : cursor.u64();
      break;
    case 0x1:
      value = cursor.uleb();
      break;
    case 0x2:
      value = cursor.u16();
      break;
    case 0x3:
      value = cursor.u32();
      break;
    case 0x4:
      value = cursor.u64();
      break;
    case 0x9:
      value = static_cast<uint64_t>(cursor.sleb());
      break;
    case 0xa:
      value = sign_extended(cursor.u16(), 16);
      break;
    case 0xb:
      value = sign_extended(cursor.u32(), 32);
      break;
    case 0xc:
      value = cursor.u64();
      break;
    default:
      return std::nullopt;
  }
  const uint8_t relative = encoding & kRelativeMask;
  if (relative == kPcRelative) value += field_address;
  if ((relative != 0 && relative != kPcRelative) || !cursor.ok()) return std::nullopt;
  return address_size == 4 ? value & 0xffffffff : value;
}

Frames parse_frames(const FrameSection& section) {
  return Parser(section).parse();
}

std::optional<std::vector<Fde>> parse_frames_at(const FrameSection& section,
                                                std::span<const uint64_t> offsets) {
  return Parser(section).parse_at(offsets);
}

size_t count_fdes(const FrameSection& section) {
  return Parser(section).count_fdes();
}

Result<std::vector<FunctionRange>> function_ranges(std::span<const uint8_t> eh_frame,
                                                   uint64_t section_address) {
  const Frames frames = parse_frames({eh_frame, section_address});
  if (frames.fdes.empty() && frames.broken > 0) {
    return fail(ErrorKind::kCorrupt, "the unwind information has no readable function");
  }
  std::vector<FunctionRange> ranges;
  ranges.reserve(frames.fdes.size());
  for (const Fde& fde : frames.fdes)
    ranges.push_back({fde.start, fde.end});
  const auto before = [](const FunctionRange& a, const FunctionRange& b) {
    return a.start != b.start ? a.start < b.start : a.end < b.end;
  };
  std::ranges::sort(ranges, before);
  drop_repeated(ranges);
  return ranges;
}

}  // namespace pgflame::unwind
