#include "src/capture/sql_text.h"

#include <doctest/doctest.h>

#include "src/capture/queries.h"

using namespace pgflame;
using namespace pgflame::capture;

TEST_SUITE("capture") {
  TEST_CASE("literals become numbers, everything else stays") {
    struct Row {
      const char* sql;
      const char* expected;
    };
    const Row rows[] = {
        {"select * from t where a = 42", "select * from t where a = $1"},
        {"SELECT 'it''s' || E'a\\'b' || name FROM t", "SELECT $1 || $2 || name FROM t"},
        {"select 1.5e-3, .5, 0x1F, 1_000, -7", "select $1, $2, $3, $4, -$5"},
        {"select $$a'b$$, $x$ $$ $x$, $1", "select $1, $2, $1"},
        {"select B'101', x'ff', N'n', U&'\\0061', u&'a'", "select $1, $2, $3, $4, $5"},
        {"select \"It's 5\" from t1 where c2=3", "select \"It's 5\" from t1 where c2=$1"},
        {"select 1 -- secret 'x'\n, 2 /* also /* nested */ secret */ from t",
         "select $1 , $2 from t"},
        {"  select\n\t 1  ", "select $1"},
        {"where a in (1, 2, 3) and b", "where a in ($1, ...) and b"},
        {"where a IN ('x','y') or c in (select 1)", "where a IN ($1, ...) or c in (select $2)"},
        {"where a in (1) and b in (x, 2)", "where a in ($1) and b in (x, $2)"},
        {"insert into t values (1, 'a'), (2, 'b')", "insert into t values ($1, $2), ($3, $4)"},
        {"select a$1b, été from tab", "select a$1b, été from tab"},
        {"select a::int[1:2]", "select a::int[$1:$2]"},
        {"", ""},
        {"-- nothing", ""},
    };
    for (const Row& row : rows) {
      CAPTURE(row.sql);
      CHECK(without_literals(row.sql) == row.expected);
    }
  }

  TEST_CASE("a literal that is cut off leaves nothing behind") {
    for (const char* sql : {"select '\\', 'secret'",
                            "select 'it\\'s secret'",
                            "select 'secret",
                            "select $$secret",
                            "select $tag$secret $ta",
                            "select E'sec\\'ret",
                            "select /* secret",
                            "select 'a\\'secret'",
                            "select $tag_secret",
                            "select U&'secret",
                            "select -- secret"}) {
      CAPTURE(sql);
      CHECK(without_literals(sql).find("secret") == std::string::npos);
      CHECK(without_literals(sql).starts_with("select"));
    }
  }

  TEST_CASE("no byte of a literal survives wherever the text is cut") {
    const std::string sql =
        "select 'SECRET''SECRET', E'\\\\SECRET', $q$SECRET$q$, U&'SECRET' from t where x in "
        "('SECRET', 'SECRET') /* SECRET */ -- SECRET";
    for (size_t size = 0; size <= sql.size(); ++size) {
      CAPTURE(size);
      CHECK(without_literals(sql.substr(0, size)).find("SEC") == std::string::npos);
    }
  }

  TEST_CASE("texts that differ in literals only have one id") {
    const auto id = [](const char* sql) { return query_id_of_text(without_literals(sql)); };
    CHECK(id("select 1") == id("select  /* x */ 2"));
    CHECK(id("select 1") != id("select 1 from t"));
    CHECK(id("") != 0);
  }
}

TEST_SUITE("capture") {
  TEST_CASE("a statement without id gets its text's hash until its id is known") {
    Queries queries(QueryText::kNormalized);
    CHECK(queries.identify(0, "") == 0);
    const uint64_t stand_in = queries.identify(0, "select 1");
    CHECK(stand_in != 0);
    CHECK(queries.identify(0, "select 2") == stand_in);
    CHECK(queries.identify(0, "select 2") == stand_in);  // the very text again
    const uint64_t other = queries.identify(0, "select 1 from t");
    CHECK(queries.identify(77, "select 3") == 77);
    CHECK(queries.identify(0, "select 4") == 77);
    CHECK(queries.identify(0, "select 2") == 77);
    CHECK(queries.identify(77, "select 3, 4") == 77);  // a known id is not looked at again
    const auto result = queries.finish();
    CHECK(result.real_ids.at(stand_in) == 77);
    CHECK_FALSE(result.real_ids.contains(other));
    REQUIRE(result.queries.size() == 2);
    CHECK(result.queries[0].id == other);
    CHECK(result.queries[0].id_is_text_hash);
    CHECK(result.queries[1].text == "select $1");
    CHECK_FALSE(result.queries[1].id_is_text_hash);
  }

  TEST_CASE("texts are kept raw or not at all when the user says so") {
    Queries raw(QueryText::kRaw);
    raw.identify(5, "select 'x'");
    CHECK(raw.finish().queries.at(0).text == "select 'x'");
    Queries none(QueryText::kNone);
    CHECK(none.identify(5, "select 'x'") == 5);
    CHECK(none.identify(0, "select 'x'") == 0);
    CHECK(none.finish().queries.empty());
  }
}
