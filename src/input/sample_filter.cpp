#include "src/input/sample_filter.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <initializer_list>
#include <tuple>
#include <utility>

#include "src/base/text.h"

namespace pgflame::input {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kDay = 24 * (60 * kMinute);

constexpr const char* kHint =
    "write it like 10,20 or 1m,1m30s after the first sample, or in UTC, as 05:35,05:36:30 or "
    "'2026-11-21 05:35:00,2026-11-21 05:36:00'";

struct Point {
  bool wall_clock = false;
  int64_t ns = 0;
  bool time_of_day = false;
};

std::optional<Point> parse_unix(std::string_view text) {
  double seconds = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, seconds);
  if (error != std::errc{} || end != last || seconds < 0 || seconds > 9e9) return std::nullopt;
  return Point{true, static_cast<int64_t>(seconds * 1e9)};
}

// Takes ".25" from the front.
int64_t take_fraction(std::string_view& text) {
  int64_t ns = 0;
  if (!text.starts_with('.')) return ns;
  text.remove_prefix(1);
  for (int64_t digit = kSecond / 10; !text.empty() && text.front() >= '0' && text.front() <= '9';
       digit /= 10) {
    ns += (text.front() - '0') * digit;
    text.remove_prefix(1);
  }
  return ns;
}

// By the first pattern that fits, of UTC.
std::optional<int64_t> parse_clock(const std::string& text,
                                   std::initializer_list<const char*> patterns) {
  for (const char* pattern : patterns) {
    std::tm parts{};
    parts.tm_year = 70;
    parts.tm_mday = 1;
    const char* end = ::strptime(text.c_str(), pattern, &parts);
    if (end == nullptr) continue;
    std::string_view rest = end;
    const int64_t fraction = take_fraction(rest);
    rest = trim(rest);
    if (!rest.empty() && rest != "Z" && rest != "UTC") continue;
    return int64_t{::timegm(&parts)} * kSecond + fraction;
  }
  return std::nullopt;
}

std::optional<Point> parse_date(const std::string& text) {
  const auto ns = parse_clock(text, {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"});
  return ns ? std::optional(Point{true, *ns}) : std::nullopt;
}

std::optional<Point> parse_time_of_day(const std::string& text) {
  const auto ns = parse_clock(text, {"%H:%M:%S", "%H:%M"});
  return ns ? std::optional(Point{true, *ns, true}) : std::nullopt;
}

std::optional<Point> parse_point(std::string_view text) {
  if (text.starts_with('@')) return parse_unix(text.substr(1));
  if (text.find('-') != std::string_view::npos) return parse_date(std::string(text));
  if (text.find(':') != std::string_view::npos) return parse_time_of_day(std::string(text));
  if (text.find_first_not_of("0.") == std::string_view::npos) return Point{};
  const auto duration = parse_duration(text);
  if (!duration) return std::nullopt;
  return Point{false, duration->count()};
}

bool is_accepted(const Profile& profile, const Sample& sample, const SampleFilter& filter) {
  const Backend* backend =
      profile.backends.contains(sample.backend) ? &profile.backends[sample.backend] : nullptr;
  const std::string_view comm = backend != nullptr ? std::string_view(backend->comm) : "";
  // 0 is also that of processes whose pid was not told.
  const bool known = backend != nullptr && (backend->pid != 0 || comm.starts_with("swapper"));
  const int32_t pid = known ? backend->pid : -1;
  return filter.accepts(pid, comm, sample.state);
}

template <typename Kept>
void keep(Profile& profile, const Kept& is_kept) {
  Recording& recording = profile.recording;
  uint64_t& dropped = recording.losses[static_cast<size_t>(Loss::kFiltered)];
  const size_t before = profile.samples.size();
  std::erase_if(profile.samples, [&](const Sample& sample) {
    if (is_kept(sample)) return false;
    dropped += sample.count;
    return true;
  });
  if (profile.samples.size() < before) forget_lifetimes(profile);
}

int64_t minus(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b > 0 ? INT64_MIN : INT64_MAX;
}

int64_t floor_to_second(int64_t ns) {
  const int64_t behind = (ns % kSecond + kSecond) % kSecond;
  return minus(ns, behind);
}

// Outwards, so that nothing of what was asked for is missing.
TimeRange to_whole_seconds(TimeRange range) {
  range.from = floor_to_second(range.from);
  if (range.to < INT64_MAX - kSecond) range.to = floor_to_second(range.to + kSecond - 1);
  return range;
}

// Pprof files of others say how long they took and not when each sample was.
bool has_times(const Profile& profile) {
  const Recording& recording = profile.recording;
  return recording.duration_ns > 0 &&
         (recording.sampler != "pprof" ||
          std::ranges::any_of(profile.samples, [](const Sample& s) { return s.second > 0; }));
}

std::string bound_text(int64_t ns) {
  return ns == INT64_MIN || ns == INT64_MAX ? "" : std::to_string(ns / kSecond);
}

Status filter_seconds(Profile& profile, const TimeRange& wanted) {
  Recording& recording = profile.recording;
  if (wanted.wall_clock && recording.start_unix_ns == 0) return fail(no_time_of_day());
  if (!has_times(profile)) return fail(no_times());
  if (Status clear = check_day(wanted, recording); !clear) return clear;
  const TimeRange exact =
      since_first(on_day(wanted, recording.start_unix_ns), recording.start_unix_ns);
  const TimeRange range = to_whole_seconds(exact);
  keep(profile, [&range](const Sample& sample) {
    const int64_t start = int64_t{sample.second} * kSecond;
    return start >= range.from && start < range.to;
  });
  const int64_t whole = recording.duration_ns;
  const auto later = static_cast<uint32_t>(
      std::min<int64_t>(floor_to_second(narrow(recording, range)) / kSecond, UINT32_MAX));
  if (recording.duration_ns != whole) forget_lifetimes(profile);
  for (Sample& sample : profile.samples)
    sample.second -= std::min(sample.second, later);
  const int64_t seconds = (recording.duration_ns + kSecond - 1) / kSecond;
  std::erase_if(recording.host_seconds, [&](HostSecond& host) {
    const int64_t second = int64_t{host.second} - later;
    host.second = static_cast<uint32_t>(std::max<int64_t>(second, 0));
    return second < 0 || second >= seconds;
  });
  if (range.from != exact.from || range.to != exact.to) {
    recording.notes.push_back("--time was moved to " + bound_text(range.from) + ',' +
                              bound_text(range.to) +
                              " seconds after the start: the capture has no finer times");
  }
  return {};
}

// A range over midnight is one of the night: any other is more likely the wrong way round.
bool is_range(const TimeRange& range) {
  if (range.from < range.to) return true;
  return range.time_of_day && range.from > range.to && range.from - range.to >= kDay / 2;
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
  std::optional<std::pair<bool, bool>> kind;
  for (size_t i = 0; i < 2; ++i) {
    const std::string_view part = trim(parts[i]);
    if (part.empty()) continue;
    const auto point = parse_point(part);
    if (!point) return bad();
    const std::pair its_kind(point->wall_clock, point->time_of_day);
    if (kind.value_or(its_kind) != its_kind) return bad();
    kind = its_kind;
    (i == 0 ? range.from : range.to) = point->ns;
  }
  if (!kind) return bad();
  std::tie(range.wall_clock, range.time_of_day) = *kind;
  if (!is_range(range)) return bad();
  return std::optional<TimeRange>(range);
}

TimeRange on_day(TimeRange range, int64_t start_unix_ns) {
  if (!range.time_of_day) return range;
  range.time_of_day = false;
  start_unix_ns = std::clamp<int64_t>(start_unix_ns, 0, int64_t{1} << 62);
  const int64_t midnight = start_unix_ns - start_unix_ns % kDay;
  const auto first_from = [midnight](int64_t since, int64_t time) {
    return midnight + time + (midnight + time < since ? kDay : 0);
  };
  if (range.to == INT64_MAX) {
    // Whoever leaves the seconds out means the minute that the capture starts in.
    range.from = first_from(start_unix_ns - start_unix_ns % kMinute, range.from);
    return range;
  }
  range.to = first_from(start_unix_ns + 1, range.to);
  if (range.from == INT64_MIN) return range;
  range.from += midnight + kDay;
  while (range.from >= range.to)
    range.from -= kDay;
  return range;
}

Status check_day(const TimeRange& range, const Recording& recording) {
  if (!range.time_of_day || recording.duration_ns < kDay) return {};
  return fail(ErrorKind::kUsage,
              "the capture is longer than a day: a time of day alone does not say which",
              "give --time with dates, as '2026-11-21 05:35:00,2026-11-21 05:36:00'");
}

TimeRange since_first(const TimeRange& range, int64_t start_unix_ns) {
  if (!range.wall_clock) return range;
  TimeRange relative;
  if (range.from != INT64_MIN) relative.from = minus(range.from, start_unix_ns);
  if (range.to != INT64_MAX) relative.to = minus(range.to, start_unix_ns);
  return relative;
}

int64_t narrow(Recording& recording, const TimeRange& range) {
  const TimeRange part = since_first(range, recording.start_unix_ns);
  const int64_t begin = std::clamp<int64_t>(part.from, 0, recording.duration_ns);
  const int64_t end = std::clamp(part.to, begin, recording.duration_ns);
  if (begin == end || end - begin == recording.duration_ns) return 0;
  if (recording.start_unix_ns != 0) recording.start_unix_ns += begin;
  recording.duration_ns = end - begin;
  recording.cost.agent_cpu_ns = 0;
  return begin;
}

Error no_time_of_day() {
  return Error{ErrorKind::kUnsupported,
               "the capture does not say at what time of day it was made",
               "give --time in seconds since its start"};
}

Error no_times() {
  return Error{ErrorKind::kUnsupported,
               "the samples have no times, so --time cannot choose among them",
               "leave --time out, or give the capture that this was made from"};
}

Error no_events() {
  return Error{ErrorKind::kUnsupported,
               "the samples do not tell their event, so --event cannot choose among them",
               "leave --event out, or give the capture that this was made from"};
}

bool SampleFilter::accepts(int32_t pid, std::string_view comm, State state) const {
  const auto& pids = options_->pids;
  const auto& comms = options_->comms;
  if (!pids.empty() && std::ranges::find(pids, pid) == pids.end()) return false;
  if (!comms.empty() && std::ranges::find(comms, comm) == comms.end()) return false;
  // The kernel's idle task has pid 0 and runs when nothing else wants to.
  return !options_->exclude_idle || (state != State::kIdle && (pid != 0 || comm != "swapper"));
}

void filter_processes(Profile& profile, const Options& options) {
  const SampleFilter filter(options);
  if (filter.accepts_all()) return;
  keep(profile, [&](const Sample& sample) { return is_accepted(profile, sample, filter); });
}

Status filter_profile(Profile& profile, const Options& options) {
  const auto range = parse_time_range(options.time);
  if (!range) return fail(range.error());
  if (*range) {
    Status done = filter_seconds(profile, **range);
    if (!done) return done;
  }
  filter_processes(profile, options);
  return {};
}

}  // namespace pgflame::input
