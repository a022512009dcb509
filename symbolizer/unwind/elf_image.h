// What unwinding needs of an ELF file or of an image in memory (the vDSO): its unwind sections and
// how file offsets translate to virtual addresses. Reads through libelf; hostile files end in an
// Error or in missing sections.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "symbolizer/unwind/eh_frame.h"

namespace pgflame::unwind {

enum class Machine : uint8_t { kOther, kX8664, kI386, kAarch64 };

// Where the executable segments of a file are loaded.
class LoadSegments {
 public:
  struct Segment {
    uint64_t address = 0;
    uint64_t file_offset = 0;
    uint64_t size = 0;  // in the file
  };

  void add(const Segment& segment) { segments_.push_back(segment); }

  // The virtual address at which a byte of an executable segment is loaded; the rest of the page
  // that the segment starts in counts as part of it, as in /proc/PID/maps.
  std::optional<uint64_t> address_of(uint64_t file_offset) const;

  uint64_t size() const;  // bytes of all; the most there can be when they claim more

 private:
  std::vector<Segment> segments_;
};

class ElfImage {
 public:
  static Result<ElfImage> open(const std::string& path);
  static Result<ElfImage> from_memory(std::vector<uint8_t> bytes);

  ElfImage(ElfImage&&) noexcept;
  ElfImage& operator=(ElfImage&&) noexcept;
  ~ElfImage();

  Machine machine() const { return machine_; }
  const std::string& build_id() const { return build_id_; }  // lower-case hex, empty: none

  // Empty when the file has none. They live as long as the image.
  const std::optional<FrameSection>& eh_frame() const { return eh_frame_; }
  const std::optional<FrameSection>& debug_frame() const { return debug_frame_; }

  const LoadSegments& segments() const { return segments_; }

 private:
  struct Storage;

  explicit ElfImage(std::unique_ptr<Storage> storage);
  Status read();
  void read_segments();
  void read_sections();

  std::unique_ptr<Storage> storage_;
  Machine machine_ = Machine::kOther;
  uint8_t address_size_ = 8;
  std::string build_id_;
  std::optional<FrameSection> eh_frame_;
  std::optional<FrameSection> debug_frame_;
  LoadSegments segments_;
};

}  // namespace pgflame::unwind
