#include "src/input/folded.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "src/base/text.h"
#include "src/input/given_frames.h"
#include "src/input/sample_filter.h"
#include "src/input/sample_table.h"
#include "src/input/text_pieces.h"

namespace pgflame::input {
namespace {

struct FoldedLine {
  std::string_view stack;
  uint64_t count = 0;
};

// The count may be written with a fraction by tools that fold weights.
std::optional<uint64_t> parse_count(std::string_view text) {
  if (const auto whole = parse_u64(text)) return whole;
  double value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, std::chars_format::fixed);
  if (error != std::errc{} || end != last || !(value >= 0 && value < 1e18)) return std::nullopt;
  return static_cast<uint64_t>(std::llround(value));
}

std::optional<FoldedLine> parse_line(std::string_view line) {
  auto [stack, number] = split_last_word(line);
  if (stack.size() < 2) return std::nullopt;
  const auto count = parse_count(number);
  if (!count) return std::nullopt;
  stack.remove_suffix(1);
  return FoldedLine{stack, *count};
}

// Whether a frame is what stacks of a thread begin with.
bool is_entry_point(std::string_view frame) {
  constexpr std::array<std::string_view, 9> kEntries{"main",
                                                     "_start",
                                                     "__libc_start",
                                                     "start_thread",
                                                     "clone",
                                                     "__clone",
                                                     "ret_from_fork",
                                                     "[unknown]",
                                                     "[unnamed]"};
  return std::ranges::any_of(kEntries,
                             [&](std::string_view entry) { return frame.starts_with(entry); });
}

// "postgres-4711" or "postgres-4711/4711": stackcollapse --pid and --tid.
std::string_view without_pid(std::string_view comm, int32_t& pid) {
  const auto dash = comm.rfind('-');
  if (dash == std::string_view::npos) return comm;
  std::string_view number = comm.substr(dash + 1);
  number = number.substr(0, number.find('/'));
  const auto value = parse_u64(number);
  if (!value || *value > INT32_MAX) return comm;
  pid = static_cast<int32_t>(*value);
  return comm.substr(0, dash);
}

class FoldedReader {
 public:
  FoldedReader() : frames_(builder_) {}

  void add(std::string_view line);
  // A last line without an end: it may be half of one.
  void add_unended(std::string_view line);
  Result<Profile> take() &&;

 private:
  struct Frame {
    std::string_view text;
    StackId stack;
  };

  BackendId backend_of(std::string_view comm);
  LocationId locate(std::string_view frame);
  size_t take_shared_prefix(std::string_view stack);

  ProfileBuilder builder_;
  GivenFrames frames_;
  SampleTable samples_;
  std::unordered_map<std::string, BackendId> backends_;
  std::string last_line_;      // its frames are in path_
  std::vector<size_t> ends_;   // of each frame of last_line_, behind its text
  std::vector<StackId> path_;  // the stack up to and with each frame
  BackendId last_backend_;
  bool last_has_comm_ = false;
  uint64_t good_lines_ = 0;
  uint64_t bad_lines_ = 0;
  bool cut_ = false;
};

// Folded files are usually sorted: neighbours share most of their frames. Returns how many frames
// of the last line this one begins with.
size_t FoldedReader::take_shared_prefix(std::string_view stack) {
  const size_t limit = std::min(stack.size(), last_line_.size());
  const auto difference = static_cast<size_t>(
      std::mismatch(
          stack.begin(), stack.begin() + static_cast<std::ptrdiff_t>(limit), last_line_.begin())
          .first -
      stack.begin());
  size_t shared = 0;
  while (shared < ends_.size() && ends_[shared] <= difference &&
         (ends_[shared] == stack.size() || stack[ends_[shared]] == ';')) {
    ++shared;
  }
  return shared;
}

void FoldedReader::add(std::string_view line) {
  if (line.empty() || line.front() == '#') return;
  const auto parsed = parse_line(line);
  if (!parsed) {
    ++bad_lines_;
    return;
  }
  ++good_lines_;
  std::string_view stack = parsed->stack;
  size_t shared = take_shared_prefix(stack);
  // Whether the first frame is a process depends on the second.
  if (shared < 2) shared = 0;
  ends_.resize(shared);
  path_.resize(shared);
  size_t at = shared == 0 ? 0 : ends_.back() + 1;
  if (shared == 0) {
    const auto first_end = std::min(stack.find(';'), stack.size());
    const std::string_view first = stack.substr(0, first_end);
    const std::string_view rest = stack.substr(std::min(first_end + 1, stack.size()));
    int32_t pid = 0;
    last_has_comm_ = !rest.empty() && !is_entry_point(first) &&
                     (first.starts_with("postgres") || first.starts_with(':') ||
                      first.starts_with("postmaster") || first == "swapper" ||
                      without_pid(first, pid) != first || is_entry_point(rest));
    last_backend_ = backend_of(last_has_comm_ ? first : std::string_view());
  }
  while (at <= stack.size() && !(at == stack.size() && at > 0)) {
    const size_t end = std::min(stack.find(';', at), stack.size());
    const StackId caller = path_.empty() ? kEmptyStack : path_.back();
    const bool is_comm = path_.empty() && last_has_comm_;
    path_.push_back(is_comm ? kEmptyStack
                            : builder_.push(caller, locate(stack.substr(at, end - at))));
    ends_.push_back(end);
    at = end + 1;
  }
  last_line_.assign(stack);
  Sample sample;
  sample.stack = path_.empty() ? kEmptyStack : path_.back();
  sample.backend = last_backend_;
  sample.count = parsed->count;
  sample.weight = parsed->count;
  if (parsed->count > 0) samples_.add(sample);
}

void FoldedReader::add_unended(std::string_view line) {
  cut_ = !line.empty() && line.front() != '#' && !parse_line(line);
  if (!cut_) add(line);
}

// stackcollapse marks kernel, inlined and jitted frames at the end of their names.
LocationId FoldedReader::locate(std::string_view frame) {
  std::string_view module;
  if (frame.ends_with("_[k]")) module = "[kernel]";
  if (frame.ends_with("_[j]")) module = "//anon";
  if (!module.empty() || frame.ends_with("_[i]")) frame.remove_suffix(4);
  return frames_.frame(frame, module);
}

BackendId FoldedReader::backend_of(std::string_view comm) {
  const auto [entry, is_new] = backends_.try_emplace(std::string(comm));
  if (is_new) {
    Backend row;
    row.comm = without_pid(comm, row.pid);
    entry->second = builder_.backend(row);
  }
  return entry->second;
}

Result<Profile> FoldedReader::take() && {
  if (bad_lines_ > good_lines_) {
    return fail(ErrorKind::kUnsupported,
                std::to_string(bad_lines_) + " of its " + std::to_string(bad_lines_ + good_lines_) +
                    " lines are no folded stacks",
                "a line of folded stacks is \"outermost;...;innermost count\"");
  }
  Profile profile = std::move(builder_).take();
  Recording& recording = profile.recording;
  if (samples_.cut()) recording.notes.emplace_back(kNoteOnCutSums);
  profile.samples = std::move(samples_).take();
  recording.event = {"samples", WeightUnit::kOther, 0};
  recording.sampler = "folded";
  recording.sampler_reason = "stacks folded by another tool";
  recording.truncated_input = cut_;
  recording.losses[static_cast<size_t>(Loss::kBadRecord)] = bad_lines_;
  frames_.note_overflow(recording);
  return profile;
}

}  // namespace

bool looks_folded(std::string_view start) {
  constexpr int kLines = 50;
  int folded = 0;
  int others = 0;
  for (int i = 0; i < kLines && !start.empty(); ++i) {
    const std::string_view line = take_line(start);
    if (!line.empty() && line.front() != '#') ++(parse_line(line) ? folded : others);
  }
  return folded > 0 && folded >= others;
}

Result<Opened> read_folded(ByteStream& stream, const Options& options) {
  if (!options.time.empty()) return fail(no_times());
  if (!options.event.empty()) return fail(no_events());
  FoldedReader reader;
  TextPieces pieces(stream, whole_lines);
  for (;;) {
    const auto piece = pieces.next();
    if (!piece) return fail(piece.error());
    if (piece->empty()) break;
    std::string_view text = *piece;
    while (!text.empty()) {
      const bool ended = text.find('\n') != std::string_view::npos;
      const std::string_view line = take_line(text);
      ended ? reader.add(line) : reader.add_unended(line);
    }
  }
  auto profile = std::move(reader).take();
  if (!profile) return fail(std::move(profile).error());
  Opened opened;
  opened.format = Format::kFolded;
  opened.profile = std::move(*profile);
  if (stream.truncated()) opened.profile.recording.truncated_input = true;
  opened.events = {opened.profile.recording.event.name};
  filter_processes(opened.profile, options);
  return opened;
}

}  // namespace pgflame::input
