#include "src/input/perf_script.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

#include "src/base/text.h"
#include "src/input/chain_table.h"
#include "src/input/given_frames.h"
#include "src/input/perf_event.h"
#include "src/input/sample_filter.h"
#include "src/input/sample_table.h"
#include "src/input/script_line.h"
#include "src/input/text_pieces.h"

namespace pgflame::input {
namespace {

// Most samples repeat a stack that was seen before: the text of their frames is hashed, and only
// texts that are new are taken apart.
class ScriptReader {
 public:
  ScriptReader() : frames_(builder_) {}

  // A piece that ends where a block of lines ends.
  void add(std::string_view text);
  Result<Opened> take(const Options& options) &&;

 private:
  struct EventSamples {
    std::string name;
    bool has_period = false;
    uint64_t count = 0;
    SampleTable samples;
  };
  struct TextHash {
    size_t operator()(std::string_view text) const { return hash_text(text, 0); }
    using is_transparent = void;
  };

  void add_sample(std::string_view header_line, std::string_view stack);
  void add_comment(std::string_view line);
  StackId stack_of(std::string_view text);
  StackId build(std::string_view text);
  BackendId backend_of(const ScriptHeader& header);
  EventSamples& samples_of(const ScriptHeader& header);
  uint32_t second_of(uint64_t time);

  ProfileBuilder builder_;
  GivenFrames frames_;
  Recording recording_;
  std::unordered_map<uint64_t, StackId> stacks_;  // by the hash of their text
  std::unordered_map<std::string, BackendId, TextHash, std::equal_to<>> backends_;
  std::vector<std::unique_ptr<EventSamples>> events_;
  std::vector<LocationId> path_;  // of the stack being built, innermost first
  uint64_t first_time_ = 0;
  uint64_t last_time_ = 0;
  uint64_t bad_lines_ = 0;
};

bool is_frame_line(std::string_view line) {
  return line.front() == '\t' || (line.front() == ' ' && !parse_script_header(line));
}

void ScriptReader::add(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (trim(line).empty()) continue;
    if (line.front() == '#') {
      add_comment(line);
      continue;
    }
    // The frames are the lines up to the next blank one, or to the next header.
    size_t length = 0;
    if (text.starts_with('\t')) {
      const auto blank = text.find("\n\n");
      length = blank == std::string_view::npos ? text.size() : blank + 1;
    } else {
      std::string_view rest = text;
      while (!rest.empty()) {
        const std::string_view frame = take_line(rest);
        if (trim(frame).empty() || !is_frame_line(frame)) break;
        length = text.size() - rest.size();
      }
    }
    add_sample(line, text.substr(0, length));
    text.remove_prefix(length);
  }
}

void ScriptReader::add_sample(std::string_view header_line, std::string_view stack) {
  const auto header = parse_script_header(header_line);
  if (!header) {
    ++bad_lines_;
    return;
  }
  EventSamples& event = samples_of(*header);
  event.has_period = event.has_period || header->period.has_value();
  ++event.count;
  Sample sample;
  // Without a stack the only frame stands behind the event.
  sample.stack = stack_of(stack.empty() ? header->rest : stack);
  sample.end = stack.empty() ? StackEnd::kNoStack : StackEnd::kUnknown;
  sample.backend = backend_of(*header);
  sample.second = second_of(header->time);
  sample.count = 1;
  sample.weight = header->period.value_or(1);
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

StackId ScriptReader::stack_of(std::string_view text) {
  const auto [entry, is_new] = stacks_.try_emplace(hash_text(text, text.size()));
  if (is_new) entry->second = build(text);
  return entry->second;
}

StackId ScriptReader::build(std::string_view text) {
  path_.clear();
  std::vector<Line> lines;  // inlined functions that wait for the one that contains them
  while (!text.empty()) {
    const auto frame = parse_script_frame(take_line(text));
    if (!frame) continue;
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
  events_.push_back(std::make_unique<EventSamples>());
  events_.back()->name = header.event;
  return *events_.back();
}

uint32_t ScriptReader::second_of(uint64_t time) {
  if (time == 0) return 0;
  if (first_time_ == 0) first_time_ = time;
  last_time_ = std::max(last_time_, time);
  if (time < first_time_) return 0;
  return static_cast<uint32_t>(
      std::min<uint64_t>((time - first_time_) / 1'000'000'000, UINT32_MAX));
}

Result<Opened> ScriptReader::take(const Options& options) && {
  if (events_.empty()) {
    return fail(ErrorKind::kCorrupt, "no line is a sample as perf script prints it");
  }
  std::vector<PerfEvent> known(events_.size());
  Opened opened;
  opened.format = Format::kPerfScript;
  for (size_t i = 0; i < events_.size(); ++i) {
    known[i].type = UINT32_MAX;
    known[i].name = events_[i]->name.empty() ? "samples" : events_[i]->name;
    opened.events.push_back(known[i].name);
  }
  const auto chosen = choose_event(known, options.event);
  if (!chosen) return fail(chosen.error());
  opened.profile = std::move(builder_).take();
  recording_.sampler = "perf script";
  recording_.sampler_reason = "text that perf script printed";
  recording_.duration_ns = static_cast<int64_t>(last_time_ - first_time_);
  forget_impossible_times(recording_);
  recording_.losses[static_cast<size_t>(Loss::kBadRecord)] = bad_lines_;
  frames_.note_overflow(recording_);
  std::vector<std::pair<std::string, uint64_t>> others;
  for (size_t i = 0; i < events_.size(); ++i) {
    if (known[i].name != *chosen) {
      others.emplace_back(known[i].name, events_[i]->count);
      recording_.losses[static_cast<size_t>(Loss::kFiltered)] += events_[i]->count;
      continue;
    }
    const WeightUnit unit = weight_unit(cpu_time_rank(std::string_view(*chosen)));
    // Without periods a sample counts as one, whatever its event.
    recording_.event = {*chosen, events_[i]->has_period ? unit : WeightUnit::kOther, 0};
    opened.profile.samples = std::move(events_[i]->samples).take();
  }
  if (std::string note = note_on_others(others); !note.empty()) {
    recording_.notes.push_back(std::move(note));
  }
  opened.profile.recording = std::move(recording_);
  return opened;
}

}  // namespace

Result<Opened> read_perf_script(ByteStream& stream, const Options& options) {
  ScriptReader reader;
  TextPieces pieces(stream, "\n\n");
  for (;;) {
    const auto piece = pieces.next();
    if (!piece) return fail(piece.error());
    if (piece->empty()) break;
    reader.add(*piece);
  }
  auto opened = std::move(reader).take(options);
  if (!opened) return opened;
  opened->profile.recording.truncated_input = stream.truncated();
  const Status filtered = filter_profile(opened->profile, options);
  if (!filtered) return fail(filtered.error());
  return opened;
}

}  // namespace pgflame::input
