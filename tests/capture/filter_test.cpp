#include "src/capture/filter.h"

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

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("a backend is left out early only for what cannot change any more") {
    const Backend shop = client(11, "shop", "alice");
    Backend untitled = shop;
    untitled.type.clear();
    const struct {
      Filter filter;
      bool may_be;
      bool is;
    } cases[] = {
        {{}, true, true},
        {filter_by(&Filter::database, "shop"), true, true},
        {filter_by(&Filter::database, "other"), false, false},
        {filter_by(&Filter::user, "bob"), false, false},
        {filter_by(&Filter::backend_type, "walsender"), false, false},
        {filter_by(&Filter::application, "pgbench"), true, false},
    };
    for (const auto& row : cases) {
      CHECK(may_be_wanted(row.filter, {}, shop) == row.may_be);
      CHECK(is_wanted(row.filter, {}, shop) == row.is);
      CHECK(may_be_wanted(row.filter, {}, untitled));
    }
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
    Profile profile = ProfileBuilder().take();
    const BackendId shop = profile.backends.add(client(11, "shop", "alice"));
    const BackendId other = profile.backends.add(client(12, "other", "alice"));
    for (const BackendId backend : {shop, other}) {
      for (const uint64_t query : {1, 2}) {
        Sample sample;
        sample.backend = backend;
        sample.query_id = query;
        sample.count = query * 10;
        profile.samples.push_back(sample);
      }
    }
    SUBCASE("by database") {
      drop_unwanted(filter_by(&Filter::database, "shop"), {}, profile);
      CHECK(account(profile).captured == 30);
      CHECK(profile.recording.losses[static_cast<size_t>(Loss::kFiltered)] == 30);
    }
    SUBCASE("by query") {
      Filter filter;
      filter.query_id = 2;
      drop_unwanted(filter, {}, profile);
      CHECK(account(profile).captured == 40);
      CHECK(profile.recording.losses[static_cast<size_t>(Loss::kFiltered)] == 20);
    }
    SUBCASE("without a filter") {
      drop_unwanted({}, {}, profile);
      CHECK(account(profile).captured == 60);
    }
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
