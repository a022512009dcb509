#include "src/base/build_id.h"

#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include <elf.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/text.h"

namespace pgflame {
namespace {

constexpr size_t kMaxNotes = size_t{64} << 10;  // real note segments have a few hundred bytes
constexpr size_t kMaxHeaders = 1024;
constexpr size_t kMaxBuildId = 64;

// Reads byte ranges of an image in memory or on disk; a range that is not there is empty.
class Source {
 public:
  explicit Source(std::span<const uint8_t> image) : image_(image) {}
  explicit Source(int fd) : fd_(fd) {}

  std::vector<uint8_t> read(uint64_t offset, size_t size) const {
    std::vector<uint8_t> bytes;
    if (fd_ < 0) {
      if (offset > image_.size() || size > image_.size() - offset) return bytes;
      const auto part = image_.subspan(static_cast<size_t>(offset), size);
      bytes.assign(part.begin(), part.end());
      return bytes;
    }
    if (offset > INT64_MAX) return bytes;
    bytes.resize(size);
    const ssize_t got = ::pread(fd_, bytes.data(), size, static_cast<off_t>(offset));
    if (got < 0 || static_cast<size_t>(got) != size) bytes.clear();
    return bytes;
  }

  template <typename T>
  std::optional<T> read_as(uint64_t offset) const {
    const auto bytes = read(offset, sizeof(T));
    if (bytes.size() != sizeof(T)) return std::nullopt;
    T value{};
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

 private:
  std::span<const uint8_t> image_;
  int fd_ = -1;
};

std::string build_id_at(const Source& source, uint64_t offset, uint64_t size) {
  if (size == 0 || size > kMaxNotes) return {};
  return build_id_of_notes(source.read(offset, static_cast<size_t>(size)));
}

template <typename Ehdr, typename Phdr, typename Shdr>
std::string find_build_id(const Source& source) {
  const auto header = source.read_as<Ehdr>(0);
  if (!header) return {};
  for (size_t i = 0; i < header->e_phnum && i < kMaxHeaders; ++i) {
    const auto segment = source.read_as<Phdr>(header->e_phoff + i * sizeof(Phdr));
    if (!segment) break;
    if (segment->p_type != PT_NOTE) continue;
    auto id = build_id_at(source, segment->p_offset, segment->p_filesz);
    if (!id.empty()) return id;
  }
  for (size_t i = 0; i < header->e_shnum && i < kMaxHeaders; ++i) {
    const auto section = source.read_as<Shdr>(header->e_shoff + i * sizeof(Shdr));
    if (!section) break;
    if (section->sh_type != SHT_NOTE) continue;
    auto id = build_id_at(source, section->sh_offset, section->sh_size);
    if (!id.empty()) return id;
  }
  return {};
}

std::string find_build_id(const Source& source) {
  const auto ident = source.read(0, EI_NIDENT);
  if (ident.size() != EI_NIDENT || std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0) return {};
  constexpr uint8_t kHostOrder =
      std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (ident[EI_DATA] != kHostOrder) return {};
  if (ident[EI_CLASS] == ELFCLASS64)
    return find_build_id<Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr>(source);
  if (ident[EI_CLASS] == ELFCLASS32)
    return find_build_id<Elf32_Ehdr, Elf32_Phdr, Elf32_Shdr>(source);
  return {};
}

}  // namespace

std::string build_id_of_notes(std::span<const uint8_t> notes) {
  const auto padded = [](uint64_t size) { return (size + 3) & ~uint64_t{3}; };
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note{};
    std::memcpy(&note, notes.data(), sizeof(note));
    const uint64_t name_at = sizeof(note);
    const uint64_t value_at = name_at + padded(note.n_namesz);
    const uint64_t value_end = value_at + note.n_descsz;
    if (value_end > notes.size()) return {};
    const bool is_build_id = note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
                             std::memcmp(notes.data() + name_at, "GNU", 4) == 0;
    if (is_build_id && note.n_descsz > 0 && note.n_descsz <= kMaxBuildId) {
      return to_hex(notes.data() + value_at, note.n_descsz);
    }
    const uint64_t next = value_at + padded(note.n_descsz);
    if (next >= notes.size()) return {};
    notes = notes.subspan(static_cast<size_t>(next));
  }
  return {};
}

std::string build_id_of_elf(std::span<const uint8_t> image) {
  return find_build_id(Source(image));
}

std::string build_id_of_file(const std::string& path) {
  const auto file = open_regular_file(path);
  return file ? build_id_of_file(*file) : std::string();
}

std::string build_id_of_file(const FileHandle& file) {
  return file.valid() ? find_build_id(Source(file.get())) : std::string();
}

}  // namespace pgflame
