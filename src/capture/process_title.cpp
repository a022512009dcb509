#include "src/capture/process_title.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "src/base/text.h"

namespace pgflame::capture {
namespace {

constexpr std::string_view kPrefix = "postgres: ";

struct FixedTitle {
  std::string_view start;
  std::string_view type;
};

// Titles that are known by how they start; longer starts before the ones they contain.
constexpr std::array<FixedTitle, 23> kFixedTitles = {{
    {"autovacuum launcher", "autovacuum launcher"},
    {"autovacuum worker", "autovacuum worker"},
    {"checkpointer", "checkpointer"},
    {"background writer", "background writer"},
    {"walwriter", "walwriter"},
    {"logger", "logger"},
    {"startup", "startup"},
    {"walreceiver", "walreceiver"},
    {"archiver", "archiver"},
    {"stats collector", "stats collector"},
    {"walsummarizer", "walsummarizer"},
    {"slotsync worker", "slotsync worker"},
    {"io worker", "io worker"},
    {"logical replication launcher", "logical replication launcher"},
    {"logical replication parallel apply worker", "logical replication parallel worker"},
    {"logical replication apply worker", "logical replication apply worker"},
    {"logical replication tablesync worker", "logical replication tablesync worker"},
    {"logical replication worker", "logical replication worker"},
    {"parallel worker", "parallel worker"},
    {"autoprewarm master", "autoprewarm master"},
    {"autoprewarm leader", "autoprewarm leader"},
    {"autoprewarm worker", "autoprewarm worker"},
    {"walsender", "walsender"},
}};

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.starts_with(word) && (text.size() == word.size() || text[word.size()] == ' ');
}

// "127.0.0.1(57804)" or "[local]".
bool is_peer(std::string_view word) {
  if (word == "[local]") return true;
  const auto open = word.rfind('(');
  if (open == std::string_view::npos || open == 0 || !word.ends_with(')')) return false;
  return parse_u64(word.substr(open + 1, word.size() - open - 2)).has_value();
}

// The last word that names a peer; what stands before it are user and database, after it activity.
struct PeerAt {
  size_t start = std::string_view::npos;
  size_t end = 0;
};

PeerAt find_peer(std::string_view text) {
  PeerAt found;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find(' ', start), text.size());
    if (is_peer(text.substr(start, end - start))) found = {start, end};
    start = end + 1;
  }
  return found;
}

void split_user_and_database(std::string_view names, bool one_is_user, ProcessTitle& title) {
  const auto words = split(names, ' ');
  if (words.size() == 2) {
    title.user = words[0];
    title.database = words[1];
  } else if (words.size() == 1 && one_is_user) {
    title.user = words[0];
  }
}

ProcessTitle client_title(std::string_view text, PeerAt peer) {
  ProcessTitle title;
  title.fixed = text.substr(0, peer.end);
  const bool sends_wal = starts_with_word(text, "walsender");
  title.type = sends_wal ? "walsender" : "client backend";
  std::string_view names = trim(text.substr(0, peer.start));
  if (sends_wal) names = trim(names.substr(std::string_view("walsender").size()));
  title.names = names;
  split_user_and_database(names, sends_wal, title);
  return title;
}

ProcessTitle fixed_title(std::string_view text, const FixedTitle& known) {
  ProcessTitle title;
  title.type = known.type;
  title.fixed = known.start;
  const std::string_view rest = trim(text.substr(known.start.size()));
  if (known.type == "autovacuum worker") title.database = rest;
  if (known.type == "parallel worker") {
    title.fixed = text;
    const auto words = split(rest, ' ');  // "for PID 4242"
    const auto leader = words.size() == 3 ? parse_u64(words[2]) : std::nullopt;
    if (leader && *leader <= INT32_MAX) title.leader = static_cast<int32_t>(*leader);
  }
  return title;
}

}  // namespace

std::optional<ProcessTitle> parse_process_title(std::string_view text,
                                                std::string_view cluster_name) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  if (!cluster_name.empty() && text.starts_with(cluster_name) &&
      text.substr(cluster_name.size()).starts_with(": ")) {
    text.remove_prefix(cluster_name.size() + 2);
  }
  text = trim(text);
  const PeerAt peer = find_peer(text);
  if (peer.start != std::string_view::npos && peer.start > 0) return client_title(text, peer);
  const auto* known = std::ranges::find_if(
      kFixedTitles, [&](const FixedTitle& row) { return starts_with_word(text, row.start); });
  if (known != kFixedTitles.end()) return fixed_title(text, *known);
  ProcessTitle title;
  title.fixed = text;
  if (!text.empty()) title.type = "background worker";  // extensions choose any text
  return title;
}

std::string cluster_name_of(const std::vector<std::string>& titles) {
  for (std::string_view title : titles) {
    if (!title.starts_with(kPrefix)) continue;
    title = title.substr(kPrefix.size());
    // Since 14 the checkpointer may add "performing checkpoint".
    const auto at = title.find(": checkpointer");
    if (at != std::string_view::npos) return std::string(title.substr(0, at));
  }
  return {};
}

}  // namespace pgflame::capture
