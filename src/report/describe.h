// What was profiled, when and how, in words; shared by all written forms.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "src/diagnose/diagnosis.h"
#include "src/profile/profile.h"
#include "src/profile/series.h"

namespace pgflame::report {

// "PostgreSQL 15.18 on db1, port 5432"
std::string subject_of(const Profile& profile);

// "2026-11-21 05:35:37–05:36:37 UTC · 1m", empty parts left out.
std::string period_of(const Profile& profile);

// "bpf, cpu-clock 99 Hz + off-CPU · frame pointers"
std::string method_of(const Profile& profile);

// "CPU 87 % busy (peak 100 %) of 2 · run queue 5.1 (peak 14) · ..."; empty without host data.
std::string host_line(const Profile& profile);

// "Recording cost 0.31 % of one core · 2.1 µs of BPF per sample · 23 MB"; empty when unknown.
std::string cost_line(const Profile& profile);

// Everything the reader must know about the capture and the accounting line does not say.
std::vector<std::string> notes_of(const Profile& profile);
// The same where series_of the profile are known.
std::vector<std::string> notes_of(const Profile& profile, std::span<const Series> series);

// What lowers the grade, without what the verdict says itself.
std::vector<std::string> reasons_beside_verdict(const diagnose::Diagnosis& diagnosis);

// "client backend · shop · app · reports": type, database, user and application, as far as known,
// after the cluster where there are several.
std::string who_is(const diagnose::BackendRow& row, const Profile& profile);

// "0.3 ms": what a backend's states do not explain of its lifetime.
std::string rest_of(const diagnose::BackendRow& row);

// "LWLock:WALWrite", for a sample that waits.
std::string wait_name(const Profile& profile, const Sample& sample);

// "-4325948593245", as pg_stat_statements shows it.
std::string query_id_text(uint64_t query_id);

// "PostgreSQL 15.18 (Debian ...)" -> "15.18"
std::string short_version(const Cluster& cluster);

// "port 5432 “main”"; "(unknown)" for samples of no known cluster.
std::string title_of(const diagnose::ClusterRow& row);

// "PostgreSQL 15.18, port 5432": the cluster of a sample, where several were recorded; else empty.
// Is empty itself when there is only one.
std::function<std::string(const Sample&)> cluster_frames(const Profile& profile);

}  // namespace pgflame::report
