#include "symbolizer/kept_frames.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "src/base/file.h"
#include "src/base/kept_file.h"
#include "symbolizer/unwind/byte_cursor.h"

namespace pgflame::symbolizer {
namespace {

// Changes whenever InlinedFrames tells something else.
constexpr std::string_view kForm = "pgflame-frames 2";
constexpr size_t kMostRows = 200'000;
constexpr size_t kMostBytes = size_t{32} << 20;

// Rows from the front of what is left of the file.
template <typename Row>
bool take_rows(unwind::ByteCursor& cursor, uint64_t count, std::vector<Row>& rows) {
  if (count > cursor.remaining() / sizeof(Row)) return false;
  const auto bytes = cursor.take(count * sizeof(Row));
  rows.resize(static_cast<size_t>(count));
  if (!bytes.empty()) std::memcpy(rows.data(), bytes.data(), bytes.size());
  return true;
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
  const auto bytes = read_kept_file(place_, mark_);
  if (!bytes) return;
  unwind::ByteCursor cursor({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()});
  const uint64_t rows = cursor.u64();
  const uint64_t frames = cursor.u64();
  if (!take_rows(cursor, rows, rows_) || !take_rows(cursor, frames, frames_)) {
    rows_.clear();
    return;
  }
  texts_ = bytes->substr(cursor.position());
}

std::string KeptFrames::packed(const Answers& answers) {
  Texts texts;
  std::string rows;
  std::string frames;
  uint32_t count = 0;
  for (const auto& [vaddr, told] : answers) {
    append_value(rows, Row{vaddr, count, static_cast<uint32_t>(told.size())});
    for (const SourceFrame& frame : told) {
      append_value(frames,
                   Frame{texts.place_of(frame.name),
                         static_cast<uint32_t>(frame.name.size()),
                         texts.place_of(frame.file),
                         static_cast<uint32_t>(frame.file.size()),
                         frame.line});
      ++count;
    }
  }
  std::string bytes;
  append_value(bytes, uint64_t{answers.size()});
  append_value(bytes, uint64_t{count});
  return bytes + rows + frames + texts.bytes();
}

// Nothing where the file does not hold what the row refers to.
std::optional<std::vector<SourceFrame>> KeptFrames::frames_of(const Row& row) const {
  if (row.first_frame > frames_.size() || row.frames > frames_.size() - row.first_frame)
    return std::nullopt;
  const auto holds = [&](uint64_t at, uint64_t size) { return at + size <= texts_.size(); };
  std::vector<SourceFrame> frames;
  for (const Frame& frame : std::span(frames_).subspan(row.first_frame, row.frames)) {
    if (!holds(frame.name, frame.name_size) || !holds(frame.file, frame.file_size))
      return std::nullopt;
    frames.push_back({texts_.substr(frame.name, frame.name_size),
                      texts_.substr(frame.file, frame.file_size),
                      frame.line});
  }
  return frames;
}

std::vector<SourceFrame> KeptFrames::at(uint64_t vaddr) {
  const auto row = std::ranges::lower_bound(rows_, vaddr, {}, &Row::vaddr);
  if (row != rows_.end() && row->vaddr == vaddr) {
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
  if (rows_.size() + answers.size() > kMostRows) rows_.clear();
  for (const Row& row : rows_) {
    if (auto frames = frames_of(row)) answers.try_emplace(row.vaddr, std::move(*frames));
  }
  const std::string bytes = packed(answers);
  if (bytes.size() <= kMostBytes) write_kept_file(place_, mark_, bytes);
}

}  // namespace pgflame::symbolizer
