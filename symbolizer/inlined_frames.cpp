#include "symbolizer/inlined_frames.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "src/base/file.h"
#include "symbolizer/dwarf_files.h"
#include "symbolizer/unpacked_dwarf.h"

namespace pgflame::symbolizer {
namespace {

// Bounds on what hostile DWARF can make us do.
constexpr size_t kMaxUnits = 1'000'000;
constexpr size_t kMaxRanges = 100'000;      // of one entry
constexpr size_t kMaxChildren = 1'000'000;  // looked at for one address
constexpr size_t kMaxDepth = 64;

std::string_view last_part(const char* path) {
  const std::string_view text = path == nullptr ? "" : path;
  const size_t slash = text.rfind('/');
  return slash == std::string_view::npos ? text : text.substr(slash + 1);
}

std::string name_of_entry(Dwarf_Die& entry) {
  for (const unsigned kind : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name}) {
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(&entry, kind, &attribute) == nullptr) continue;
    if (const char* name = dwarf_formstring(&attribute)) return name;
  }
  return {};
}

uint32_t call_line_of(Dwarf_Die& entry) {
  Dwarf_Attribute attribute;
  Dwarf_Word line = 0;
  if (dwarf_attr(&entry, DW_AT_call_line, &attribute) == nullptr) return 0;
  return dwarf_formudata(&attribute, &line) == 0 ? static_cast<uint32_t>(line) : 0;
}

// A run of code and what it belongs to: a row of units or of functions.
struct CodeRange {
  uint64_t start = 0;
  uint64_t end = 0;
  size_t row = 0;
};

void add_ranges(Dwarf_Die& entry, size_t row, std::vector<CodeRange>& ranges) {
  Dwarf_Addr base = 0;
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  ptrdiff_t offset = 0;
  for (size_t i = 0; i < kMaxRanges; ++i) {
    offset = dwarf_ranges(&entry, offset, &base, &start, &end);
    if (offset <= 0) break;
    if (start < end) ranges.push_back({start, end, row});
  }
}

std::optional<size_t> row_at(const std::vector<CodeRange>& ranges, uint64_t vaddr) {
  const auto after = std::ranges::upper_bound(ranges, vaddr, {}, &CodeRange::start);
  if (after == ranges.begin()) return std::nullopt;
  const CodeRange& range = *std::prev(after);
  return vaddr < range.end ? std::optional(range.row) : std::nullopt;
}

struct Unit {
  Dwarf_Die entry{};
  bool is_read = false;
  std::vector<Dwarf_Die> functions;
  std::vector<CodeRange> ranges;  // of the functions
};

// What libdw reads from: the file itself, or what was unpacked of it. Never moved.
class DwarfSource {
 public:
  explicit DwarfSource(FileHandle file)
      : file_(std::move(file)), dwarf_(dwarf_begin(file_.get(), DWARF_C_READ)) {}
  explicit DwarfSource(UnpackedDwarf unpacked)
      : unpacked_(std::move(unpacked)),
        elf_(elf_memory(reinterpret_cast<char*>(unpacked_.bytes.get()), unpacked_.size)),
        dwarf_(dwarf_begin_elf(elf_, DWARF_C_READ, nullptr)) {}
  DwarfSource(const DwarfSource&) = delete;
  DwarfSource& operator=(const DwarfSource&) = delete;
  ~DwarfSource() {
    dwarf_end(dwarf_);
    elf_end(elf_);
  }

  Dwarf* dwarf() const { return dwarf_; }

 private:
  FileHandle file_;
  UnpackedDwarf unpacked_;
  Elf* elf_ = nullptr;  // of what was unpacked
  Dwarf* dwarf_;
};

class DwarfFrames final : public InlinedFrames {
 public:
  DwarfFrames(std::unique_ptr<DwarfSource> source, const std::string& folder)
      : source_(std::move(source)) {
    read_units(folder);
  }

  std::vector<SourceFrame> at(uint64_t vaddr) override {
    const auto row = row_at(ranges_, vaddr);
    if (!row) return {};
    Unit& unit = units_[*row];
    if (!unit.is_read) read_functions(unit);
    const auto function = row_at(unit.ranges, vaddr);
    if (!function) return {};
    return frames_of(unit, chain_at(unit.functions[*function], vaddr), vaddr);
  }

  bool refers_to_other_files() const override {
    return is_split_ || names_shared_file(source_->dwarf());
  }

 private:
  void read_units(const std::string& folder);
  static void read_functions(Unit& unit);
  static std::vector<Dwarf_Die> chain_at(Dwarf_Die function, uint64_t vaddr);
  static std::vector<SourceFrame> frames_of(Unit& unit,
                                            std::vector<Dwarf_Die> chain,
                                            uint64_t vaddr);

  std::unique_ptr<DwarfSource> source_;
  std::vector<Unit> units_;
  std::vector<CodeRange> ranges_;  // of the units
  bool is_split_ = false;
};

void DwarfFrames::read_units(const std::string& folder) {
  Dwarf_CU* unit = nullptr;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  Dwarf_Die entry;
  while (units_.size() < kMaxUnits &&
         dwarf_get_units(source_->dwarf(), unit, &unit, &version, &type, &entry, nullptr) == 0) {
    if (type == DW_UT_type || type == DW_UT_partial) continue;
    // A skeleton has the ranges, its .dwo file the functions.
    Dwarf_Die split{};
    if (type == DW_UT_skeleton) {
      is_split_ = true;
      if (!split_file_can_be_opened(entry, folder)) continue;
      dwarf_cu_info(unit, nullptr, nullptr, nullptr, &split, nullptr, nullptr, nullptr);
    }
    const bool is_split = split.addr != nullptr && dwarf_tag(&split) != DW_TAG_invalid;
    add_ranges(entry, units_.size(), ranges_);
    units_.push_back({.entry = is_split ? split : entry, .functions = {}, .ranges = {}});
  }
  std::ranges::sort(ranges_, {}, &CodeRange::start);
}

void DwarfFrames::read_functions(Unit& unit) {
  unit.is_read = true;
  std::vector<Dwarf_Die> parents{unit.entry};
  size_t seen = 0;
  // Functions are children of the unit or of C++ namespaces and classes.
  while (!parents.empty() && seen < kMaxChildren) {
    Dwarf_Die child;
    Dwarf_Die parent = parents.back();
    parents.pop_back();
    if (dwarf_child(&parent, &child) != 0) continue;
    do {
      const int tag = dwarf_tag(&child);
      if (tag == DW_TAG_subprogram) {
        add_ranges(child, unit.functions.size(), unit.ranges);
        unit.functions.push_back(child);
      } else if (tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
                 tag == DW_TAG_structure_type) {
        parents.push_back(child);
      }
    } while (++seen < kMaxChildren && dwarf_siblingof(&child, &child) == 0);
  }
  std::ranges::sort(unit.ranges, {}, &CodeRange::start);
}

// The function and the inlined ones around the address, outermost first.
std::vector<Dwarf_Die> DwarfFrames::chain_at(Dwarf_Die function, uint64_t vaddr) {
  std::vector<Dwarf_Die> chain{function};
  Dwarf_Die scope = function;
  size_t seen = 0;
  for (size_t depth = 0; depth < kMaxDepth; ++depth) {
    Dwarf_Die child;
    if (dwarf_child(&scope, &child) != 0) break;
    bool found = false;
    do {
      const int tag = dwarf_tag(&child);
      const bool is_scope = tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block;
      found = is_scope && dwarf_haspc(&child, vaddr) == 1;
    } while (!found && ++seen < kMaxChildren && dwarf_siblingof(&child, &child) == 0);
    if (!found) break;
    if (dwarf_tag(&child) == DW_TAG_inlined_subroutine) chain.push_back(child);
    scope = child;
  }
  return chain;
}

// Not dwarf_decl_file: up to elfutils 0.188 it takes file 0 for none, which in DWARF 5 is the
// unit's main source, and clang says so.
const char* declaring_file(Dwarf_Die& entry) {
  Dwarf_Attribute attribute;
  Dwarf_Word index = 0;
  if (dwarf_formudata(dwarf_attr_integrate(&entry, DW_AT_decl_file, &attribute), &index) != 0) {
    return nullptr;
  }
  // An abstract origin may be in another unit, whose file numbers then count.
  Dwarf_Die unit;
  Dwarf_Half version = 0;
  Dwarf_Files* files = nullptr;
  if (dwarf_cu_die(attribute.cu, &unit, &version, nullptr, nullptr, nullptr, nullptr, nullptr) ==
          nullptr ||
      (index == 0 && version < 5) || dwarf_getsrcfiles(&unit, &files, nullptr) != 0) {
    return nullptr;
  }
  return dwarf_filesrc(files, index, nullptr, nullptr);
}

// Names may be in a dwz file that is missing: then nothing is said of what was inlined.
void drop_nameless(std::vector<SourceFrame>& frames) {
  if (frames.empty()) return;
  const auto own = frames.end() - 1;
  if (own->name.empty()) {
    frames.clear();
  } else if (std::any_of(frames.begin(), own, [](const auto& f) { return f.name.empty(); })) {
    frames.erase(frames.begin(), own);
  }
}

std::vector<SourceFrame> DwarfFrames::frames_of(Unit& unit,
                                                std::vector<Dwarf_Die> chain,
                                                uint64_t vaddr) {
  uint32_t line = 0;
  if (Dwarf_Line* place = dwarf_getsrc_die(&unit.entry, vaddr)) {
    int number = 0;
    if (dwarf_lineno(place, &number) == 0 && number > 0) line = static_cast<uint32_t>(number);
  }
  std::vector<SourceFrame> frames;
  for (; !chain.empty(); chain.pop_back()) {
    Dwarf_Die& entry = chain.back();
    SourceFrame frame;
    frame.name = name_of_entry(entry);
    frame.file = last_part(declaring_file(entry));
    frame.line = line;
    line = call_line_of(entry);
    frames.push_back(std::move(frame));
  }
  drop_nameless(frames);
  return frames;
}

UnpackedDwarf unpack_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) return {};
  const auto image = ElfImage::parse(file->bytes());
  return image ? unpack_dwarf(*image) : UnpackedDwarf{};
}

}  // namespace

std::unique_ptr<InlinedFrames> InlinedFrames::open(const std::string& path) {
  if (UnpackedDwarf unpacked = unpack_file(path); unpacked.bytes != nullptr) {
    auto source = std::make_unique<DwarfSource>(std::move(unpacked));
    if (source->dwarf() == nullptr) return nullptr;
    return std::make_unique<DwarfFrames>(std::move(source), "");
  }
  auto file = open_regular_file(path);
  if (!file) return nullptr;
  const std::string folder = folder_of_file(file->get());
  auto source = std::make_unique<DwarfSource>(std::move(*file));
  if (source->dwarf() == nullptr || !shared_file_can_be_opened(source->dwarf(), folder))
    return nullptr;
  return std::make_unique<DwarfFrames>(std::move(source), folder);
}

}  // namespace pgflame::symbolizer
