#include "src/capture/queries.h"

#include <utility>

#include "src/base/hash_index.h"
#include "src/capture/sql_text.h"

namespace pgflame::capture {
namespace {

// Applications that put values into names make new texts for ever.
constexpr size_t kMaxQueries = 20'000;
constexpr size_t kMaxRawTexts = 65'536;

}  // namespace

uint64_t Queries::identify(uint64_t query_id, std::string_view text) {
  if (text.empty() || keep_ == QueryText::kNone) return query_id;
  if (query_id != 0 && known_.contains(query_id)) return query_id;
  const uint64_t raw = hash_bytes(text);
  if (const auto seen = hash_of_raw_.find(raw); query_id == 0 && seen != hash_of_raw_.end()) {
    return id_of_text_.at(seen->second);
  }
  const std::string normalized = without_literals(text);
  if (normalized.empty()) return query_id;
  const uint64_t hash = query_id_of_text(normalized);
  const auto known = id_of_text_.find(hash);
  if (query_id != 0 || known == id_of_text_.end()) {
    if (rows_.size() >= kMaxQueries) return query_id;
    add(query_id, hash, keep_ == QueryText::kRaw ? std::string(text) : normalized);
  }
  if (hash_of_raw_.size() >= kMaxRawTexts) hash_of_raw_.clear();
  hash_of_raw_.emplace(raw, hash);
  return query_id != 0 ? query_id : id_of_text_.at(hash);
}

void Queries::add(uint64_t query_id, uint64_t hash, std::string text) {
  Query query;
  query.id = query_id != 0 ? query_id : hash;
  query.id_is_text_hash = query_id == 0;
  query.text = std::move(text);
  // The first id wins; the same text under another user or database has another one.
  uint64_t& id = id_of_text_[hash];
  if (id == 0 || id == hash) id = query.id;
  known_.insert(query.id);
  rows_.push_back(std::move(query));
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
