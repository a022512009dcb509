// Folded stacks and perf script.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "src/convert/writers.h"
#include "src/profile/cluster_index.h"

namespace pgflame::convert {
namespace {

constexpr size_t kMaxScriptBytes = size_t{4} << 30;

// ';' separates frames and lines end records; names that contain them would break both.
std::string folded_name(std::string name) {
  std::ranges::replace(name, ';', ':');
  std::ranges::replace_if(
      name, [](unsigned char c) { return c < 0x20; }, ' ');
  return name;
}

// ";outer;inner" of one location, from its outermost inlined function to its innermost.
std::string folded_frames(const Profile& profile, LocationId id) {
  const Location& location = profile.locations[id];
  if (location.line_count == 0) return ';' + folded_name(unnamed_frame(profile, location));
  std::string text;
  for (uint32_t i = location.line_count; i-- > 0;) {
    const Line& line = profile.lines[location.first_line + i];
    text += ';' + folded_name(profile.functions[line.function].name);
  }
  return text;
}

std::string module_path(const Profile& profile, const Location& location) {
  const ModuleId module = module_of(profile, location);
  return module.valid() ? profile.modules[module].path : "[unknown]";
}

// The lines of one location as perf prints them: address, name, module.
std::string script_lines(const Profile& profile, const Location& location, uint64_t address) {
  const std::string module = module_path(profile, location);
  if (location.line_count == 0) return fmt::format("\t{:16x} [unknown] ({})\n", address, module);
  std::string text;
  for (uint32_t i = 0; i < location.line_count; ++i) {
    const Line& line = profile.lines[location.first_line + i];
    const bool inlined = i + 1 < location.line_count;
    text += fmt::format("\t{:16x} {} ({})\n",
                        address,
                        profile.functions[line.function].name,
                        inlined ? "inlined" : module);
  }
  return text;
}

// What locations look like in a stack; most are in many, so each is put into words once.
class ScriptLocations {
 public:
  explicit ScriptLocations(const Profile& profile)
      : profile_(profile), as_is_(profile.locations.size()), as_caller_(profile.locations.size()) {}

  // Callers are stored by an address inside the call; perf shows where they return to. One that a
  // signal interrupted is not told apart, and comes out a byte behind where it was.
  const std::string& text(LocationId id, bool caller) {
    constexpr uint64_t kLowestCall = 4096 + 2;  // the first page holds no code
    const Location& location = profile_.locations[id];
    const bool behind = caller && location.address >= kLowestCall;
    std::string& words = (behind ? as_caller_ : as_is_)[id.value];
    if (words.empty())
      words = script_lines(profile_, location, location.address + (behind ? 1 : 0));
    return words;
  }

 private:
  const Profile& profile_;
  std::vector<std::string> as_is_;  // empty: not needed so far
  std::vector<std::string> as_caller_;
};

// Text on its way into a sink, in pieces that stay in the processor's cache.
class RepeatedText {
 public:
  explicit RepeatedText(const PieceSink& put) : put_(put) {}

  Status add(std::string_view text, uint64_t times) {
    if (times > (kMaxScriptBytes - bytes_) / text.size()) {
      return fail(ErrorKind::kUnsupported,
                  fmt::format("perf script would be more than {} GiB of text: it has a block of "
                              "lines for each sample",
                              kMaxScriptBytes >> 30),
                  "use --to folded or --to pprof, which keep counts");
    }
    bytes_ += text.size() * times;
    for (uint64_t i = 0; i < times; ++i) {
      piece_ += text;
      if (piece_.size() < kPiece) continue;
      if (Status done = finish(); !done) return done;
    }
    return {};
  }

  Status finish() {
    Status done = put_(piece_);
    piece_.clear();
    return done;
  }

 private:
  static constexpr size_t kPiece = size_t{128} << 10;

  const PieceSink& put_;
  std::string piece_;
  size_t bytes_ = 0;
};

void append_stack(const Profile& profile,
                  ScriptLocations& locations,
                  StackId stack,
                  std::string& text) {
  bool innermost = true;
  bool kernel = false;
  for (; stack.valid() && stack != kEmptyStack; stack = profile.stacks[stack].caller) {
    const LocationId location = profile.stacks[stack].location;
    const bool in_kernel = is_kernel(profile, profile.locations[location]);
    // The first user frame below the kernel is where the processor entered it: no return address.
    const bool enters_kernel = kernel && !in_kernel;
    text += locations.text(location, !innermost && !enters_kernel);
    kernel = in_kernel;
    innermost = false;
  }
}

// The comm and, of several clusters, which one: "postgres (port 5432)".
std::string process_of(const Profile& profile, const ClusterIndex& clusters, const Sample& sample) {
  std::string comm = comm_of(profile, sample);
  const std::string_view cluster = clusters.name_of(clusters.row_of(sample.backend));
  return cluster.empty() ? comm : fmt::format("{} ({})", comm, cluster);
}

// "5820.169689", of the capture's clock as far as it is known.
std::string time_of(const Profile& profile, const Sample& sample) {
  const uint64_t microseconds = profile.recording.start_clock_ns / 1000 +
                                uint64_t{sample.second} * 1'000'000 + sample.microsecond;
  return fmt::format("{}.{:06}", microseconds / 1'000'000, microseconds % 1'000'000);
}

}  // namespace

std::string write_folded(const Profile& profile) {
  // Stacks by id: a stack's text is its caller's with its own frames behind it.
  std::vector<std::string> frames(profile.locations.size());
  for (size_t i = 0; i < frames.size(); ++i)
    frames[i] = folded_frames(profile, profile.locations.id_at(i));
  std::map<std::string, uint64_t> counts;
  const ClusterIndex clusters(profile);
  for (const Sample& sample : profile.samples) {
    std::vector<LocationId> path = locations_of(profile, sample.stack);
    std::string line = folded_name(process_of(profile, clusters, sample));
    std::ranges::reverse(path);
    for (const LocationId location : path)
      line += frames[location.value];
    if (line.starts_with(';')) line.erase(0, 1);
    if (line.empty()) line = "[unknown]";
    counts[std::move(line)] += sample.count;
  }
  std::string text;
  for (const auto& [stack, count] : counts)
    text += stack + ' ' + std::to_string(count) + '\n';
  return text;
}

Status write_perf_script(const Profile& profile, const PieceSink& put) {
  const std::string& event = profile.recording.event.name;
  ScriptLocations locations(profile);
  RepeatedText text(put);
  std::string stack;
  for (const uint32_t row : rows_by_time(profile)) {
    const Sample& sample = profile.samples[row];
    stack.clear();
    append_stack(profile, locations, sample.stack, stack);
    std::string comm = comm_of(profile, sample);
    if (comm.empty()) comm = "unknown";
    const int32_t pid = pid_of(profile, sample);
    const std::string time = time_of(profile, sample);
    const auto block = [&](uint64_t weight) {
      return fmt::format("{} {}/{} {}: {} {}: \n{}\n", comm, pid, pid, time, weight, event, stack);
    };
    // The row's samples share its weight; the first ones take what does not divide.
    const uint64_t weight = sample.weight / sample.count;
    const uint64_t larger = sample.weight % sample.count;
    Status added = larger == 0 ? Status{} : text.add(block(weight + 1), larger);
    if (added) added = text.add(block(weight), sample.count - larger);
    if (!added) return added;
  }
  return text.finish();
}

}  // namespace pgflame::convert
