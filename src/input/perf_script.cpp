#include "src/input/perf_script.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

#include "src/base/hash_index.h"
#include "src/base/text.h"
#include "src/input/fingerprint.h"
#include "src/input/given_frames.h"
#include "src/input/hand_over.h"
#include "src/input/perf_event.h"
#include "src/input/sample_filter.h"
#include "src/input/sample_table.h"
#include "src/input/script_blocks.h"
#include "src/input/script_line.h"
#include "src/input/text_pieces.h"

namespace pgflame::input {
namespace {

// Most samples repeat a stack that was seen before: the text of their frames is hashed, and only
// texts that are new are taken apart.
class ScriptReader {
 public:
  ScriptReader(const Options& options, std::optional<TimeRange> range)
      : options_(options), frames_(builder_), range_(range) {}

  void add(const ScriptBlock& block);
  Result<Opened> take() &&;

 private:
  struct EventSamples {
    EventSamples(std::string_view event, const Options& options)
        : name(event), samples(rows_for(options)) {}

    std::string name;
    bool has_period = false;
    uint64_t count = 0;
    uint64_t filtered = 0;  // of them, by time
    SampleTable samples;
  };
  struct StackRow {
    uint64_t hash = 0;  // of its text
    StackId stack;
  };
  struct TextHash {
    size_t operator()(std::string_view text) const { return hash_text(text, 0); }
    using is_transparent = void;
  };

  void add_sample(const ScriptHeader& header, const ScriptBlock& block);
  void add_comment(std::string_view line);
  StackId stack_of(std::string_view text, uint64_t hash);
  StackId build(std::string_view text);
  BackendId backend_of(const ScriptHeader& header);
  EventSamples& samples_of(const ScriptHeader& header);
  bool note_time(uint64_t time);
  uint64_t start_time() const;

  const Options& options_;
  ProfileBuilder builder_;
  GivenFrames frames_;
  std::optional<TimeRange> range_;
  Recording recording_;
  std::vector<StackRow> stacks_;
  HashIndex stack_index_;
  std::unordered_map<std::string, BackendId, TextHash, std::equal_to<>> backends_;
  std::vector<std::unique_ptr<EventSamples>> events_;
  std::vector<LocationId> path_;  // of the stack being built, innermost first
  uint64_t first_time_ = 0;
  uint64_t last_time_ = 0;
  uint64_t bad_lines_ = 0;
};

void ScriptReader::add(const ScriptBlock& block) {
  if (!block.comment.empty()) {
    add_comment(block.comment);
  } else if (block.header) {
    add_sample(*block.header, block);
  } else {
    ++bad_lines_;
  }
}

void ScriptReader::add_sample(const ScriptHeader& header, const ScriptBlock& block) {
  EventSamples& event = samples_of(header);
  event.has_period = event.has_period || header.period.has_value();
  ++event.count;
  if (!note_time(header.time)) {
    ++event.filtered;
    return;
  }
  const bool has_stack = !block.stack.empty();
  // Without a stack the only frame stands behind the event.
  Sample sample;
  sample.stack = has_stack ? stack_of(block.stack, block.stack_hash)
                           : stack_of(header.rest, hash_stack(header.rest));
  sample.end = has_stack ? StackEnd::kUnknown : StackEnd::kNoStack;
  sample.backend = backend_of(header);
  set_moment(sample, start_time(), header.time, options_);
  sample.count = 1;
  sample.weight = header.period.value_or(1);
  event.samples.add(sample);
}

// What `perf script --header` says about the capture.
void ScriptReader::add_comment(std::string_view line) {
  line = trim(line.substr(1));
  const auto colon = line.find(" : ");
  if (colon == std::string_view::npos) return;
  const std::string_view key = trim(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 3));
  if (key == "hostname") recording_.host = value;
  if (key == "os release") recording_.kernel = value;
  if (key == "arch") recording_.architecture = value;
  if (key == "cmdline") recording_.command_line = value;
  if (key == "nrcpus online") {
    recording_.cpus =
        static_cast<uint32_t>(std::min<uint64_t>(parse_u64(value).value_or(0), 1U << 20));
  }
}

StackId ScriptReader::stack_of(std::string_view text, uint64_t hash) {
  const uint32_t found =
      stack_index_.find(hash, [&](uint32_t row) { return stacks_[row].hash == hash; });
  if (found != HashIndex::kAbsent) return stacks_[found].stack;
  stack_index_.insert(hash, static_cast<uint32_t>(stacks_.size()));
  stacks_.push_back({hash, build(text)});
  return stacks_.back().stack;
}

StackId ScriptReader::build(std::string_view text) {
  path_.clear();
  const bool has_lines = text.find('\n') != std::string_view::npos;  // else the end of a header
  std::vector<Line> lines;  // inlined functions that wait for the one that contains them
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const bool is_remark = has_lines && !line.starts_with('\t') && !line.starts_with(' ');
    auto frame = is_remark ? std::nullopt : parse_script_frame(line);
    if (!frame) continue;
    std::string_view behind = text;
    if (const auto source = parse_script_source(take_line(behind))) {
      frame->inlined = frame->inlined || source->inlined;
      text = behind;
    }
    const std::string_view module = frame->inlined ? std::string_view() : frame->module;
    lines.push_back(Line{frames_.function(frame->name, module), 0});
    if (frame->inlined) continue;
    path_.push_back(builder_.named_location({}, frame->address, lines));
    lines.clear();
  }
  if (!lines.empty()) path_.push_back(builder_.named_location({}, 0, lines));
  StackId stack = kEmptyStack;
  std::ranges::reverse(path_);
  for (const LocationId location : path_)
    stack = builder_.push(stack, location);
  return stack;
}

BackendId ScriptReader::backend_of(const ScriptHeader& header) {
  const auto found = backends_.find(header.process);
  if (found != backends_.end()) return found->second;
  Backend row;
  row.pid = header.pid;
  row.comm = header.comm;
  const BackendId id = builder_.backend(row);
  backends_.emplace(header.process, id);
  return id;
}

ScriptReader::EventSamples& ScriptReader::samples_of(const ScriptHeader& header) {
  for (const auto& event : events_) {
    if (event->name == header.event) return *event;
  }
  constexpr size_t kMaxEvents = 256;
  if (events_.size() >= kMaxEvents) return *events_.back();
  events_.push_back(std::make_unique<EventSamples>(header.event, options_));
  return *events_.back();
}

// Returns whether a sample of this time is wanted.
bool ScriptReader::note_time(uint64_t time) {
  if (time != 0 && first_time_ == 0) first_time_ = time;
  last_time_ = std::max(last_time_, time);
  if (!range_) return true;
  const auto since_first = static_cast<int64_t>(time - first_time_);
  return time != 0 && since_first >= range_->from && since_first < range_->to;
}

// Of the part that is wanted.
uint64_t ScriptReader::start_time() const {
  const int64_t from = range_ ? std::max<int64_t>(range_->from, 0) : 0;
  return first_time_ + static_cast<uint64_t>(from);
}

Result<Opened> ScriptReader::take() && {
  if (events_.empty()) {
    return fail(ErrorKind::kCorrupt, "no line is a sample as perf script prints it");
  }
  if (range_ && first_time_ == 0) return fail(no_times());
  std::vector<PerfEvent> known(events_.size());
  Opened opened;
  opened.format = Format::kPerfScript;
  for (size_t i = 0; i < events_.size(); ++i) {
    known[i].type = UINT32_MAX;
    known[i].name = events_[i]->name.empty() ? "samples" : events_[i]->name;
    opened.events.push_back(known[i].name);
  }
  const auto chosen = choose_event(known, options_.event);
  if (!chosen) return fail(chosen.error());
  opened.profile = std::move(builder_).take();
  recording_.sampler = "perf script";
  recording_.sampler_reason = "text that perf script printed";
  recording_.start_clock_ns = start_time();
  recording_.duration_ns = static_cast<int64_t>(last_time_ - first_time_);
  forget_impossible_times(recording_);
  if (range_) narrow(recording_, *range_);
  recording_.losses[static_cast<size_t>(Loss::kBadRecord)] = bad_lines_;
  frames_.note_overflow(recording_);
  std::vector<std::pair<std::string, uint64_t>> others;
  for (size_t i = 0; i < events_.size(); ++i) {
    if (known[i].name != *chosen) {
      others.emplace_back(known[i].name, events_[i]->count);
      recording_.losses[static_cast<size_t>(Loss::kFiltered)] += events_[i]->count;
      continue;
    }
    const int rank = cpu_time_rank(std::string_view(*chosen));
    // Without periods a sample counts as one, whatever its event.
    recording_.event = {*chosen,
                        events_[i]->has_period ? weight_unit(rank) : WeightUnit::kOther,
                        0,
                        events_[i]->name.empty() || is_cpu_time(rank)};
    recording_.losses[static_cast<size_t>(Loss::kFiltered)] += events_[i]->filtered;
    if (events_[i]->samples.cut()) recording_.notes.emplace_back(kNoteOnCutSums);
    opened.profile.samples = std::move(events_[i]->samples).take();
  }
  if (std::string note = note_on_others(others); !note.empty()) {
    recording_.notes.push_back(std::move(note));
  }
  opened.profile.recording = std::move(recording_);
  return opened;
}

// Whether the last line has no end, and no module that closes it: half a line.
bool ends_in_a_line(std::string_view piece) {
  return !piece.ends_with('\n') && !trim(piece).ends_with(')');
}

// One thread cuts the text into blocks, this one makes samples of them. Returns whether the text
// ends in the middle of a line.
Result<bool> read_blocks(ByteStream& stream, ScriptReader& reader) {
  constexpr size_t kAhead = 4;
  TextPieces pieces(stream, whole_blocks, kAhead + 1);
  Result<bool> truncated = false;
  const auto cut = [&](const auto& put) {
    auto piece = pieces.next();
    while (piece && !piece->empty() && put(cut_into_blocks(*piece))) {
      truncated = ends_in_a_line(*piece);
      piece = pieces.next();
    }
    if (!piece) truncated = fail(piece.error());
  };
  make_and_use<std::vector<ScriptBlock>>(kAhead, cut, [&](const std::vector<ScriptBlock>& blocks) {
    for (const ScriptBlock& block : blocks)
      reader.add(block);
  });
  return truncated;
}

}  // namespace

Result<Opened> read_perf_script(ByteStream& stream, const Options& options) {
  const auto range = parse_time_range(options.time);
  if (!range) return fail(range.error());
  if (*range && (*range)->wall_clock) return fail(no_time_of_day());
  ScriptReader reader(options, *range);
  const auto truncated = read_blocks(stream, reader);
  if (!truncated) return fail(truncated.error());
  auto opened = std::move(reader).take();
  if (!opened) return opened;
  opened->profile.recording.truncated_input = *truncated || stream.truncated();
  filter_processes(opened->profile, options);
  return opened;
}

}  // namespace pgflame::input
