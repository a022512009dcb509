#include "src/report/redact.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include <fmt/format.h>

namespace pgflame::report {
namespace {

// SipHash-2-4, Aumasson and Bernstein 2012, section 2.
class SipHash {
 public:
  explicit SipHash(const RedactionKey& key)
      : v_{key[0] ^ 0x736f6d6570736575ULL,
           key[1] ^ 0x646f72616e646f6dULL,
           key[0] ^ 0x6c7967656e657261ULL,
           key[1] ^ 0x7465646279746573ULL} {}

  uint64_t operator()(std::string_view text) && {
    uint64_t word = 0;
    size_t shift = 0;
    for (const char c : text) {
      word |= uint64_t{static_cast<unsigned char>(c)} << shift;
      shift += 8;
      if (shift < 64) continue;
      compress(word);
      word = 0;
      shift = 0;
    }
    compress(word | uint64_t{text.size() & 0xffU} << 56U);
    v_[2] ^= 0xffU;
    for (int i = 0; i < 4; ++i)
      round();
    return v_[0] ^ v_[1] ^ v_[2] ^ v_[3];
  }

 private:
  void compress(uint64_t word) {
    v_[3] ^= word;
    round();
    round();
    v_[0] ^= word;
  }

  void round() {
    half(0, 1, 13, 32);
    half(2, 3, 16, 0);
    half(0, 3, 21, 0);
    half(2, 1, 17, 32);
  }

  void half(size_t a, size_t b, int turn, int turn_sum) {
    v_[a] += v_[b];
    v_[b] = std::rotl(v_[b], turn) ^ v_[a];
    v_[a] = std::rotl(v_[a], turn_sum);
  }

  std::array<uint64_t, 4> v_;
};

class Redactor {
 public:
  explicit Redactor(const RedactionKey& key) : key_(key) {}

  void replace(std::string_view prefix, std::string& name) {
    if (!name.empty()) replace_with(pseudonym(prefix, name, key_), name);
  }

  void replace_with(std::string shown, std::string& name) {
    if (shown == name) return;
    replaced_.emplace(name, shown);
    name = std::move(shown);
  }

  // Free text that may repeat one of the names.
  void clean(std::string& text) const {
    for (const auto& [name, shown] : replaced_) {
      if (name.size() < 3) continue;
      for (size_t found = text.find(name); found != std::string::npos;
           found = text.find(name, found + shown.size())) {
        text.replace(found, name.size(), shown);
      }
    }
  }

 private:
  // Longer names before those that they contain: a path before the user in it.
  struct LongestFirst {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };

  const RedactionKey& key_;
  std::map<std::string, std::string, LongestFirst> replaced_;
};

void redact_database(Redactor& redactor, DatabaseContext& context) {
  redactor.replace("db", context.database);
  for (StatementUse& statement : context.statements) {
    redactor.replace("db", statement.database);
    statement.text.clear();
  }
  for (TableUse& table : context.tables) {
    redactor.replace("schema", table.schema);
    redactor.replace("table", table.name);
    redactor.replace("schema", table.parent_schema);
    redactor.replace("table", table.parent);
    for (TableColumn& column : table.columns) {
      redactor.replace("column", column.name);
      redactor.replace("type", column.type);
    }
  }
  for (Blocker& blocker : context.blockers) {
    redactor.replace("user", blocker.user);
    redactor.replace("app", blocker.application);
    redactor.replace("schema", blocker.schema);
    redactor.replace("table", blocker.relation);
    blocker.text.clear();
  }
  for (OldTransaction& transaction : context.transactions)
    transaction.text.clear();
  // The server's own messages name hosts and users.
  for (std::string& problem : context.problems)
    problem = problem.substr(0, problem.find(": "));
}

std::string without_folder(const Module& module) {
  const auto slash = module.path.rfind('/');
  if (module.kind != ModuleKind::kFile || slash == std::string::npos) return module.path;
  return module.path.substr(slash + 1);
}

class Collector {
 public:
  void add(std::string_view where, std::string_view text) {
    if (!text.empty()) found_.insert(Exposure{std::string(where), std::string(text)});
  }
  std::vector<Exposure> take() && { return {found_.begin(), found_.end()}; }

 private:
  std::set<Exposure> found_;
};

std::string decoded(std::string_view text) {
  struct Entity {
    std::string_view name;
    std::string_view text;
  };
  constexpr std::array<Entity, 7> kEntities{{{"&lt;", "<"},
                                             {"&gt;", ">"},
                                             {"&quot;", "\""},
                                             {"&#39;", "'"},
                                             {"&#10;", " "},
                                             {"&#9;", " "},
                                             {"&amp;", "&"}}};
  std::string out;
  while (!text.empty()) {
    const auto* const entity = std::ranges::find_if(
        kEntities, [&](const Entity& known) { return text.starts_with(known.name); });
    if (entity == kEntities.end()) {
      out += text.front();
      text.remove_prefix(1);
    } else {
      out += entity->text;
      text.remove_prefix(entity->name.size());
    }
  }
  return out;
}

bool has_letters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte | 0x20U) - 'a' < 26U;
  });
}

// The attributes that hold text for people; the others are geometry and colours of ours.
void add_attributes(Collector& found, std::string_view tag) {
  for (const std::string_view name : {"aria-label", "data-frames", "data-id", "data-waits"}) {
    const std::string start = fmt::format(" {}=\"", name);
    const auto at = tag.find(start);
    if (at == std::string_view::npos) continue;
    const std::string_view value = tag.substr(at + start.size());
    found.add(name, decoded(value.substr(0, value.find('"'))));
  }
}

}  // namespace

std::string pseudonym(std::string_view prefix, std::string_view name, const RedactionKey& key) {
  return fmt::format("{}-{:016x}", prefix, SipHash(key)(name));
}

Profile redact(Profile profile, const RedactionKey& key) {
  Redactor redactor(key);
  Recording& recording = profile.recording;
  redactor.replace("host", recording.host);
  for (Cluster& cluster : profile.clusters) {
    redactor.replace("cluster", cluster.name);
    redactor.replace("folder", cluster.data_directory);
  }
  for (Backend& backend : profile.backends) {
    redactor.replace("db", backend.database);
    redactor.replace("user", backend.user);
    redactor.replace("app", backend.application);
    backend.title.clear();
  }
  for (std::string& application : profile.applications)
    redactor.replace("app", application);
  for (Query& query : profile.queries)
    query.text.clear();
  if (profile.database) redact_database(redactor, *profile.database);
  for (Module& module : profile.modules)
    redactor.replace_with(without_folder(module), module.path);
  for (Function& function : profile.functions) {
    if (function.unnamed != Unnamed::kNamed) redactor.clean(function.name);
  }
  for (std::string& note : recording.notes)
    redactor.clean(note);
  redactor.clean(recording.sampler_reason);
  recording.command_line = recording.command_line.substr(0, recording.command_line.find(" -"));
  redactor.clean(recording.command_line);
  recording.notes.emplace_back(
      "Redacted: names of hosts, clusters, databases, users and applications are replaced by keyed "
      "hashes, query texts are removed.");
  return profile;
}

namespace {

void collect(Collector& found, const DatabaseContext& context) {
  for (const std::string& problem : context.problems)
    found.add("database problem", problem);
  found.add("version", context.version);
  found.add("database", context.database);
  for (const Setting& setting : context.settings)
    found.add("setting", setting.name + " = " + setting.value);
  for (const StatementUse& statement : context.statements) {
    found.add("database", statement.database);
    found.add("query", statement.text);
  }
  for (const TableUse& table : context.tables) {
    found.add("schema", table.schema);
    found.add("table", table.name);
    found.add("schema", table.parent_schema);
    found.add("table", table.parent);
    for (const TableColumn& column : table.columns) {
      found.add("column", column.name);
      found.add("type", column.type);
    }
  }
  for (const Blocker& blocker : context.blockers) {
    found.add("user", blocker.user);
    found.add("application", blocker.application);
    found.add("schema", blocker.schema);
    found.add("table", blocker.relation);
    found.add("query", blocker.text);
  }
  for (const OldTransaction& transaction : context.transactions)
    found.add("query", transaction.text);
}

}  // namespace

std::vector<Exposure> strings_in(const Profile& profile) {
  Collector found;
  const Recording& recording = profile.recording;
  found.add("host", recording.host);
  found.add("kernel", recording.kernel);
  found.add("command line", recording.command_line);
  found.add("sampler", recording.sampler_reason);
  for (const std::string& note : recording.notes)
    found.add("note", note);
  for (const Cluster& cluster : profile.clusters) {
    found.add("cluster", cluster.name);
    found.add("data directory", cluster.data_directory);
    found.add("version", cluster.version);
  }
  for (const Backend& backend : profile.backends) {
    found.add("database", backend.database);
    found.add("user", backend.user);
    found.add("application", backend.application);
    found.add("process title", backend.title);
    found.add("process", backend.comm);
    found.add("backend type", backend.type);
  }
  for (const std::string& application : profile.applications)
    found.add("application", application);
  for (const Query& query : profile.queries)
    found.add("query", query.text);
  if (profile.database) collect(found, *profile.database);
  for (const Module& module : profile.modules)
    found.add("module", module.path);
  for (const Function& function : profile.functions) {
    found.add("function", function.name);
    found.add("source file", function.file);
  }
  return std::move(found).take();
}

std::vector<Exposure> strings_in_svg(std::string_view svg) {
  Collector found;
  for (;;) {
    const auto open = svg.find('<');
    const std::string text = decoded(svg.substr(0, open));
    if (has_letters(text)) found.add("text", text);
    if (open == std::string_view::npos) return std::move(found).take();
    svg.remove_prefix(open);
    // Style sheet, script and profile are ours or are listed from the profile itself.
    for (const std::string_view skipped : {"style", "script", "metadata"}) {
      if (svg.starts_with(fmt::format("<{}", skipped))) {
        const std::string end = fmt::format("</{}>", skipped);
        const bool is_empty = svg.substr(0, svg.find('>')).ends_with('/');
        if (!is_empty) svg.remove_prefix(std::min(svg.find(end), svg.size()));
      }
    }
    const std::string_view tag = svg.substr(0, svg.find('>'));
    add_attributes(found, tag);
    svg.remove_prefix(std::min(tag.size() + 1, svg.size()));
  }
}

}  // namespace pgflame::report
