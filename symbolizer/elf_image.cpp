#include "symbolizer/elf_image.h"

#include <algorithm>
#include <cstring>

#include <elf.h>

#include "src/base/build_id.h"
#include "src/base/large_memory.h"
#include "src/base/rows.h"

namespace pgflame::symbolizer {
namespace {

constexpr size_t kMaxSymbols = 8'000'000;
constexpr size_t kMaxDataWords = 2'000'000;  // of all sections together

// The structure at `offset`, or nothing when the bytes end before it does.
template <typename T>
std::optional<T> read_at(std::span<const uint8_t> bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <typename T>
size_t count_rows(std::span<const uint8_t> bytes) {
  return std::min(bytes.size() / sizeof(T), kMaxSymbols);
}

// `use` gets one row of the table after the other.
template <typename T, typename Use>
void for_each_row(std::span<const uint8_t> bytes, Use&& use) {
  for (size_t i = 0; i < count_rows<T>(bytes); ++i) {
    T row;
    std::memcpy(&row, bytes.data() + i * sizeof(T), sizeof(T));
    use(row);
  }
}

Machine machine_of(uint16_t machine) {
  if (machine == EM_X86_64) return Machine::kX8664;
  return machine == EM_AARCH64 ? Machine::kAarch64 : Machine::kOther;
}

bool is_relative(Machine machine, uint64_t type) {
  return machine == Machine::kAarch64 ? type == R_AARCH64_RELATIVE : type == R_X86_64_RELATIVE;
}

bool is_absolute(Machine machine, uint64_t type) {
  return machine == Machine::kAarch64 ? type == R_AARCH64_ABS64 : type == R_X86_64_64;
}

bool is_slot(Machine machine, uint64_t type) {
  if (machine == Machine::kAarch64) {
    return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
  }
  return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
}

// SHT_RELR: an address, then bitmaps of the 63 words after it (generic ABI, "Relative Relocation
// Table").
std::vector<uint64_t> read_relr(std::span<const uint8_t> bytes) {
  std::vector<uint64_t> slots;
  uint64_t base = 0;
  for_each_row<uint64_t>(bytes, [&](uint64_t entry) {
    if (slots.size() > kMaxSymbols) return;
    if ((entry & 1) == 0) {
      slots.push_back(entry);
      base = entry + 8;
      return;
    }
    for (unsigned bit = 1; bit < 64; ++bit) {
      if ((entry >> bit & 1) != 0) slots.push_back(base + (bit - 1) * uint64_t{8});
    }
    base += 63 * uint64_t{8};
  });
  return slots;
}

// Whether a section may hold pointers that the linker has filled in.
bool is_data(const ElfSection& section) {
  const bool filled = section.type == SHT_PROGBITS || section.type == SHT_INIT_ARRAY ||
                      section.type == SHT_FINI_ARRAY || section.type == SHT_PREINIT_ARRAY;
  return filled && (section.flags & (SHF_ALLOC | SHF_EXECINSTR)) == SHF_ALLOC &&
         section.address % 8 == 0 && !section.name.starts_with(".eh_frame");
}

// All slots, or those of a sorted list.
class WantedSlots {
 public:
  explicit WantedSlots(const std::vector<uint64_t>* only)
      : only_(only), found_(only == nullptr ? 0 : only->size()), missing_(found_.size()) {}

  bool all_found() const { return only_ != nullptr && missing_ == 0; }
  // Whether it is one of them.
  bool take(uint64_t slot) {
    if (only_ == nullptr) return true;
    const auto place = std::ranges::lower_bound(*only_, slot);
    if (place == only_->end() || *place != slot) return false;
    const auto number = static_cast<size_t>(place - only_->begin());
    if (!found_[number]) --missing_;
    found_[number] = true;
    return true;
  }

 private:
  const std::vector<uint64_t>* only_;
  std::vector<bool> found_;
  size_t missing_;
};

}  // namespace

bool ElfSection::executable() const {
  return (flags & SHF_EXECINSTR) != 0;
}

Result<ElfImage> ElfImage::parse(std::span<const uint8_t> bytes) {
  const auto header = read_at<Elf64_Ehdr>(bytes, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
    return fail(ErrorKind::kCorrupt, "not an ELF file");
  }
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
    return fail(ErrorKind::kUnsupported, "not a 64-bit little-endian ELF file");
  }
  ElfImage image;
  image.file_ = bytes;
  image.machine_ = machine_of(header->e_machine);
  image.read_segments();
  image.read_sections();
  if (header->e_type == ET_EXEC) image.find_fixed_ranges();
  image.build_id_ = build_id_of_elf(bytes);
  return image;
}

bool ElfImage::is_whole() const {
  const auto header = read_at<Elf64_Ehdr>(file_, 0);
  if (header->e_shoff == 0) return true;
  const uint64_t size = uint64_t{header->e_shnum} * header->e_shentsize;
  return header->e_shoff <= file_.size() && size <= file_.size() - header->e_shoff;
}

std::span<const uint8_t> ElfImage::slice(uint64_t offset, uint64_t size) const {
  if (offset > file_.size() || size > file_.size() - offset) return {};
  return file_.subspan(offset, size);
}

void ElfImage::read_segments() {
  const auto header = read_at<Elf64_Ehdr>(file_, 0);
  if (header->e_phentsize != sizeof(Elf64_Phdr)) return;
  for (uint64_t i = 0; i < header->e_phnum; ++i) {
    const auto row = read_at<Elf64_Phdr>(file_, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!row) break;
    if (row->p_type != PT_LOAD) continue;
    segments_.push_back({.file_offset = row->p_offset,
                         .file_size = row->p_filesz,
                         .address = row->p_vaddr,
                         .memory_size = row->p_memsz,
                         .executable = (row->p_flags & PF_X) != 0});
  }
}

void ElfImage::read_sections() {
  const auto header = read_at<Elf64_Ehdr>(file_, 0);
  if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shoff == 0) return;
  const auto first = read_at<Elf64_Shdr>(file_, header->e_shoff);
  if (!first) return;
  // Section counts and indices that do not fit 16 bits live in section 0.
  const uint64_t available = (file_.size() - header->e_shoff) / sizeof(Elf64_Shdr);
  const uint64_t count =
      std::min(header->e_shnum != 0 ? uint64_t{header->e_shnum} : first->sh_size, available);
  const uint64_t names = header->e_shstrndx == SHN_XINDEX ? first->sh_link : header->e_shstrndx;
  std::vector<uint32_t> name_offsets;
  for (uint64_t i = 0; i < count; ++i) {
    const auto row = read_at<Elf64_Shdr>(file_, header->e_shoff + i * sizeof(Elf64_Shdr));
    const bool in_file = row->sh_type != SHT_NOBITS && row->sh_type != SHT_NULL;
    sections_.push_back(
        {.name = {},
         .type = row->sh_type,
         .flags = row->sh_flags,
         .address = row->sh_addr,
         .size = row->sh_size,
         .link = row->sh_link,
         .bytes = in_file ? slice(row->sh_offset, row->sh_size) : std::span<const uint8_t>{}});
    name_offsets.push_back(row->sh_name);
  }
  if (names >= sections_.size()) return;
  for (size_t i = 0; i < sections_.size(); ++i) {
    sections_[i].name = text_in(sections_[names].bytes, name_offsets[i]);
  }
}

void ElfImage::find_fixed_ranges() {
  std::vector<Range> ranges;
  for (const ElfSection& section : sections_) {
    const bool in_memory = (section.flags & (SHF_ALLOC | SHF_TLS)) == SHF_ALLOC;
    if (in_memory && section.address != 0 && section.size <= UINT64_MAX - section.address)
      ranges.push_back({section.address, section.address + section.size});
  }
  std::ranges::sort(ranges, {}, &Range::start);
  for (const Range& range : ranges) {
    if (fixed_ranges_.empty() || range.start > fixed_ranges_.back().end) {
      fixed_ranges_.push_back(range);
    } else {
      fixed_ranges_.back().end = std::max(fixed_ranges_.back().end, range.end);
    }
  }
}

bool ElfImage::is_fixed_address(uint64_t value) const {
  const auto after = std::ranges::upper_bound(fixed_ranges_, value, {}, &Range::start);
  return after != fixed_ranges_.begin() && value < std::prev(after)->end;
}

const ElfSection* ElfImage::section(std::string_view name) const {
  const auto found = std::ranges::find(sections_, name, &ElfSection::name);
  return found == sections_.end() ? nullptr : &*found;
}

const ElfSection* ElfImage::section_at(uint64_t vaddr) const {
  const auto found = std::ranges::find_if(sections_, [&](const ElfSection& section) {
    return (section.flags & SHF_ALLOC) != 0 && section.contains(vaddr) &&
           (section.flags & SHF_TLS) == 0;
  });
  return found == sections_.end() ? nullptr : &*found;
}

std::optional<uint64_t> ElfImage::address_of_offset(uint64_t file_offset) const {
  const ElfSegment* best = nullptr;
  for (const ElfSegment& segment : segments_) {
    if (file_offset - segment.file_offset >= segment.file_size) continue;
    if (best == nullptr || (segment.executable && !best->executable)) best = &segment;
  }
  if (best == nullptr) return std::nullopt;
  return file_offset - best->file_offset + best->address;
}

std::span<const uint8_t> ElfImage::bytes_at(uint64_t vaddr) const {
  const ElfSection* section = section_at(vaddr);
  if (section == nullptr || vaddr - section->address >= section->bytes.size()) return {};
  return section->bytes.subspan(vaddr - section->address);
}

std::string_view ElfImage::text_at(uint64_t vaddr) const {
  const ElfSection* section = section_at(vaddr);
  if (section == nullptr || (section->flags & (SHF_WRITE | SHF_EXECINSTR)) != 0) return {};
  const std::string_view text = text_in(section->bytes, vaddr - section->address);
  // Only text that ends inside the section is one.
  const uint64_t end = vaddr - section->address + text.size();
  return end < section->bytes.size() ? text : std::string_view{};
}

ElfSymbols ElfImage::symbol_table(std::string_view section_name) const {
  const ElfSection* table = section(section_name);
  if (table == nullptr || table->link >= sections_.size()) return {};
  const size_t count = count_rows<Elf64_Sym>(table->bytes);
  return {table->bytes.first(count * sizeof(Elf64_Sym)), sections_[table->link].bytes};
}

std::vector<ElfSymbol> ElfImage::symbols(std::string_view section_name) const {
  const ElfSymbols table = symbol_table(section_name);
  std::vector<ElfSymbol> symbols;
  reserve_large(symbols, table.size());
  for (size_t i = 0; i < table.size(); ++i) {
    symbols.push_back(table.without_name(i));
    symbols.back().name = table.name(i);
  }
  return symbols;
}

void ElfImage::add_relative(const ElfSection& section, std::vector<ElfPointer>& pointers) const {
  for (const uint64_t slot : read_relr(section.bytes)) {
    const auto target = read_at<uint64_t>(bytes_at(slot), 0);
    if (target) pointers.push_back({slot, *target});
  }
}

void ElfImage::add_fixed(std::vector<ElfPointer>& pointers) const {
  if (fixed_ranges_.empty()) return;
  size_t left = kMaxDataWords;
  for (const ElfSection& section : sections_) {
    if (!is_data(section)) continue;
    const size_t words = std::min(section.bytes.size() / 8, left);
    left -= words;
    uint64_t slot = section.address;
    for_each_row<uint64_t>(section.bytes.first(words * 8), [&](uint64_t word) {
      if (is_fixed_address(word)) pointers.push_back({slot, word});
      slot += 8;
    });
  }
}

std::vector<ElfPointer> ElfImage::pointers() const {
  std::vector<ElfPointer> pointers;
  const std::vector<ElfSymbol> dynamic = symbols(".dynsym");
  auto add = [&](const Elf64_Rela& row) {
    const uint64_t type = ELF64_R_TYPE(row.r_info);
    const uint64_t symbol = ELF64_R_SYM(row.r_info);
    const auto addend = static_cast<uint64_t>(row.r_addend);
    if (is_relative(machine_, type)) pointers.push_back({row.r_offset, addend});
    if (!is_absolute(machine_, type) && !is_slot(machine_, type)) return;
    if (symbol >= dynamic.size() || !dynamic[symbol].defined()) return;
    pointers.push_back({row.r_offset, dynamic[symbol].address + addend});
  };
  for (const ElfSection& section : sections_) {
    if (section.type == SHT_RELR) add_relative(section, pointers);
    if (section.type != SHT_RELA || (section.flags & SHF_ALLOC) == 0) continue;
    for_each_row<Elf64_Rela>(section.bytes, add);
  }
  add_fixed(pointers);
  // What a relocation says comes first. Sections of hostile files overlap.
  std::ranges::stable_sort(pointers, {}, &ElfPointer::slot);
  drop_repeated(pointers, &ElfPointer::slot);
  return pointers;
}

std::vector<ElfImport> ElfImage::imports(const std::vector<uint64_t>* only) const {
  std::vector<ElfImport> imports;
  WantedSlots wanted(only);
  const ElfSymbols dynamic = symbol_table(".dynsym");
  // Those of stubs stand last; before them may be megabytes of others.
  for (size_t i = sections_.size(); i-- > 0;) {
    const ElfSection& section = sections_[i];
    if (section.type != SHT_RELA || (section.flags & SHF_ALLOC) == 0) continue;
    if (wanted.all_found()) break;
    for_each_row<Elf64_Rela>(section.bytes, [&](const Elf64_Rela& row) {
      const uint64_t index = ELF64_R_SYM(row.r_info);
      if (!is_slot(machine_, ELF64_R_TYPE(row.r_info)) || index >= dynamic.size()) return;
      if (!wanted.take(row.r_offset)) return;
      imports.push_back({row.r_offset, dynamic.name(index)});
    });
  }
  // Of several for one slot the first one found counts, whether all are asked for or not.
  std::ranges::stable_sort(imports, {}, &ElfImport::slot);
  return imports;
}

}  // namespace pgflame::symbolizer
