#include "symbolizer/debug_files.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include <lzma.h>
#include <zlib.h>

#include "symbolizer/debuginfod.h"

namespace pgflame::symbolizer {
namespace {

constexpr size_t kMaxUnpacked = size_t{256} << 20;
constexpr uint64_t kMaxMemory = uint64_t{128} << 20;  // of the decompressor

struct DebugLink {
  std::string name;
  uint32_t checksum = 0;
};

// A file name, padding to four bytes, and the CRC-32 of the file (GDB manual, "Separate Debug
// Files").
std::optional<DebugLink> debug_link_of(const ElfImage& image) {
  const ElfSection* section = image.section(".gnu_debuglink");
  if (section == nullptr || section->bytes.size() < 8) return std::nullopt;
  const auto* text = reinterpret_cast<const char*>(section->bytes.data());
  const size_t length = ::strnlen(text, section->bytes.size());
  const size_t at = (length + 4) / 4 * 4;
  if (length == 0 || at + 4 > section->bytes.size()) return std::nullopt;
  DebugLink link{std::string(text, length), 0};
  if (link.name.find('/') != std::string::npos) return std::nullopt;
  std::memcpy(&link.checksum, section->bytes.data() + at, sizeof link.checksum);
  return link;
}

std::vector<std::string> debug_folders(const Options& options) {
  std::vector<std::string> folders = options.debug_dirs;
  folders.push_back(options.symfs + "/usr/lib/debug");
  return folders;
}

std::unique_ptr<DebugFile> open_elf_file(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file) return nullptr;
  auto image = ElfImage::parse(file->bytes());
  if (!image) return nullptr;
  auto debug = std::make_unique<DebugFile>();
  debug->path = path;
  debug->file = std::move(*file);
  debug->image = std::move(*image);
  return debug;
}

std::unique_ptr<DebugFile> open_debug_file(const std::string& path) {
  auto debug = open_elf_file(path);
  const bool has_names = debug != nullptr && debug->image->section(".symtab") != nullptr;
  return has_names ? std::move(debug) : nullptr;
}

uint32_t checksum_of(std::span<const uint8_t> bytes) {
  return static_cast<uint32_t>(::crc32_z(0, bytes.data(), bytes.size()));
}

std::unique_ptr<DebugFile> find_by_build_id(const std::string& id, const Options& options) {
  if (id.size() < 4) return nullptr;
  for (const std::string& folder : debug_folders(options)) {
    auto debug =
        open_debug_file(folder + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug");
    if (debug != nullptr && debug->image->build_id() == id) return debug;
  }
  return nullptr;
}

std::unique_ptr<DebugFile> find_by_link(const ElfImage& image,
                                        const std::string& path,
                                        const Options& options) {
  const auto link = debug_link_of(image);
  if (!link) return nullptr;
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  std::vector<std::string> candidates{folder + "/" + link->name, folder + "/.debug/" + link->name};
  std::string_view inside = folder;
  if (!options.symfs.empty() && inside.starts_with(options.symfs)) {
    inside.remove_prefix(options.symfs.size());
  }
  for (const std::string& debug_folder : debug_folders(options)) {
    candidates.push_back(debug_folder + std::string(inside) + "/" + link->name);
    candidates.push_back(debug_folder + "/" + link->name);
  }
  for (const std::string& candidate : candidates) {
    if (candidate == path || candidate == "./" + path) continue;
    auto debug = open_debug_file(candidate);
    if (debug != nullptr && checksum_of(debug->file.bytes()) == link->checksum) return debug;
  }
  return nullptr;
}

std::unique_ptr<DebugFile> fetch(const std::string& build_id, const Options& options) {
  if (options.debuginfod == nullptr || build_id.empty()) return nullptr;
  const std::string path = options.debuginfod->find(build_id);
  auto debug = path.empty() ? nullptr : open_debug_file(path);
  return debug != nullptr && debug->image->build_id() == build_id ? std::move(debug) : nullptr;
}

std::unique_ptr<DebugFile> fetch_executable(const std::string& build_id, const Options& options) {
  if (options.debuginfod == nullptr || build_id.empty()) return nullptr;
  const std::string path = options.debuginfod->find_executable(build_id);
  auto file = path.empty() ? nullptr : open_elf_file(path);
  return file != nullptr && file->image->build_id() == build_id ? std::move(file) : nullptr;
}

std::string unpack_xz(std::span<const uint8_t> packed) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kMaxMemory, 0) != LZMA_OK) return {};
  stream.next_in = packed.data();
  stream.avail_in = packed.size();
  std::string out;
  lzma_ret status = LZMA_OK;
  while (status == LZMA_OK && out.size() < kMaxUnpacked) {
    const size_t before = out.size();
    out.resize(before + std::max<size_t>(packed.size() * 4, 4096));
    stream.next_out = reinterpret_cast<uint8_t*>(out.data()) + before;
    stream.avail_out = out.size() - before;
    status = lzma_code(&stream, LZMA_FINISH);
    out.resize(out.size() - stream.avail_out);
  }
  lzma_end(&stream);
  return status == LZMA_STREAM_END ? out : std::string{};
}

}  // namespace

std::unique_ptr<DebugFile> find_local_debug_file(const ElfImage& image,
                                                 const std::string& path,
                                                 const Options& options) {
  auto debug = find_by_build_id(image.build_id(), options);
  return debug != nullptr ? std::move(debug) : find_by_link(image, path, options);
}

std::unique_ptr<DebugFile> find_debug_file(const ElfImage& image,
                                           const std::string& path,
                                           const Options& options) {
  auto debug = find_local_debug_file(image, path, options);
  return debug != nullptr ? std::move(debug) : fetch(image.build_id(), options);
}

std::unique_ptr<DebugFile> find_file_of_build(const std::string& build_id, const Options& options) {
  auto found = find_by_build_id(build_id, options);
  if (found == nullptr) found = fetch(build_id, options);
  return found != nullptr ? std::move(found) : fetch_executable(build_id, options);
}

std::unique_ptr<DebugFile> unpack_mini_debug_info(const ElfImage& image) {
  const ElfSection* section = image.section(".gnu_debugdata");
  if (section == nullptr || section->bytes.empty()) return nullptr;
  auto debug = std::make_unique<DebugFile>();
  debug->unpacked = unpack_xz(section->bytes);
  auto unpacked = ElfImage::parse(
      {reinterpret_cast<const uint8_t*>(debug->unpacked.data()), debug->unpacked.size()});
  if (!unpacked) return nullptr;
  debug->image = std::move(*unpacked);
  return debug;
}

}  // namespace pgflame::symbolizer
