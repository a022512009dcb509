#include "src/input/bpftrace.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/text.h"
#include "src/input/bpftrace_entry.h"
#include "src/input/given_frames.h"
#include "src/input/perf_event.h"
#include "src/input/sample_filter.h"
#include "src/input/sample_table.h"
#include "src/input/text_pieces.h"

namespace pgflame::input {
namespace {

class BpftraceReader {
 public:
  BpftraceReader() : frames_(builder_) {}

  void add(std::string_view line);
  Result<Opened> take(const Options& options) &&;

 private:
  struct Map {
    std::string name;
    bool has_stacks = false;
    uint64_t count = 0;
    SampleTable samples;
  };

  void after(BpftraceEntry::Step step);
  void count_entry();
  Map& map_of(const std::string& name);
  BackendId backend_of(const std::string& comm, int32_t pid);

  ProfileBuilder builder_;
  GivenFrames frames_;
  std::vector<std::unique_ptr<Map>> maps_;
  std::map<std::pair<std::string, int32_t>, BackendId> backends_;
  std::optional<BpftraceEntry> entry_;  // that goes on
  uint64_t broken_ = 0;
};

// What stands between entries (what the script printed itself, the bars of a histogram) is none of
// the maps' samples.
void BpftraceReader::add(std::string_view line) {
  if (entry_) {
    const auto step = entry_->add(line);
    after(step);
    if (step != BpftraceEntry::Step::kBroken) return;
  }
  if (!BpftraceEntry::begins_at(line)) return;
  entry_.emplace(line);
  after(entry_->begun());
}

void BpftraceReader::after(BpftraceEntry::Step step) {
  if (step == BpftraceEntry::Step::kGoesOn) return;
  if (step == BpftraceEntry::Step::kDone) {
    count_entry();
  } else {
    ++broken_;
  }
  entry_.reset();
}

void BpftraceReader::count_entry() {
  Map& map = map_of(entry_->map());
  map.has_stacks = map.has_stacks || entry_->has_stack();
  Sample sample;
  for (const BpftraceFrame& frame : entry_->frames())
    sample.stack = builder_.push(sample.stack, frames_.frame(frame.name, frame.module));
  sample.end = entry_->has_stack() ? StackEnd::kUnknown : StackEnd::kNoStack;
  sample.backend = backend_of(entry_->comm(), entry_->pid());
  sample.count = entry_->value();
  sample.weight = sample.count;
  if (sample.count == 0) return;
  map.samples.add(sample);
  map.count = std::min(map.count, UINT64_MAX - sample.count) + sample.count;
}

BpftraceReader::Map& BpftraceReader::map_of(const std::string& name) {
  for (const auto& map : maps_) {
    if (map->name == name) return *map;
  }
  constexpr size_t kMaxMaps = 256;
  if (maps_.size() >= kMaxMaps) return *maps_.back();
  maps_.push_back(std::make_unique<Map>());
  maps_.back()->name = name;
  return *maps_.back();
}

BackendId BpftraceReader::backend_of(const std::string& comm, int32_t pid) {
  const auto [entry, is_new] = backends_.try_emplace({comm, pid});
  if (is_new) {
    Backend row;
    row.comm = comm;
    row.pid = pid;
    entry->second = builder_.backend(row);
  }
  return entry->second;
}

Result<Opened> BpftraceReader::take(const Options& options) && {
  const auto first = std::ranges::find_if(maps_, [](const auto& map) { return map->has_stacks; });
  if (first == maps_.end()) {
    return fail(ErrorKind::kUnsupported,
                "no map that bpftrace printed has stacks and whole numbers",
                "record with @[kstack, ustack, comm, pid] = count()");
  }
  Opened opened;
  opened.format = Format::kBpftrace;
  std::vector<PerfEvent> known(maps_.size());
  for (size_t i = 0; i < maps_.size(); ++i) {
    known[i].name = maps_[i]->name;
    opened.events.push_back(known[i].name);
  }
  const auto chosen = choose_event(known, options.event.empty() ? (*first)->name : options.event);
  if (!chosen) return fail(chosen.error());
  opened.profile = std::move(builder_).take();
  Recording& recording = opened.profile.recording;
  recording.event = {*chosen, WeightUnit::kOther, 0};
  recording.sampler = "bpftrace";
  recording.sampler_reason = "maps that bpftrace printed";
  recording.losses[static_cast<size_t>(Loss::kBadRecord)] = broken_;
  recording.truncated_input = entry_.has_value();
  frames_.note_overflow(recording);
  recording.notes.emplace_back(
      "bpftrace prints keys without their names: a text is taken for the command, the first number "
      "for the process");
  std::vector<std::pair<std::string, uint64_t>> others;
  for (const auto& map : maps_) {
    if (map->name != *chosen) {
      others.emplace_back(map->name, map->count);
      uint64_t& filtered = recording.losses[static_cast<size_t>(Loss::kFiltered)];
      filtered = std::min(filtered, UINT64_MAX - map->count) + map->count;
      continue;
    }
    if (map->samples.cut()) recording.notes.emplace_back(kNoteOnCutSums);
    opened.profile.samples = std::move(map->samples).take();
  }
  if (std::string note = note_on_others(others); !note.empty()) {
    recording.notes.push_back(std::move(note));
  }
  return opened;
}

}  // namespace

bool looks_like_bpftrace(std::string_view start) {
  constexpr int kLines = 200;  // what the script printed itself comes first
  for (int i = 0; i < kLines && !start.empty(); ++i) {
    if (BpftraceEntry::begins_at(take_line(start))) return true;
  }
  return false;
}

Result<Opened> read_bpftrace(ByteStream& stream, const Options& options) {
  if (!options.time.empty()) return fail(no_times());
  BpftraceReader reader;
  TextPieces pieces(stream, whole_lines);
  for (;;) {
    const auto piece = pieces.next();
    if (!piece) return fail(piece.error());
    if (piece->empty()) break;
    std::string_view text = *piece;
    while (!text.empty())
      reader.add(take_line(text));
  }
  auto opened = std::move(reader).take(options);
  if (!opened) return opened;
  if (stream.truncated()) opened->profile.recording.truncated_input = true;
  filter_processes(opened->profile, options);
  return opened;
}

}  // namespace pgflame::input
