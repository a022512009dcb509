#include "src/cli/nothing_sampled.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "src/base/text.h"

namespace pgflame::cli {
namespace {

// "there are samples of postgres (pid 10, 11, ...), psql (pid 20)"
std::string processes_of(const Profile& profile) {
  constexpr size_t kShown = 5;
  std::map<std::string, std::vector<int32_t>> pids;
  for (const Backend& backend : profile.backends) {
    std::vector<int32_t>& known = pids[backend.comm];
    if (std::ranges::find(known, backend.pid) == known.end() && known.size() <= kShown)
      known.push_back(backend.pid);
  }
  std::vector<std::string> words;
  for (const auto& [comm, known] : pids) {
    if (words.size() == kShown) {
      words.emplace_back("...");
      break;
    }
    const std::string name = comm.empty() ? "processes without a name" : comm;
    const bool pids_known = known.size() > 1 || known.front() != 0 || comm == "swapper";
    if (!pids_known) {
      words.push_back(name);
      continue;
    }
    words.push_back(
        fmt::format("{} (pid {}{})",
                    name,
                    fmt::join(std::span(known).first(std::min(kShown, known.size())), ", "),
                    known.size() > kShown ? ", ..." : ""));
  }
  return words.empty() ? "" : fmt::format("there are samples of {}", fmt::join(words, ", "));
}

std::string length_of(const Recording& recording) {
  if (recording.duration_ns <= 0) return {};
  std::string text =
      "the capture lasts " + format_duration(std::chrono::nanoseconds{recording.duration_ns});
  if (recording.start_unix_ns > 0) text += " from " + format_utc(recording.start_unix_ns);
  return text;
}

}  // namespace

std::optional<Error> nothing_left(const Profile& profile, const input::Options& filters) {
  const Recording& recording = profile.recording;
  const uint64_t left_out = recording.losses[static_cast<size_t>(Loss::kFiltered)];
  const std::string asked = input::filters_of(filters);
  if (!profile.samples.empty() || left_out == 0 || asked.empty()) return std::nullopt;
  std::string hint = processes_of(profile);
  if (const std::string length = length_of(recording); !length.empty())
    hint += (hint.empty() ? "" : "; ") + length;
  return Error{
      ErrorKind::kNoSamples,
      fmt::format("no sample is left by {} ({} left out)", asked, counted(left_out, "sample")),
      std::move(hint)};
}

Error nothing_sampled(const Profile& profile, Origin origin) {
  const Recording& recording = profile.recording;
  if (origin == Origin::kRecording) {
    return Error{ErrorKind::kNoSamples,
                 "nothing was sampled: no target used a CPU while recording",
                 "record longer, or while the load is on"};
  }
  if (recording.truncated_input) {
    return Error{ErrorKind::kNoSamples,
                 "the input ends in the middle, before its first sample",
                 "copy the capture again, completely"};
  }
  if (recording.losses[static_cast<size_t>(Loss::kFiltered)] > 0) {
    return Error{ErrorKind::kNoSamples,
                 fmt::format("the capture holds no samples of {}", recording.event.name),
                 recording.notes.empty() ? "--event chooses another one" : recording.notes.front()};
  }
  return Error{ErrorKind::kNoSamples, "the capture holds no samples", "record it again"};
}

}  // namespace pgflame::cli
