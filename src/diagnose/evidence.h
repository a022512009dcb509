// What the samples of one finding have in common: the material its text is filled with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/diagnose/analysis.h"

namespace pgflame::diagnose {

struct Counted {
  std::string name;
  uint64_t weight = 0;
};
using Ranking = std::vector<Counted>;  // largest first

struct Evidence {
  uint64_t weight = 0;
  Ranking functions;  // where the CPU was (innermost frames)
  Ranking claimers;   // the frames that stand for the rule
  Ranking callees;    // what those called directly
  Ranking callers;    // who called them, helpers of no meaning left out
  Ranking nodes;      // plan nodes: "the Seq Scan below the Hash Join"
  Ranking parts;      // titles of included rules
  Ranking queries;    // ids in decimal; "" where unknown
  Ranking databases;  // of several clusters with the cluster: "app, port 5432"
  Ranking clusters;   // names of ClusterIndex; "" when there are not several
  Ranking backend_types;
  std::optional<Shape> shape;  // that the text calls it: 60 % of it in one function, or jagged
};

// Whether the samples look as the condition asks.
bool has_shape(const ShapeCondition& condition, const Evidence& evidence, uint64_t total_weight);

// Of the parts' shares, 0 (one has all) to 1 (all alike).
double entropy_of(const Ranking& parts);

// "a (60 %), b (30 %), c (5 %)", shares of `whole`; parts under 2 % are left out.
std::string list(const Ranking& ranking, uint64_t whole, size_t most = 3);

// The entry that owns at least `share` of `whole`, or null.
const Counted* owner(const Ranking& ranking, uint64_t whole, double share);

// Replaces {functions}, {claimers}, {callees}, {callers}, {nodes}, {parts}; a slot without content
// becomes "unknown".
std::string fill(std::string_view text, const Evidence& evidence);

// "46 %", "4.6 %".
std::string short_percent(double share);

}  // namespace pgflame::diagnose
