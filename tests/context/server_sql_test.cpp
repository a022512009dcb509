#include "src/context/server_sql.h"

#include <doctest/doctest.h>

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

  TEST_CASE("the schema of pg_stat_statements is the extension's own") {
    CHECK(contains(statements_sql("\"odd \"\"name\"\"\""),
                   "FROM \"odd \"\"name\"\"\".pg_stat_statements(false)"));
  }
}

}  // namespace pgflame::context
