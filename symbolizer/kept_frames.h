// What DWARF told of addresses is kept between runs: to unpack it and to read its lines costs more
// than a whole report without it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/elf_image.h"
#include "symbolizer/inlined_frames.h"

namespace pgflame::symbolizer {

class KeptFrames final : public InlinedFrames {
 public:
  // Of the file at `path`, whose image this is. Plain frames, which keep nothing, where there is no
  // folder or the file has no build-id. Nor is anything kept of DWARF that goes on in other files,
  // which may come and go.
  static std::unique_ptr<InlinedFrames> open(const ElfImage& image,
                                             const std::string& path,
                                             const std::string& cache_dir);

  // The file is opened for the first address that no run before asked for.
  std::vector<SourceFrame> at(uint64_t vaddr) override;
  void keep() override;

 private:
  using Answers = std::map<uint64_t, std::vector<SourceFrame>>;

  // Of a kept file: where its parts begin.
  struct Layout {
    uint64_t rows = 0;
    uint64_t frames = 0;
    size_t first_frame = 0;
    size_t texts = 0;
  };

  KeptFrames(std::string dwarf, std::string place, std::string mark);

  void read();
  std::optional<uint64_t> row_of(uint64_t vaddr) const;
  std::optional<std::vector<SourceFrame>> frames_of(uint64_t number) const;  // of a row

  std::string dwarf_path_;
  std::string place_;
  std::string mark_;
  std::string kept_;
  Layout layout_;
  Answers fresh_;
  std::unique_ptr<InlinedFrames> dwarf_;
  bool opened_ = false;
};

}  // namespace pgflame::symbolizer
