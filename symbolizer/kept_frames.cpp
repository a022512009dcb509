#include "symbolizer/kept_frames.h"

#include <cstring>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "src/base/file.h"
#include "src/base/kept_file.h"

namespace pgflame::symbolizer {
namespace {

// Changes whenever InlinedFrames tells something else.
constexpr std::string_view kForm = "pgflame-frames 2";
constexpr size_t kMostRows = 200'000;
constexpr size_t kMostBytes = size_t{32} << 20;

// A kept file: numbers of rows and of frames, the rows by address, their frames, and the texts of
// those one after the other.
struct Header {
  uint64_t rows = 0;
  uint64_t frames = 0;
};
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

template <typename T>
T value_at(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <typename T>
void append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Equal texts are there once.
class Texts {
 public:
  uint32_t place_of(const std::string& text) {
    const auto [known, is_new] = places_.try_emplace(text, static_cast<uint32_t>(bytes_.size()));
    if (is_new) bytes_ += text;
    return known->second;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::unordered_map<std::string, uint32_t> places_;
  std::string bytes_;
};

std::string packed(const std::map<uint64_t, std::vector<SourceFrame>>& answers) {
  Texts texts;
  std::string rows;
  std::string frames;
  Header header{.rows = answers.size()};
  for (const auto& [vaddr, told] : answers) {
    append(rows,
           Row{vaddr, static_cast<uint32_t>(header.frames), static_cast<uint32_t>(told.size())});
    for (const SourceFrame& frame : told) {
      append(frames,
             Frame{texts.place_of(frame.name),
                   static_cast<uint32_t>(frame.name.size()),
                   texts.place_of(frame.file),
                   static_cast<uint32_t>(frame.file.size()),
                   frame.line});
    }
    header.frames += told.size();
  }
  std::string bytes;
  append(bytes, header);
  return bytes + rows + frames + texts.bytes();
}

}  // namespace

std::unique_ptr<InlinedFrames> KeptFrames::open(const DwarfFile& file,
                                                const std::string& cache_dir) {
  if (cache_dir.empty() || file.build_id.empty() || file.stamp.empty())
    return InlinedFrames::open(file.path);
  return std::unique_ptr<InlinedFrames>(
      new KeptFrames(file, cache_dir + "/frames-" + file.build_id));
}

KeptFrames::KeptFrames(DwarfFile file, std::string place)
    : file_(std::move(file)),
      place_(std::move(place)),
      mark_(fmt::format("{} {} {}\n", kForm, file_.build_id, file_.stamp)) {
  read();
}

void KeptFrames::read() {
  auto bytes = read_kept_file(place_, mark_);
  if (!bytes || bytes->size() < sizeof(Header)) return;
  const auto header = value_at<Header>(*bytes, 0);
  size_t left = bytes->size() - sizeof header;
  if (header.rows > left / sizeof(Row)) return;
  left -= header.rows * sizeof(Row);
  if (header.frames > left / sizeof(Frame)) return;
  layout_.rows = header.rows;
  layout_.frames = header.frames;
  layout_.first_frame = sizeof header + header.rows * sizeof(Row);
  layout_.texts = layout_.first_frame + header.frames * sizeof(Frame);
  kept_ = std::move(*bytes);
}

std::optional<uint64_t> KeptFrames::row_of(uint64_t vaddr) const {
  uint64_t low = 0;
  uint64_t high = layout_.rows;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const auto row = value_at<Row>(kept_, sizeof(Header) + middle * sizeof(Row));
    if (row.vaddr == vaddr) return middle;
    (row.vaddr < vaddr ? low : high) = row.vaddr < vaddr ? middle + 1 : middle;
  }
  return std::nullopt;
}

// Nothing where the file does not hold what the row refers to.
std::optional<std::vector<SourceFrame>> KeptFrames::frames_of(uint64_t number) const {
  const auto row = value_at<Row>(kept_, sizeof(Header) + number * sizeof(Row));
  if (row.first_frame > layout_.frames || row.frames > layout_.frames - row.first_frame)
    return std::nullopt;
  const std::string_view texts = std::string_view(kept_).substr(layout_.texts);
  const auto holds = [&](uint64_t at, uint64_t size) { return at + size <= texts.size(); };
  std::vector<SourceFrame> frames;
  for (uint64_t i = row.first_frame; i < uint64_t{row.first_frame} + row.frames; ++i) {
    const auto frame = value_at<Frame>(kept_, layout_.first_frame + i * sizeof(Frame));
    if (!holds(frame.name, frame.name_size) || !holds(frame.file, frame.file_size))
      return std::nullopt;
    frames.push_back({std::string(texts.substr(frame.name, frame.name_size)),
                      std::string(texts.substr(frame.file, frame.file_size)),
                      frame.line});
  }
  return frames;
}

std::vector<SourceFrame> KeptFrames::at(uint64_t vaddr) {
  if (const auto row = row_of(vaddr)) {
    if (auto known = frames_of(*row)) return std::move(*known);
  }
  if (const auto known = fresh_.find(vaddr); known != fresh_.end()) return known->second;
  if (!std::exchange(opened_, true)) open_file();
  return dwarf_ == nullptr ? std::vector<SourceFrame>{} : fresh_[vaddr] = dwarf_->at(vaddr);
}

// What stands at the path by now may be another build.
void KeptFrames::open_file() {
  dwarf_ = InlinedFrames::open(file_.path);
  if (stamp_of_file(file_.path) != file_.stamp) dwarf_ = nullptr;
}

void KeptFrames::keep() {
  if (fresh_.empty() || dwarf_->refers_to_other_files()) return;
  Answers answers = std::move(fresh_);
  fresh_.clear();
  // A file that has become too large begins anew.
  const uint64_t known = layout_.rows + answers.size() <= kMostRows ? layout_.rows : 0;
  for (uint64_t i = 0; i < known; ++i) {
    const auto row = value_at<Row>(kept_, sizeof(Header) + i * sizeof(Row));
    if (auto frames = frames_of(i)) answers.try_emplace(row.vaddr, std::move(*frames));
  }
  const std::string bytes = packed(answers);
  if (bytes.size() <= kMostBytes) write_kept_file(place_, mark_, bytes);
}

}  // namespace pgflame::symbolizer
