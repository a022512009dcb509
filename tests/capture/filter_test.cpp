#include "src/capture/filter.h"

#include <utility>

#include <doctest/doctest.h>

#include "src/capture/targets.h"
#include "src/profile/builder.h"

using namespace pgflame;
using namespace pgflame::capture;

namespace {

Backend client(int32_t pid, const char* database, const char* user) {
  Backend backend;
  backend.pid = pid;
  backend.postmaster = 10;
  backend.type = "client backend";
  backend.database = database;
  backend.user = user;
  backend.application = "psql";
  return backend;
}

Filter filter_by(std::string Filter::*field, const char* value) {
  Filter filter;
  filter.*field = value;
  return filter;
}

// Of two backends, in databases "shop" and "other", with 10 samples of query 1 and 20 of query 2
// each.
std::pair<uint64_t, uint64_t> kept_and_filtered(const Filter& filter) {
  Profile profile = ProfileBuilder().take();
  for (const char* database : {"shop", "other"}) {
    Sample sample;
    sample.backend = profile.backends.add(client(11, database, "alice"));
    for (const uint64_t query : {uint64_t{1}, uint64_t{2}}) {
      sample.query_id = query;
      sample.count = query * 10;
      profile.samples.push_back(sample);
    }
  }
  drop_unwanted(filter, {}, profile);
  return {account(profile).captured,
          profile.recording.losses[static_cast<size_t>(Loss::kFiltered)]};
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("a backend is left out early only for what cannot change any more") {
    const Backend shop = client(11, "shop", "alice");
    Backend untitled = shop;
    untitled.type.clear();
    const auto judged = [&](const Filter& filter) {
      return std::pair(may_be_wanted(filter, {}, shop), is_wanted(filter, {}, shop));
    };
    CHECK(judged({}) == std::pair(true, true));
    CHECK(judged(filter_by(&Filter::database, "shop")) == std::pair(true, true));
    CHECK(judged(filter_by(&Filter::database, "other")) == std::pair(false, false));
    CHECK(judged(filter_by(&Filter::user, "bob")) == std::pair(false, false));
    CHECK(judged(filter_by(&Filter::backend_type, "walsender")) == std::pair(false, false));
    CHECK(judged(filter_by(&Filter::application, "pgbench")) == std::pair(true, false));
    CHECK(may_be_wanted(filter_by(&Filter::database, "other"), {}, untitled));
  }

  TEST_CASE("single backends bring their parallel workers, whole clusters everything") {
    Backend worker = client(12, "", "");
    worker.type = "parallel worker";
    worker.leader = 11;
    CHECK(is_wanted({}, {11}, client(11, "a", "b")));
    CHECK(is_wanted({}, {11}, worker));
    CHECK_FALSE(is_wanted({}, {13}, worker));
    CHECK_FALSE(may_be_wanted({}, {13}, worker));
    CHECK(is_wanted({}, {13, 10}, worker));
  }

  TEST_CASE("what is left out is counted, and nothing else changes") {
    Filter query;
    query.query_id = 2;
    CHECK(kept_and_filtered({}) == std::pair<uint64_t, uint64_t>(60, 0));
    CHECK(kept_and_filtered(query) == std::pair<uint64_t, uint64_t>(40, 20));
    const Filter shop = filter_by(&Filter::database, "shop");
    CHECK(kept_and_filtered(shop) == std::pair<uint64_t, uint64_t>(30, 30));
  }

  TEST_CASE("what a session did under another name is judged by that name") {
    Profile profile = ProfileBuilder().take();
    Sample sample;
    sample.backend = profile.backends.add(client(11, "shop", "alice"));  // "psql" in the end
    sample.count = 1;
    profile.samples.push_back(sample);
    sample.application = profile.applications.add("batch");
    sample.count = 20;
    profile.samples.push_back(sample);
    const auto kept = [&](const char* wanted, bool whole) {
      Profile copy = profile;
      CHECK(drop_unwanted(filter_by(&Filter::application, wanted), {}, copy) == whole);
      return account(copy).captured;
    };
    CHECK(kept("psql", false) == 1);
    CHECK(kept("batch", false) == 20);
    CHECK(kept("other", true) == 0);
    // What others call themselves is no matter.
    CHECK(drop_unwanted(filter_by(&Filter::database, "shop"), {}, profile));
    profile.backends[sample.backend].database = "other";
    Filter both = filter_by(&Filter::application, "psql");
    both.database = "shop";
    CHECK(drop_unwanted(both, {}, profile));
  }

  TEST_CASE("a control group is named by path or by a part of its name") {
    const struct {
      const char* cgroup;
      const char* wanted;
      bool in;
    } cases[] = {
        {"/system.slice/docker-0123abcd.scope", "/system.slice", true},
        {"/system.slice/docker-0123abcd.scope", "/sys/fs/cgroup/system.slice/", true},
        {"/system.slice/docker-0123abcd.scope", "0123abcd", true},
        {"/docker/0123abcd", "/sys/fs/cgroup/memory/docker", true},
        {"/docker/0123abcd", "/sys/fs/cgroup/memory/other", false},
        {"/system.slice/docker-0123abcd.scope", "/system", false},
        {"/system.slice", "/system.slice/docker", false},
        {"/system.slice", "", true},
        {"", "/system.slice", false},
    };
    for (const auto& row : cases) {
      CAPTURE(row.wanted);
      CHECK(in_cgroup(row.cgroup, row.wanted) == row.in);
    }
  }
}
