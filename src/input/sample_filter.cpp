#include "src/input/sample_filter.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "src/base/text.h"

namespace pgflame::input {
namespace {

constexpr const char* kHint =
    "write it like 10,20 or 1m,1m30s after the first sample, or "
    "'2026-11-21 05:35:00,2026-11-21 05:36:00' in UTC";

struct Point {
  bool wall_clock = false;
  int64_t ns = 0;
};

std::optional<Point> parse_unix(std::string_view text) {
  double seconds = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, seconds);
  if (error != std::errc{} || end != last || seconds < 0 || seconds > 9e9) return std::nullopt;
  return Point{true, static_cast<int64_t>(seconds * 1e9)};
}

std::optional<Point> parse_date(const std::string& text) {
  std::tm parts{};
  for (const char* pattern : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"}) {
    const char* end = ::strptime(text.c_str(), pattern, &parts);
    if (end == nullptr) continue;
    const std::string_view rest = trim(end);
    if (!rest.empty() && rest != "Z" && rest != "UTC") continue;
    return Point{true, int64_t{::timegm(&parts)} * 1'000'000'000};
  }
  return std::nullopt;
}

std::optional<Point> parse_point(std::string_view text) {
  if (text.starts_with('@')) return parse_unix(text.substr(1));
  if (text.find('-') != std::string_view::npos) return parse_date(std::string(text));
  if (text.find_first_not_of("0.") == std::string_view::npos) return Point{};
  const auto duration = parse_duration(text);
  if (!duration) return std::nullopt;
  return Point{false, duration->count()};
}

bool is_kept(const Profile& profile,
             const Sample& sample,
             const SampleFilter& filter,
             const std::optional<TimeRange>& range) {
  const Backend* backend =
      profile.backends.contains(sample.backend) ? &profile.backends[sample.backend] : nullptr;
  const int32_t pid = backend != nullptr ? backend->pid : -1;
  const std::string_view comm = backend != nullptr ? std::string_view(backend->comm) : "";
  if (!filter.accepts(pid, comm, sample.state)) return false;
  if (!range) return true;
  const int64_t base = range->wall_clock ? profile.recording.start_unix_ns : 0;
  const int64_t start = base + int64_t{sample.second} * 1'000'000'000;
  return start >= range->from && start < range->to;
}

}  // namespace

Result<std::optional<TimeRange>> parse_time_range(std::string_view text) {
  text = trim(text);
  if (text.empty()) return std::optional<TimeRange>();
  const auto parts = split(text, ',');
  const auto bad = [&] {
    return fail(ErrorKind::kUsage, "'" + std::string(text) + "' is not a range of time", kHint);
  };
  if (parts.size() != 2) return bad();
  TimeRange range;
  std::optional<bool> wall_clock;
  for (size_t i = 0; i < 2; ++i) {
    const std::string_view part = trim(parts[i]);
    if (part.empty()) continue;
    const auto point = parse_point(part);
    if (!point || wall_clock.value_or(point->wall_clock) != point->wall_clock) return bad();
    wall_clock = point->wall_clock;
    (i == 0 ? range.from : range.to) = point->ns;
  }
  if (!wall_clock || range.from >= range.to) return bad();
  range.wall_clock = *wall_clock;
  return std::optional<TimeRange>(range);
}

bool SampleFilter::accepts(int32_t pid, std::string_view comm, State state) const {
  const auto& pids = options_->pids;
  const auto& comms = options_->comms;
  if (!pids.empty() && std::ranges::find(pids, pid) == pids.end()) return false;
  if (!comms.empty() && std::ranges::find(comms, comm) == comms.end()) return false;
  // The kernel's idle task has pid 0 and runs when nothing else wants to.
  return !options_->exclude_idle || (state != State::kIdle && (pid != 0 || comm != "swapper"));
}

Status filter_profile(Profile& profile, const Options& options) {
  const auto range = parse_time_range(options.time);
  if (!range) return fail(range.error());
  if (*range && (*range)->wall_clock && profile.recording.start_unix_ns == 0) {
    return fail(ErrorKind::kUnsupported,
                "the capture does not say at what time of day it was made",
                "give --time in seconds since its start");
  }
  const SampleFilter filter(options);
  if (filter.accepts_all() && !*range) return {};
  uint64_t& dropped = profile.recording.losses[static_cast<size_t>(Loss::kFiltered)];
  std::erase_if(profile.samples, [&](const Sample& sample) {
    if (is_kept(profile, sample, filter, *range)) return false;
    dropped += sample.count;
    return true;
  });
  return {};
}

}  // namespace pgflame::input
