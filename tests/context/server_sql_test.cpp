#include "src/context/server_sql.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "src/postgres/settings.h"

namespace pgflame::context {
namespace {

std::string all_counters(int major) {
  std::string text;
  for (const std::string& sql : counters_sql(major))
    text += sql + "\n";
  return text;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

// That a server of each major understands them is tested live.
TEST_SUITE("context") {
  TEST_CASE("each major is asked for the views that it has") {
    CHECK(!contains(all_counters(13), "pg_stat_wal"));
    CHECK(contains(all_counters(14), "pg_stat_wal"));
    CHECK(contains(all_counters(16), "buffers_backend"));
    CHECK(!contains(all_counters(17), "buffers_backend"));
    CHECK(contains(all_counters(17), "pg_stat_checkpointer"));
    CHECK(io_sql(15).empty());
    CHECK(contains(io_sql(16), "pg_stat_io"));
  }

  TEST_CASE(
      "the settings that rules may name are asked for, and nothing breaks out of its quotes") {
    const std::string sql = settings_sql();
    for (const std::string_view name : postgres::asked_settings()) {
      CAPTURE(name);
      CHECK(contains(sql, "'" + std::string(name) + "'"));
      CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_.") == std::string_view::npos);
    }
    CHECK(std::ranges::is_sorted(postgres::asked_settings()));
  }

  TEST_CASE("the schema of pg_stat_statements is the extension's own") {
    CHECK(contains(statements_sql("\"odd \"\"name\"\"\""),
                   "FROM \"odd \"\"name\"\"\".pg_stat_statements(false)"));
  }
}

}  // namespace pgflame::context
