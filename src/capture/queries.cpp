#include "src/capture/queries.h"

#include "src/capture/sql_text.h"

namespace pgflame::capture {
namespace {

// Applications that put values into names make new texts for ever.
constexpr size_t kMaxQueries = 20'000;

}  // namespace

uint64_t Queries::identify(uint64_t query_id, std::string_view text) {
  if (text.empty() || keep_ == QueryText::kNone || rows_.size() >= kMaxQueries) return query_id;
  if (query_id != 0 && known_.contains(query_id)) return query_id;
  const std::string normalized = without_literals(text);
  if (normalized.empty()) return query_id;
  const uint64_t hash = query_id_of_text(normalized);
  Query query;
  query.id = query_id;
  if (query_id == 0) {
    const auto [known, added] = id_of_text_.try_emplace(hash, hash);
    if (!added) return known->second;
    query.id = hash;
    query.id_is_text_hash = true;
  } else {
    // The first id wins; the same text under another user or database has another one.
    uint64_t& id = id_of_text_[hash];
    if (id == 0 || id == hash) id = query_id;
  }
  query.text = keep_ == QueryText::kRaw ? std::string(text) : normalized;
  known_.insert(query.id);
  rows_.push_back(std::move(query));
  return rows_.back().id;
}

Queries::Result Queries::finish() const {
  Result result;
  for (const auto& [hash, id] : id_of_text_) {
    if (hash != id) result.real_ids[hash] = id;
  }
  for (const Query& query : rows_) {
    if (!query.id_is_text_hash || !result.real_ids.contains(query.id)) {
      result.queries.push_back(query);
    }
  }
  return result;
}

}  // namespace pgflame::capture
