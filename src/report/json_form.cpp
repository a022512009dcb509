#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "src/diagnose/measure.h"
#include "src/report/describe.h"
#include "src/report/report.h"

namespace pgflame::report {
namespace {

using nlohmann::json;

json finding_json(const diagnose::Finding& finding) {
  json row{{"id", finding.id},
           {"title", finding.title},
           {"area", finding.area},
           {"share", finding.share.share},
           {"low", finding.share.low},
           {"high", finding.share.high},
           {"samples", finding.samples},
           {"cores", finding.cores},
           {"query_id", nullptr},
           {"tied_with", nullptr},
           {"headline", finding.headline},
           {"seen", finding.seen},
           {"means", finding.means},
           {"actions", finding.actions},
           {"confirm", finding.confirm},
           {"refute", finding.refute},
           {"frames", finding.frames}};
  if (finding.query_id) row["query_id"] = query_id_text(*finding.query_id);
  if (!finding.tied_with.empty()) row["tied_with"] = finding.tied_with;
  return row;
}

std::string_view look_name(bool at_end) {
  return at_end ? "end" : "start";
}

// What the two looks found, as it is.
void add_looks(json& database, const diagnose::DatabaseView& view) {
  database["seconds"] = view.seconds;
  database["counters"] = json::object();
  for (const Counter& counter : view.counters)
    database["counters"][counter.name] = counter.value;
  database["sessions"] = json::array();
  for (const SessionCount& session : view.sessions) {
    database["sessions"].push_back({{"look", look_name(session.at_end)},
                                    {"backend_type", session.backend_type},
                                    {"state", session.state},
                                    {"wait_class", session.wait_class},
                                    {"wait_event", session.wait_event},
                                    {"count", session.count}});
  }
  database["blockers"] = json::array();
  for (const Blocker& blocker : view.blockers) {
    database["blockers"].push_back({{"look", look_name(blocker.at_end)},
                                    {"pid", blocker.pid},
                                    {"waiters", blocker.waiters},
                                    {"waits", blocker.waits},
                                    {"state", blocker.state},
                                    {"user", blocker.user},
                                    {"application", blocker.application},
                                    {"transaction_age_us", blocker.transaction_age_us},
                                    {"text", blocker.text},
                                    {"lock_type", blocker.lock_type},
                                    {"schema", blocker.schema},
                                    {"relation", blocker.relation},
                                    {"wanted_mode", blocker.wanted_mode},
                                    {"held_mode", blocker.held_mode}});
  }
}

json database_json(const diagnose::DatabaseView& view) {
  json statements = json::array();
  for (const diagnose::StatementRow& row : view.statements) {
    statements.push_back({{"query_id", row.query_id},
                          {"database", row.database},
                          {"text", row.text},
                          {"calls_per_second", row.calls_per_second},
                          {"cpu_us_per_call", nullptr},
                          {"exec_us_per_call", row.exec_us_per_call},
                          {"rows_per_call", row.rows_per_call},
                          {"reads_per_second", row.reads_per_second},
                          {"hit_ratio", nullptr},
                          {"temp_blocks_per_second", row.temp_blocks_per_second},
                          {"repeated", row.repeated}});
    if (row.cpu_us_per_call >= 0) statements.back()["cpu_us_per_call"] = row.cpu_us_per_call;
    if (row.hit_ratio >= 0) statements.back()["hit_ratio"] = row.hit_ratio;
  }
  json database{{"asked", view.asked},
                {"title", view.title},
                {"sentences", view.sentences},
                {"settings", view.settings},
                {"statements", statements},
                {"sql", view.sql}};
  if (view.asked) add_looks(database, view);
  return database;
}

json table_json(const std::vector<diagnose::TableRow>& rows, std::string_view key) {
  json table = json::array();
  for (const diagnose::TableRow& row : rows) {
    table.push_back({{std::string(key), row.key},
                     {"detail", row.detail},
                     {"area", row.area},
                     {"samples", row.samples},
                     {"share", row.share},
                     {"total_share", row.total_share},
                     {"waiting_share", row.waiting_share}});
    if (!row.cluster.empty()) table.back()["cluster"] = row.cluster;
  }
  return table;
}

json clusters_json(const std::vector<diagnose::ClusterRow>& rows) {
  json table = json::array();
  for (const diagnose::ClusterRow& row : rows) {
    table.push_back({{"cluster", row.name},
                     {"name", row.cluster.name},
                     {"port", row.cluster.port},
                     {"data_directory", row.cluster.data_directory},
                     {"major", row.cluster.major},
                     {"version", row.cluster.version},
                     {"backends", row.backends},
                     {"samples", row.samples},
                     {"share", row.share},
                     {"waiting_share", row.waiting_share}});
  }
  return table;
}

json backends_json(const Profile& profile, const std::vector<diagnose::BackendRow>& rows) {
  json table = json::array();
  for (const diagnose::BackendRow& row : rows) {
    const Backend& backend = profile.backends[row.backend];
    table.push_back({{"pid", backend.pid},
                     {"type", backend.type},
                     {"database", backend.database},
                     {"user", backend.user},
                     {"application", backend.application},
                     {"lifetime", row.lifetime},
                     {"running", row.running},
                     {"runnable", row.runnable},
                     {"waiting", row.waiting},
                     {"idle", row.idle},
                     {"rest", row.rest}});
    if (!row.cluster.empty()) table.back()["cluster"] = row.cluster;
  }
  return table;
}

// What is not known is null.
json cost_json(const Cost& cost) {
  const auto known = [](uint64_t value) { return value > 0 ? json(value) : json(); };
  return {{"agent_cpu_ns", known(cost.agent_cpu_ns)},
          {"bpf_ns", cost.bpf_runs > 0 ? json(cost.bpf_ns) : json()},
          {"bpf_runs", known(cost.bpf_runs)},
          {"peak_rss_bytes", known(cost.peak_rss_bytes)}};
}

json host_json(const std::vector<HostSecond>& seconds) {
  const auto known = [](double share) { return share >= 0 ? json(share) : json(); };
  json rows = json::array();
  for (const HostSecond& row : seconds) {
    rows.push_back({{"second", row.second},
                    {"cpu_busy", row.cpu_busy},
                    {"cpu_steal", row.cpu_steal},
                    {"runnable", row.runnable},
                    {"switches", row.switches},
                    {"major_faults", row.major_faults},
                    {"cpu_mhz", row.cpu_mhz > 0 ? json(row.cpu_mhz) : json()},
                    {"psi_cpu", known(row.psi_cpu)},
                    {"psi_io", known(row.psi_io)},
                    {"psi_memory", known(row.psi_memory)}});
  }
  return rows;
}

json recording_json(const Profile& profile) {
  const Recording& recording = profile.recording;
  json clusters = json::array();
  for (const Cluster& cluster : profile.clusters) {
    clusters.push_back({{"name", cluster.name},
                        {"port", cluster.port},
                        {"major", cluster.major},
                        {"version", cluster.version}});
  }
  return {{"subject", subject_of(profile)},
          {"host", recording.host},
          {"start_unix_ns", recording.start_unix_ns},
          {"duration_ns", recording.duration_ns},
          {"cpus", recording.cpus},
          {"sampler", recording.sampler},
          {"sampler_reason", recording.sampler_reason},
          {"unwinder", recording.unwinder},
          {"event", recording.event.name},
          {"rate_hz", recording.event.rate_hz},
          {"measures", diagnose::measure_of(recording.event).whole},
          {"has_waits", recording.has_waits},
          {"command_line", recording.command_line},
          {"version", recording.version},
          {"notes", notes_of(profile)},
          {"cost", cost_json(recording.cost)},
          {"host_seconds", host_json(recording.host_seconds)},
          {"clusters", clusters}};
}

// By name: "ring_buffer_full".
json losses_json(const Losses& losses) {
  json counts = json::object();
  for (size_t i = 0; i < kLossCount; ++i) {
    std::string name(name_of(static_cast<Loss>(i)));
    std::ranges::replace(name, ' ', '_');
    counts[name] = losses[i];
  }
  return counts;
}

json accounting_json(const diagnose::Totals& totals, const Losses& losses) {
  json accounting{{"captured", totals.captured},
                  {"running", totals.running},
                  {"lost", totals.lost},
                  {"losses", losses_json(losses)},
                  {"unnamed", totals.unnamed},
                  {"truncated", totals.truncated},
                  {"unclassified", totals.unclassified},
                  {"explained_wall", nullptr},
                  {"line", totals.line}};
  if (totals.explained_wall >= 0) accounting["explained_wall"] = totals.explained_wall;
  return accounting;
}

}  // namespace

std::string to_json(const Profile& profile, const diagnose::Diagnosis& diagnosis) {
  json root{
      {"schema", "pgflame-diagnosis-1"},
      {"recording", recording_json(profile)},
      {"grade", std::string(1, diagnosis.quality.grade)},
      {"quality", {{"reasons", diagnosis.quality.reasons}, {"remedy", diagnosis.quality.remedy}}},
      {"verdict", {{"class", name_of(diagnosis.verdict.kind)}, {"text", diagnosis.verdict.text}}},
      {"accounting", accounting_json(diagnosis.totals, profile.recording.losses)},
      {"time", json::array()},
      {"activities", json::array()},
      {"findings", json::array()},
      {"database", database_json(diagnosis.database)},
      {"queries", table_json(diagnosis.queries, "query_id")},
      {"backend_types", table_json(diagnosis.backend_types, "name")},
      {"databases", table_json(diagnosis.databases, "name")},
      {"users", table_json(diagnosis.users, "name")},
      {"applications", table_json(diagnosis.applications, "name")},
      {"backends", backends_json(profile, diagnosis.backends)},
      {"waits", table_json(diagnosis.waits, "wait_event")},
      {"selection", diagnosis.selection},
      {"notes", diagnosis.notes},
      {"functions", table_json(diagnosis.functions, "name")}};
  if (!diagnosis.clusters.empty()) root["clusters"] = clusters_json(diagnosis.clusters);
  for (const diagnose::TimeSegment& segment : diagnosis.time) {
    root["time"].push_back(
        {{"id", segment.id}, {"nanoseconds", segment.nanoseconds}, {"share", segment.share}});
  }
  for (const diagnose::Activity& activity : diagnosis.activities) {
    root["activities"].push_back({{"id", activity.id},
                                  {"title", activity.title},
                                  {"area", activity.area},
                                  {"samples", activity.samples},
                                  {"share", activity.share}});
  }
  for (const diagnose::Finding& finding : diagnosis.findings) {
    root["findings"].push_back(finding_json(finding));
  }
  // Names are bytes from outside: invalid UTF-8 is replaced, never an error.
  return root.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace pgflame::report
