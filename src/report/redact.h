// Privacy: what a capture says about the people and systems it comes from, and how to take it out.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "src/profile/profile.h"

namespace pgflame::report {

// Stays on the host: with it equal names stay equal in all reports of the host, without it nobody
// can test a guessed name against a report.
using RedactionKey = std::array<uint64_t, 2>;

// "db-1f6a09c3e2b4d587": SipHash-2-4 of the name under the key.
std::string pseudonym(std::string_view prefix, std::string_view name, const RedactionKey& key);

// Replaces the names of hosts, clusters, databases, users and applications, and folders of modules;
// removes query texts, process titles and the arguments of the command line. A note says so.
Profile redact(Profile profile, const RedactionKey& key);

// One string that a reader could find, and where.
struct Exposure {
  std::string where;  // "database", "query", "function"...
  std::string text;
  friend bool operator<(const Exposure& a, const Exposure& b) {
    return std::tie(a.where, a.text) < std::tie(b.where, b.text);
  }
};

// Every string in a profile, each once, sorted by where and text.
std::vector<Exposure> strings_in(const Profile& profile);

// Every text and attribute of an SVG report that holds letters, each once; style sheet, script and
// embedded profile left out.
std::vector<Exposure> strings_in_svg(std::string_view svg);

}  // namespace pgflame::report
