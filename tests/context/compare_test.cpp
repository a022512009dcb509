#include "src/context/compare.h"

#include <doctest/doctest.h>

#include "src/context/context.h"

namespace pgflame::context {
namespace {

Look look_at(int64_t time_us, uint64_t calls) {
  Look look;
  look.state.version = "18.1";
  look.state.has_statements = true;
  look.state.interval_us = time_us;
  look.state.counters = {{"xact_commit", static_cast<int64_t>(calls) * 2}, {"backends", 7}};
  StatementUse use;
  use.query_id = 42;
  use.database = "shop";
  use.calls = calls;
  use.exec_us = calls * 10;
  look.state.statements.push_back(use);
  return look;
}

}  // namespace

TEST_SUITE("context") {
  TEST_CASE("counters become differences over the time between two looks") {
    const DatabaseContext context = compare(look_at(1'000'000, 100), look_at(4'000'000, 160), {});
    CHECK(context.interval_us == 3'000'000);
    REQUIRE(context.statements.size() == 1);
    CHECK(context.statements[0].calls == 60);
    CHECK(context.statements[0].exec_us == 600);
    CHECK(context.counters.at(0).value == 120);
    CHECK(context.counters.at(1).value == 7);  // a gauge, not a counter
    CHECK(context.problems.empty());
  }

  TEST_CASE("what did not move is left out, what is new counts from zero") {
    Look after = look_at(2, 100);
    StatementUse fresh;
    fresh.query_id = 43;
    fresh.calls = 5;
    after.state.statements.push_back(fresh);
    const DatabaseContext context = compare(look_at(1, 100), after, {});
    REQUIRE(context.statements.size() == 1);
    CHECK(context.statements[0].query_id == 43);
    CHECK(context.statements[0].calls == 5);
  }

  TEST_CASE("a reset in between is said and its counters are dropped") {
    const DatabaseContext context = compare(look_at(1, 100), look_at(2, 3), {});
    CHECK(context.statements.empty());
    CHECK(context.counters.size() == 1);
    REQUIRE(context.problems.size() == 1);
    CHECK(context.problems[0].find("reset") != std::string::npos);
  }

  TEST_CASE("without statements at the first look there is no difference of them") {
    Look before = look_at(1, 100);
    before.state.has_statements = false;
    before.state.statements.clear();
    const DatabaseContext context = compare(before, look_at(2, 200), {});
    CHECK(!context.has_statements);
    CHECK(context.statements.empty());
  }

  TEST_CASE("beyond the most expensive statements only those that were sampled are kept") {
    Look before = look_at(1, 100);
    Look after = look_at(2, 200);
    for (uint64_t id = 1000; id < 1500; ++id) {
      StatementUse use;
      use.query_id = id;
      use.calls = 1;
      use.exec_us = 1;
      after.state.statements.push_back(use);
    }
    const DatabaseContext context = compare(before, after, {1499});
    CHECK(context.statements.size() == 201);
    CHECK(context.statements.back().query_id == 1499);
  }

  TEST_CASE("the root of a queue of locks is who waits for nobody") {
    // 10 waits for 11 and 12, 11 for 13; 14 waits for a prepared transaction.
    const Rows blocked{{"10", "tuple", "{11,12}"},
                       {"11", "transactionid", "{13}"},
                       {"14", "transactionid", "{0}"}};
    CHECK(root_pids(blocked) == std::vector<std::string>{"12", "13"});
    const std::vector<Blocker> blockers = root_blockers(
        blocked, {{"13", "idle in transaction", "app", "worker", "5000000", "q"}}, {});
    REQUIRE(blockers.size() == 2);
    CHECK(blockers[0].pid == 13);
    CHECK(blockers[0].waiters == 2);
    CHECK(blockers[0].waits == "transactionid, tuple");
    CHECK(blockers[0].state == "idle in transaction");
    CHECK(blockers[0].transaction_age_us == 5'000'000);
    CHECK(blockers[1].pid == 12);
    CHECK(blockers[1].waiters == 1);
  }

  TEST_CASE("the lock named is the root's own that most of its direct victims want") {
    // 10, 11 and 15 wait for 13, 12 waits for 10.
    const Rows blocked{{"10", "transactionid", "{13}"},
                       {"11", "relation", "{13,14}"},
                       {"12", "tuple", "{10}"},
                       {"15", "relation", "{13}"}};
    const Rows locks{
        {"10", "transactionid", "ShareLock", "public", "rows", "13", "ExclusiveLock"},
        {"11", "relation", "AccessShareLock", "public", "hot", "13", "AccessExclusiveLock"},
        {"11", "relation", "AccessShareLock", "public", "hot", "14", "RowShareLock"},
        {"12", "tuple", "ExclusiveLock", "public", "rows", "0", ""},
        {"15", "relation", "AccessShareLock", "public", "hot", "13", "AccessExclusiveLock"},
        {"99", "relation", "AccessShareLock", "public", "elsewhere", "13", "ShareLock"},
        {"15"}};
    const std::vector<Blocker> blockers = root_blockers(blocked, {}, locks);
    REQUIRE(blockers.size() == 2);
    CHECK(blockers[0].pid == 13);
    CHECK(blockers[0].lock_type == "relation");
    CHECK(blockers[0].schema == "public");
    CHECK(blockers[0].relation == "hot");
    CHECK(blockers[0].wanted_mode == "AccessShareLock");
    CHECK(blockers[0].held_mode == "AccessExclusiveLock");
    CHECK(blockers[1].pid == 14);
    CHECK(blockers[1].held_mode == "RowShareLock");
    // They are gone when the locks are asked for.
    CHECK(root_blockers(blocked, {}, {})[0].lock_type.empty());
  }

  TEST_CASE("a deadlock in the making has no root and ends") {
    CHECK(root_pids({{"1", "transactionid", "{2}"}, {"2", "transactionid", "{1}"}}).empty());
  }

  TEST_CASE("numbers from the server are taken or are zero") {
    CHECK(number("-12") == -12);
    CHECK(number("12x") == 0);
    CHECK(number("99999999999999999999") == 0);
    CHECK(count("-5") == 0);
  }

  TEST_CASE("a server that is not there is a sentence, not a failure") {
    Options options;
    options.dsn = "host=/nonexistent port=1 user=nobody";
    Observer observer(options);
    const DatabaseContext context = observer.finish({});
    CHECK(!context.connected());
    REQUIRE(context.problems.size() == 1);
    CHECK(context.problems[0].starts_with("Cannot connect to the database: "));
    CHECK(context.problems[0].find('\n') == std::string::npos);
  }
}

}  // namespace pgflame::context
