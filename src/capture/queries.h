// The queries of a recording: their ids and texts.
//
// The sampler sends the text of a query id once, and that of statements without an id (the server
// computes none, or has not got that far) with every sample. Those get the hash of their text as
// id, or the real one if the same text was seen with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/capture/capture.h"
#include "src/capture/tag_layout.h"

namespace pgflame::capture {

class Queries {
 public:
  explicit Queries(QueryText keep) : keep_(keep) {}

  // The id that a sample belongs to; 0 when none is known. Remembers a text that is new.
  uint64_t identify(uint64_t query_id, std::string_view text);

  uint64_t identify(const Statement& statement) {
    return identify(statement.query_id, statement.text);
  }

  // The queries, and what to make of ids that identify() returned: a statement may have shown up
  // without its id before it did with it.
  struct Result {
    std::vector<Query> queries;
    std::unordered_map<uint64_t, uint64_t> real_ids;  // by the text hash that stood in
  };
  Result finish() const;

 private:
  void add(uint64_t query_id, uint64_t hash, std::string text);

  QueryText keep_;
  std::vector<Query> rows_;
  std::unordered_set<uint64_t> known_;
  std::unordered_map<uint64_t, uint64_t> id_of_text_;  // by the hash of the text without literals
  // That hash by the one of the very text: what comes again and again is taken apart once.
  std::unordered_map<uint64_t, uint64_t> hash_of_raw_;
};

}  // namespace pgflame::capture
