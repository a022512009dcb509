#include "symbolizer/unwind/elf_image.h"

#include <utility>

#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <libelf.h>

#include <elf.h>

#include "src/base/file.h"
#include "src/base/text.h"

namespace pgflame::unwind {

struct ElfImage::Storage {
  MappedFile file;
  std::vector<uint8_t> memory;
  Elf* elf = nullptr;

  std::span<const uint8_t> bytes() const {
    return memory.empty() ? file.bytes() : std::span<const uint8_t>(memory);
  }
  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ~Storage() {
    if (elf != nullptr) elf_end(elf);
  }
};

namespace {

Machine machine_of(const GElf_Ehdr& header) {
  const bool little = header.e_ident[EI_DATA] == ELFDATA2LSB;
  const bool wide = header.e_ident[EI_CLASS] == ELFCLASS64;
  if (!little) return Machine::kOther;
  if (header.e_machine == EM_X86_64 && wide) return Machine::kX8664;
  if (header.e_machine == EM_AARCH64 && wide) return Machine::kAarch64;
  if (header.e_machine == EM_386 && !wide) return Machine::kI386;
  return Machine::kOther;
}

// The largest programs known have 60 MB of it; more is a decompression bomb.
constexpr uint64_t kMaxDecompressed = uint64_t{256} << 20;

bool decompress(Elf_Scn* section) {
  GElf_Chdr header{};
  return gelf_getchdr(section, &header) != nullptr && header.ch_size <= kMaxDecompressed &&
         elf_compress(section, 0, 0) >= 0;
}

}  // namespace

ElfImage::ElfImage(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}
ElfImage::ElfImage(ElfImage&&) noexcept = default;
ElfImage& ElfImage::operator=(ElfImage&&) noexcept = default;
ElfImage::~ElfImage() = default;

Result<ElfImage> ElfImage::open(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file) return fail(std::move(file).error());
  auto storage = std::make_unique<Storage>();
  storage->file = std::move(*file);
  ElfImage image(std::move(storage));
  if (auto done = image.read(); !done) return fail(std::move(done).error().within(path));
  return image;
}

Result<ElfImage> ElfImage::from_memory(std::vector<uint8_t> bytes) {
  auto storage = std::make_unique<Storage>();
  storage->memory = std::move(bytes);
  ElfImage image(std::move(storage));
  if (auto done = image.read(); !done) return fail(std::move(done).error());
  return image;
}

Status ElfImage::read() {
  elf_version(EV_CURRENT);
  const auto bytes = storage_->bytes();
  // elf_memory wants a non-const pointer but only reads.
  auto* start = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
  if (bytes.size() >= EI_NIDENT) storage_->elf = elf_memory(start, bytes.size());
  GElf_Ehdr header{};
  if (storage_->elf == nullptr || elf_kind(storage_->elf) != ELF_K_ELF ||
      gelf_getehdr(storage_->elf, &header) == nullptr) {
    return fail(ErrorKind::kCorrupt, "not an ELF file");
  }
  machine_ = machine_of(header);
  if (machine_ == Machine::kOther) {
    return fail(ErrorKind::kUnsupported, "stacks of this processor's programs cannot be walked");
  }
  address_size_ = machine_ == Machine::kI386 ? 4 : 8;
  read_segments();
  read_sections();
  const void* id = nullptr;
  const ssize_t id_size = dwelf_elf_gnu_build_id(storage_->elf, &id);
  if (id_size > 0) {
    build_id_ = to_hex(static_cast<const uint8_t*>(id), static_cast<size_t>(id_size));
  }
  return {};
}

void ElfImage::read_segments() {
  size_t count = 0;
  if (elf_getphdrnum(storage_->elf, &count) != 0) return;
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr header{};
    if (gelf_getphdr(storage_->elf, static_cast<int>(i), &header) == nullptr) continue;
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    segments_.add({header.p_vaddr, header.p_offset, header.p_filesz});
  }
}

void ElfImage::read_sections() {
  size_t names = 0;
  if (elf_getshdrstrndx(storage_->elf, &names) != 0) return;
  for (Elf_Scn* section = elf_nextscn(storage_->elf, nullptr); section != nullptr;
       section = elf_nextscn(storage_->elf, section)) {
    GElf_Shdr header{};
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* text = elf_strptr(storage_->elf, names, header.sh_name);
    const std::string_view name = text == nullptr ? "" : text;
    const bool debug = name == ".debug_frame";
    if (name != ".eh_frame" && !debug) continue;
    if ((header.sh_flags & SHF_COMPRESSED) != 0 && !decompress(section)) continue;
    const Elf_Data* data = elf_rawdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    const FrameSection found{{static_cast<const uint8_t*>(data->d_buf), data->d_size},
                             header.sh_addr,
                             debug ? FrameFormat::kDebugFrame : FrameFormat::kEhFrame,
                             address_size_};
    (debug ? debug_frame_ : eh_frame_) = found;
  }
}

std::optional<uint64_t> LoadSegments::address_of(uint64_t file_offset) const {
  for (const Segment& segment : segments_) {
    // The kernel maps whole pages: the mapping starts before the segment does.
    const uint64_t slack = segment.file_offset & 0xfff;
    const uint64_t begin = segment.file_offset - slack;
    if (file_offset < begin || file_offset - begin >= segment.size + slack) continue;
    return segment.address - slack + (file_offset - begin);
  }
  return std::nullopt;
}

uint64_t LoadSegments::size() const {
  uint64_t sum = 0;
  for (const Segment& segment : segments_)
    sum = segment.size > UINT64_MAX - sum ? UINT64_MAX : sum + segment.size;
  return sum;
}

}  // namespace pgflame::unwind
