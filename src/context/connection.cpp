#include "src/context/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <poll.h>

#include "src/base/text.h"
#include "src/context/client_library.h"

namespace pgflame::context {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kAnswerTime = std::chrono::seconds(8);  // above the server's own statement_timeout
constexpr size_t kMostBytes = size_t{32} << 20;        // of one answer
constexpr const char* kConnectSeconds = "5";

using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

// One line without control characters: server messages end in line breaks.
std::string tidy(std::string_view text) {
  std::string line(trim(text));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

std::string hint_for(std::string_view message) {
  if (message.find("eer authentication") != std::string_view::npos)
    return "pgflame runs as another system user than the database user: connect over TCP with a "
           "password from a service or password file, or map the user in pg_ident.conf";
  if (message.find("password") != std::string_view::npos)
    return "put the password into a password file (PGPASSFILE) or a service file";
  return "psql with the same connection string shows the same error";
}

}  // namespace

struct Connection::Session {
  const ClientLibrary& pq;
  PGconn* connection = nullptr;

  void close() {
    pq.finish(connection);
    connection = nullptr;
  }
};

void Connection::Close::operator()(Session* session) const {
  session->close();
  delete session;
}

namespace {

// Waits until libpq can go on; false when the time is over.
bool wait_for(const ClientLibrary& pq,
              PGconn* connection,
              bool writing,
              Clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd file{pq.socket(connection), static_cast<short>(POLLIN | (writing ? POLLOUT : 0)), 0};
    const int ready = ::poll(&file, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool flush(const ClientLibrary& pq, PGconn* connection, Clock::time_point deadline) {
  for (;;) {
    const int left = pq.flush(connection);
    if (left <= 0) return left == 0;
    if (!wait_for(pq, connection, true, deadline) || pq.consume_input(connection) == 0)
      return false;
  }
}

// The next part of the answer; null when the answer is over, nothing when the time is.
std::optional<Answer> next(const ClientLibrary& pq,
                           PGconn* connection,
                           Clock::time_point deadline) {
  while (pq.is_busy(connection) != 0) {
    if (!wait_for(pq, connection, false, deadline)) return std::nullopt;
    if (pq.consume_input(connection) == 0) break;  // the result says what happened
  }
  return Answer(pq.get_result(connection), pq.clear);
}

size_t append_rows(const ClientLibrary& pq, const PGresult* result, Rows& rows) {
  size_t bytes = 0;
  for (int r = 0; r < pq.tuples(result); ++r) {
    Row row;
    for (int c = 0; c < pq.fields(result); ++c) {
      std::string value(pq.get_value(result, r, c),
                        static_cast<size_t>(pq.get_length(result, r, c)));
      for (char& one : value) {
        if (static_cast<unsigned char>(one) < 0x20 || one == 0x7f) one = ' ';
      }
      bytes += value.size() + sizeof(std::string);
      row.push_back(std::move(value));
    }
    rows.push_back(std::move(row));
  }
  return bytes;
}

}  // namespace

Result<Connection> Connection::open(const std::string& dsn) {
  // What the string itself says comes later and wins.
  const std::array<const char*, 5> keywords{
      "connect_timeout", "fallback_application_name", "client_encoding", "dbname", nullptr};
  const std::array<const char*, 5> values{kConnectSeconds, "pgflame", "UTF8", dsn.c_str(), nullptr};
  const auto library = client_library();
  if (!library) return fail(library.error());
  const ClientLibrary& pq = **library;
  std::unique_ptr<Session, Close> session(new Session{pq});
  session->connection = pq.connect(keywords.data(), values.data(), 1);
  if (pq.status(session->connection) != CONNECTION_OK) {
    const std::string message = tidy(pq.error_message(session->connection));
    return fail(
        ErrorKind::kPermission, "cannot connect to the database: " + message, hint_for(message));
  }
  if (pq.set_nonblocking(session->connection, 1) != 0)
    return fail(ErrorKind::kSystem, "the connection to the database cannot be used");
  pq.set_notice_processor(
      session->connection, [](void*, const char*) {}, nullptr);
  Connection connection(std::move(session));
  // None of those that the report shows.
  constexpr std::array<const char*, 4> kSettings{"SET default_transaction_read_only = on",
                                                 "SET statement_timeout = '5s'",
                                                 "SET lock_timeout = '1s'",
                                                 "SET search_path = pg_catalog, pg_temp"};
  for (const char* setting : kSettings) {
    if (auto done = connection.query(setting); !done) return fail(std::move(done).error());
  }
  // Only superusers may: others' statistics will hold these questions too.
  static_cast<void>(connection.query("SET pg_stat_statements.track = 'none'"));
  return connection;
}

namespace {

bool send(const ClientLibrary& pq,
          PGconn* connection,
          const std::string& sql,
          std::span<const std::string> parameters,
          Clock::time_point deadline) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters)
    values.push_back(parameter.c_str());
  return pq.send_query(connection,
                       sql.c_str(),
                       static_cast<int>(values.size()),
                       nullptr,
                       values.data(),
                       nullptr,
                       nullptr,
                       0) == 1 &&
         pq.set_single_row_mode(connection) == 1 && flush(pq, connection, deadline);
}

}  // namespace

Result<Rows> Connection::query(const std::string& sql, std::span<const std::string> parameters) {
  const auto deadline = Clock::now() + kAnswerTime;
  const ClientLibrary& pq = session_->pq;
  PGconn* connection = session_->connection;
  const auto broken = [this](const char* why) {
    session_->close();
    return fail(ErrorKind::kSystem, why);
  };
  if (connection == nullptr)
    return fail(ErrorKind::kSystem, "the connection to the database was given up");
  if (!send(pq, connection, sql, parameters, deadline))
    return broken("the connection to the database was lost");
  Rows rows;
  std::string error;
  size_t bytes = 0;
  for (;;) {
    auto answer = next(pq, connection, deadline);
    if (!answer) return broken("the database did not answer within 8 s");
    if (*answer == nullptr) break;
    const ExecStatusType status = pq.result_status(answer->get());
    if (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK) {
      bytes += append_rows(pq, answer->get(), rows);
      if (bytes > kMostBytes) return broken("the database's answer is larger than 32 MB");
    } else if (status != PGRES_COMMAND_OK && error.empty()) {
      error = tidy(pq.result_error_message(answer->get()));
      if (error.empty()) error = "the connection to the database was lost";
    }
  }
  if (!error.empty()) return fail(ErrorKind::kPermission, error);
  return rows;
}

}  // namespace pgflame::context
