// What DWARF told of addresses is kept between runs: to unpack it and to read its lines is a good
// part of the work for a report.
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

  // A kept file: numbers of rows and of frames, the rows by address, their frames, and the texts of
  // those one after the other.
  struct Row {
    uint64_t vaddr = 0;
    uint32_t first_frame = 0;
    uint32_t frames = 0;
  };
  struct Frame {
    uint32_t name = 0;  // where it begins among the texts
    uint32_t name_size = 0;
    uint32_t file = 0;
    uint32_t file_size = 0;
    uint32_t line = 0;
  };

  KeptFrames(DwarfFile file, std::string place);

  void read();
  void open_file();
  static std::string packed(const Answers& answers);
  std::optional<std::vector<SourceFrame>> frames_of(const Row& row) const;

  DwarfFile file_;
  std::string place_;  // of what is kept
  std::string mark_;
  std::vector<Row> rows_;
  std::vector<Frame> frames_;
  std::string texts_;
  Answers fresh_;
  std::unique_ptr<InlinedFrames> dwarf_;
  bool opened_ = false;
};

}  // namespace pgflame::symbolizer
