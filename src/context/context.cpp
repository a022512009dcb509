#include "src/context/context.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "src/context/compare.h"
#include "src/context/connection.h"
#include "src/context/look.h"
#include "src/context/server_sql.h"

namespace pgflame::context {
namespace {

constexpr size_t kMostDescribedTables = 50;
constexpr size_t kMostColumns = 1600;  // MaxHeapAttributeNumber, src/include/access/htup_details.h

std::string sentence(const Error& error) {
  std::string text = error.what;
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  if (!text.ends_with('.')) text += '.';
  return error.hint.empty() ? text : fmt::format("{} Hint: {}.", text, error.hint);
}

std::string array_of(const std::vector<std::string>& values) {
  return fmt::format("{{{}}}", fmt::join(values, ","));
}

// Asks what only the statements and tables that matter are asked for.
class Describer {
 public:
  Describer(Connection& connection, const Options& options, DatabaseContext& context)
      : connection_(connection), options_(options), context_(context) {}

  void texts(const std::string& schema) {
    if (schema.empty() || !options_.clean_text) return;
    std::vector<std::string> ids;
    for (const StatementUse& use : context_.statements)
      ids.push_back(std::to_string(static_cast<int64_t>(use.query_id)));
    const std::array<std::string, 1> parameters{array_of(ids)};
    const auto rows = connection_.query(statement_texts_sql(schema), parameters);
    if (!rows) return problem("the texts of the statements", rows.error());
    std::map<uint64_t, std::string> texts;
    for (const Row& row : *rows) {
      if (row.size() == 2) texts[static_cast<uint64_t>(number(row[0]))] = row[1];
    }
    for (StatementUse& use : context_.statements) {
      const auto found = texts.find(use.query_id);
      if (found == texts.end()) continue;
      use.text = options_.clean_text(found->second);
      if (options_.text_id) use.text_id = options_.text_id(found->second);
    }
  }

  // `oids` belong to the tables of the second look, in its order.
  void columns(const std::map<std::pair<std::string, std::string>, std::string>& oids) {
    std::map<std::string, TableUse*> tables;
    std::vector<std::string> wanted;
    for (TableUse& table : context_.tables) {
      const auto oid = oids.find({table.schema, table.name});
      if (oid == oids.end() || wanted.size() == kMostDescribedTables) continue;
      wanted.push_back(oid->second);
      tables[oid->second] = &table;
    }
    const std::array<std::string, 1> parameters{array_of(wanted)};
    const auto rows = connection_.query(columns_sql(), parameters);
    if (!rows) return problem("the columns of the tables", rows.error());
    for (const Row& row : *rows) {
      if (row.size() != 8) continue;
      const auto table = tables.find(row[0]);
      if (table == tables.end() || table->second->columns.size() >= kMostColumns) continue;
      // The statements name the partitioned table, whose columns may stand in another order.
      table->second->parent_schema = row[1];
      table->second->parent = row[2];
      table->second->columns.push_back(
          {row[3], row[4], static_cast<int>(number(row[5]) % 10000), row[6] == "t", row[7] == "t"});
    }
  }

 private:
  void problem(std::string_view what, const Error& error) {
    context_.problems.push_back(fmt::format("Could not read {}: {}.", what, error.what));
  }

  Connection& connection_;
  const Options& options_;
  DatabaseContext& context_;
};

}  // namespace

struct Observer::Session {
  Options options;
  std::optional<Connection> connection;
  std::optional<Look> first;
  std::string problem;
  std::thread looking;

  void take_first() {
    auto taken = look(*connection);
    if (taken) {
      first = std::move(*taken);
    } else {
      problem = sentence(taken.error());
    }
  }
};

Observer::Observer(Options options) : session_(std::make_unique<Session>()) {
  session_->options = std::move(options);
  auto connection = Connection::open(session_->options.dsn);
  if (!connection) {
    session_->problem = sentence(connection.error());
    return;
  }
  session_->connection = std::move(*connection);
}

Observer::~Observer() {
  if (session_->looking.joinable()) session_->looking.join();
}

void Observer::begin() {
  if (!session_->connection || session_->looking.joinable()) return;
  session_->looking = std::thread([session = session_.get()] { session->take_first(); });
}

DatabaseContext Observer::finish(const std::vector<uint64_t>& query_ids) {
  DatabaseContext context;
  begin();
  if (session_->looking.joinable()) session_->looking.join();
  if (!session_->first) {
    context.problems.push_back(session_->problem);
    return context;
  }
  auto last = look(*session_->connection);
  if (!last) {
    context.problems.push_back(
        "The second look at the database failed, so nothing of it can be said: " +
        last.error().what + ".");
    return context;
  }
  std::map<std::pair<std::string, std::string>, std::string> oids;
  for (size_t i = 0; i < last->state.tables.size(); ++i) {
    const TableUse& table = last->state.tables[i];
    oids[{table.schema, table.name}] = last->table_oids[i];
  }
  const std::string schema = last->statements_schema;
  context = compare(*session_->first, *std::move(last), query_ids);
  Describer describer(*session_->connection, session_->options, context);
  describer.texts(schema);
  describer.columns(oids);
  const auto clean = [this](std::string& text) {
    text = session_->options.clean_text ? session_->options.clean_text(text) : std::string();
  };
  for (Blocker& blocker : context.blockers)
    clean(blocker.text);
  for (OldTransaction& transaction : context.transactions)
    clean(transaction.text);
  return context;
}

}  // namespace pgflame::context
