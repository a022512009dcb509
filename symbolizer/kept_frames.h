// What DWARF told of addresses is kept between runs: to unpack it and to read its lines costs more
// than a whole report without it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/inlined_frames.h"

namespace pgflame::symbolizer {

// A file with DWARF, as it was when it was found to be the right one.
struct DwarfFile {
  std::string path;
  std::string build_id;
  std::string stamp;  // stamp_of_file() then
};

class KeptFrames final : public InlinedFrames {
 public:
  // Plain frames, which keep nothing, where there is no folder or the file has no build-id. Nor is
  // anything kept of DWARF that goes on in other files, which may come and go. What was kept of one
  // file is not told of another one, be its build-id the same.
  static std::unique_ptr<InlinedFrames> open(const DwarfFile& file, const std::string& cache_dir);

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

  KeptFrames(DwarfFile file, std::string place);

  void read();
  void open_file();
  std::optional<uint64_t> row_of(uint64_t vaddr) const;
  std::optional<std::vector<SourceFrame>> frames_of(uint64_t number) const;  // of a row

  DwarfFile file_;
  std::string place_;  // of what is kept
  std::string mark_;
  std::string kept_;
  Layout layout_;
  Answers fresh_;
  std::unique_ptr<InlinedFrames> dwarf_;
  bool opened_ = false;
};

}  // namespace pgflame::symbolizer
