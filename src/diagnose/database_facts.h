// What the server said about itself, joined to the samples by query id and put into sentences.
//
// Everything here rests on Profile::database; without it each function answers with nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/diagnose/analysis.h"
#include "src/diagnose/diagnosis.h"
#include "src/diagnose/evidence.h"
#include "src/diagnose/rule_book.h"

namespace pgflame::diagnose {

class DatabaseFacts {
 public:
  explicit DatabaseFacts(const Profile& profile)
      : profile_(profile), context_(profile.database ? &*profile.database : nullptr) {}

  bool known() const { return context_ != nullptr && context_->connected(); }

  // The sentences that a rule's `database` and `settings` ask for; `query` is the one that owns
  // the finding.
  std::string about(const std::vector<std::string>& topics,
                    const std::vector<std::string>& settings,
                    const std::optional<uint64_t>& query) const;

  // "12.3 calls/s, 1.0 rows per call, 0.4 ms of execution time per call".
  std::string statement(uint64_t query) const;
  // The statements counted under a query's id, or under its text where ids were hashed from it.
  std::vector<const StatementUse*> statements_of(uint64_t query) const;
  // How much a counter grew per second.
  std::optional<double> per_second(std::string_view counter) const;
  double seconds() const;

  // Topics that rules may name.
  static const std::vector<std::string_view>& topics();

 private:
  std::string topic(std::string_view name, const std::optional<uint64_t>& query) const;
  std::string temporary_blocks(const std::optional<uint64_t>& query) const;
  std::string temporary_files() const;
  std::string reads(const std::optional<uint64_t>& query) const;
  std::string pages(const std::optional<uint64_t>& query) const;
  std::string repeated() const;
  std::string columns(const std::optional<uint64_t>& query) const;
  std::string scanned_tables() const;
  std::string written_tables() const;
  std::string dead_rows() const;
  // "last analyzed 3 h before the recording ended"
  std::string last_done(std::string_view what, int64_t unix_seconds) const;
  std::string blockers() const;
  std::string deadlocks() const;
  std::string old_transactions() const;
  std::string wal() const;
  std::string commits() const;
  std::string checkpoints() const;
  std::string writers() const;
  std::string sessions() const;
  std::string server_io() const;

  const Profile& profile_;
  const DatabaseContext* context_;
};

// The last column, in the table's order, that a statement's text names.
struct LastColumn {
  const TableUse* table = nullptr;
  const TableColumn* column = nullptr;
  bool all = false;  // the text asks for every column (*)
};
// Nothing when the text names no table whose columns are known, when a name could belong to several
// of its tables, or when a "*" could be of something else.
std::optional<LastColumn> last_column(std::string_view sql, const DatabaseContext& context);

// The report's part about the database; see diagnosis.h.
DatabaseView view_database(const Analysis& analysis, size_t rows);

}  // namespace pgflame::diagnose
