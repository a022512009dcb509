#include "src/report/describe.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/postgres/wait_events.h"
#include "src/profile/cluster_index.h"

namespace pgflame::report {
namespace {

constexpr std::string_view kSeparator = " · ";

void append(std::string& line, std::string_view part) {
  if (part.empty()) return;
  if (!line.empty()) line += kSeparator;
  line += part;
}

// "one 12.3 (peak 20)": the mean over the seconds and the worst of them.
struct Spread {
  double sum = 0;
  double low = 0;
  double peak = 0;
  size_t count = 0;
  void add(double value) {
    sum += value;
    low = count == 0 ? value : std::min(low, value);
    peak = std::max(peak, value);
    ++count;
  }
  double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
};

std::string psi_text(std::string_view what, const Spread& psi) {
  if (psi.count == 0) return {};
  return fmt::format(
      "{} pressure {} (peak {})", what, format_percent(psi.mean()), format_percent(psi.peak));
}

// What is worth a look is a clock that was slowed down.
std::string frequency_text(const Spread& mhz) {
  if (mhz.count == 0) return {};
  std::string text = fmt::format("clock {:.1f} GHz", mhz.mean() / 1000);
  if (mhz.low < 0.95 * mhz.mean()) text += fmt::format(" (lowest {:.1f})", mhz.low / 1000);
  return text;
}

std::string where(const Profile& profile) {
  return profile.recording.host.empty() ? std::string() : " on " + profile.recording.host;
}

// The major version of the cluster that the sample's backend belongs to.
int major_of(const Profile& profile, const Sample& sample) {
  if (profile.clusters.size() == 1) return profile.clusters.front().major;
  if (!sample.backend.valid()) return 0;
  const int32_t postmaster = profile.backends[sample.backend].postmaster;
  const auto found = std::ranges::find(profile.clusters, postmaster, &Cluster::postmaster);
  return found == profile.clusters.end() ? 0 : found->major;
}

// "PostgreSQL 15.18"
std::string product_of(const Cluster& cluster) {
  const std::string version = short_version(cluster);
  return version.empty() ? "PostgreSQL" : "PostgreSQL " + version;
}

// `sample_of` gives the sample of a row.
template <typename Rows, typename SampleOf>
bool has_registered_waits(const Profile& profile, const Rows& rows, SampleOf sample_of) {
  const auto is_registered = [&](const Sample& sample) {
    return sample.wait_event != 0 && sample.wait_event != kUnknownWait &&
           postgres::is_registered_wait(major_of(profile, sample), sample.wait_event);
  };
  return std::ranges::any_of(rows, is_registered, sample_of);
}

std::vector<std::string> notes_on(const Recording& recording, bool registered_waits) {
  std::vector<std::string> notes = recording.notes;
  if (recording.truncated_input) notes.emplace_back("The input ended in the middle.");
  if (registered_waits) {
    notes.emplace_back(
        "Wait events with a number (\"Extension:1\", \"LWLock:extension 95\") were registered by "
        "extensions; it is the number that the server gave them. pg_stat_activity shows their "
        "names "
        "while somebody waits.");
  }
  return notes;
}

}  // namespace

std::string short_version(const Cluster& cluster) {
  std::string_view version = cluster.version;
  if (version.starts_with("PostgreSQL ")) version.remove_prefix(11);
  version = version.substr(0, version.find(' '));
  if (!version.empty()) return std::string(version);
  return cluster.major > 0 ? std::to_string(cluster.major) : std::string();
}

std::string subject_of(const Profile& profile) {
  const ClusterIndex clusters(profile);
  if (clusters.several()) {
    return fmt::format("{} PostgreSQL clusters{}", clusters.count(), where(profile));
  }
  if (clusters.rows().empty()) return "PostgreSQL" + where(profile);
  const Cluster& cluster = clusters.rows().front().cluster;
  std::string text = product_of(cluster);
  if (!cluster.name.empty()) text += " “" + cluster.name + "”";
  text += where(profile);
  if (cluster.port != 0) text += fmt::format(", port {}", cluster.port);
  return text;
}

std::string title_of(const diagnose::ClusterRow& row) {
  if (row.name.empty()) return "(unknown)";
  return row.cluster.name.empty() ? row.name : fmt::format("{} “{}”", row.name, row.cluster.name);
}

std::function<std::string(const Sample&)> cluster_frames(const Profile& profile) {
  ClusterIndex clusters(profile);
  if (!clusters.several()) return {};
  return [clusters = std::move(clusters)](const Sample& sample) {
    const uint32_t row = clusters.row_of(sample.backend);
    if (row == ClusterIndex::kNone) return std::string();
    return fmt::format(
        "{}, {}", product_of(clusters.rows()[row].cluster), clusters.rows()[row].name);
  };
}

std::string period_of(const Profile& profile) {
  const Recording& recording = profile.recording;
  std::string text;
  if (recording.start_unix_ns > 0) {
    text = format_utc(recording.start_unix_ns);
    if (recording.duration_ns > 0) {
      const std::string end = format_utc(recording.start_unix_ns + recording.duration_ns);
      const bool same_day = end.substr(0, 10) == text.substr(0, 10);
      text = text.substr(0, text.rfind(' ')) + "–" + (same_day ? end.substr(11) : end);
    }
  }
  if (recording.duration_ns > 0) {
    append(text, format_duration(std::chrono::nanoseconds{recording.duration_ns}));
  }
  return text;
}

std::string method_of(const Profile& profile) {
  const Recording& recording = profile.recording;
  std::string how = recording.sampler;
  if (!how.empty()) how += ", ";
  how += recording.event.name;
  if (recording.event.rate_hz > 0) how += fmt::format(" {:.4g} Hz", recording.event.rate_hz);
  if (recording.has_waits) how += " + off-CPU";
  append(how, recording.unwinder);
  return how;
}

std::string host_line(const Profile& profile) {
  const auto& seconds = profile.recording.host_seconds;
  if (seconds.empty()) return {};
  Spread busy;
  Spread steal;
  Spread mhz;
  Spread queue;
  Spread switches;
  Spread psi_cpu;
  Spread psi_io;
  Spread psi_memory;
  uint64_t faults = 0;
  for (const HostSecond& second : seconds) {
    busy.add(second.cpu_busy);
    steal.add(second.cpu_steal);
    if (second.cpu_mhz > 0) mhz.add(second.cpu_mhz);
    queue.add(second.runnable);
    switches.add(static_cast<double>(second.switches));
    if (second.psi_cpu >= 0) psi_cpu.add(second.psi_cpu);
    if (second.psi_io >= 0) psi_io.add(second.psi_io);
    if (second.psi_memory >= 0) psi_memory.add(second.psi_memory);
    faults += second.major_faults;
  }
  std::string text =
      fmt::format("CPU {} busy (peak {})", format_percent(busy.mean()), format_percent(busy.peak));
  if (profile.recording.cpus > 0) text += fmt::format(" of {} CPUs", profile.recording.cpus);
  if (steal.mean() >= 0.001) append(text, format_percent(steal.mean()) + " stolen");
  append(text, frequency_text(mhz));
  append(text, fmt::format("run queue {:.1f} (peak {:.0f})", queue.mean(), queue.peak));
  append(text, format_count(static_cast<uint64_t>(switches.mean())) + " context switches/s");
  append(text, format_count(faults) + (faults == 1 ? " major fault" : " major faults"));
  append(text, psi_text("CPU", psi_cpu));
  append(text, psi_text("IO", psi_io));
  append(text, psi_text("memory", psi_memory));
  return text;
}

std::string cost_line(const Profile& profile) {
  const Cost& cost = profile.recording.cost;
  std::string text;
  if (cost.agent_cpu_ns > 0 && profile.recording.duration_ns > 0) {
    append(text,
           fmt::format("{} of one core",
                       format_percent(static_cast<double>(cost.agent_cpu_ns) /
                                      static_cast<double>(profile.recording.duration_ns))));
  }
  if (cost.bpf_runs > 0) {
    append(
        text,
        fmt::format("{:.1f} µs of BPF per run",
                    static_cast<double>(cost.bpf_ns) / static_cast<double>(cost.bpf_runs) / 1e3));
  }
  if (cost.peak_rss_bytes > 0) {
    append(text,
           fmt::format("{:.0f} MB of memory", static_cast<double>(cost.peak_rss_bytes) / 1e6));
  }
  return text.empty() ? text : "Recording cost " + text + ".";
}

std::vector<std::string> notes_of(const Profile& profile) {
  return notes_on(profile.recording,
                  has_registered_waits(profile, profile.samples, std::identity{}));
}

std::vector<std::string> notes_of(const Profile& profile, std::span<const Series> series) {
  return notes_on(profile.recording, has_registered_waits(profile, series, &Series::sum));
}

std::vector<std::string> reasons_beside_verdict(const diagnose::Diagnosis& diagnosis) {
  std::vector<std::string> reasons = diagnosis.quality.reasons;
  std::erase_if(reasons, [&](const std::string& reason) {
    return diagnosis.verdict.text.find(reason) != std::string::npos;
  });
  return reasons;
}

std::string who_is(const diagnose::BackendRow& row, const Profile& profile) {
  const Backend& backend = profile.backends[row.backend];
  std::string who;
  for (const std::string* part :
       {&row.cluster, &backend.type, &backend.database, &backend.user, &backend.application})
    append(who, *part);
  return who;
}

std::string rest_of(const diagnose::BackendRow& row) {
  return fmt::format("{:.1f} ms", static_cast<double>(row.rest) / 1e6);
}

std::string wait_name(const Profile& profile, const Sample& sample) {
  if (sample.wait_event == kUnknownWait) return "wait event unknown";
  if (sample.wait_event == 0) return "no wait event";
  const int major = major_of(profile, sample);
  const std::string_view group = postgres::wait_event_class(major, sample.wait_event);
  const std::string event = postgres::wait_event_name(major, sample.wait_event);
  if (event.empty()) return fmt::format("{}:{:#x}", group, sample.wait_event & 0xffffffU);
  return fmt::format("{}:{}", group, event);
}

std::string query_id_text(uint64_t query_id) {
  return std::to_string(static_cast<int64_t>(query_id));
}

}  // namespace pgflame::report
