// A session that can only read, and that never hangs: every answer has a deadline and a size limit.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/base/error.h"

namespace pgflame::context {

// Values as text; NULL is the empty string. Control characters are blanks.
using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

class Connection {
 public:
  // `dsn`: a libpq connection string or URI; what it leaves out comes from PG* variables and
  // service files as in psql. Sets read-only transactions, statement_timeout, lock_timeout and a
  // search_path of pg_catalog alone.
  static Result<Connection> open(const std::string& dsn);

  // One statement; parameters are $1, $2, ... as text. Errors: the server's message, or that it
  // did not answer in time (the connection is then closed and every further query fails).
  Result<Rows> query(const std::string& sql, std::span<const std::string> parameters = {});

 private:
  struct Session;
  struct Close {
    void operator()(Session* session) const;
  };
  explicit Connection(std::unique_ptr<Session, Close> session) : session_(std::move(session)) {}
  std::unique_ptr<Session, Close> session_;
};

}  // namespace pgflame::context
