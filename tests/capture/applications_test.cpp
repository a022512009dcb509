#include "src/capture/applications.h"

#include <array>
#include <cstring>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "bpf/application_name.h"

using namespace pgflame;
using namespace pgflame::capture;

namespace {

// As the kernel side sees it: `name`, its 0, and what was in its place before.
uint32_t hash_over(std::string_view name, char before) {
  std::array<__u64, MAX_APPLICATION_NAME / 8> words{};
  std::memset(words.data(), before, sizeof(words));
  std::memcpy(words.data(), name.data(), name.size());
  reinterpret_cast<char*>(words.data())[name.size()] = '\0';
  return hash_of_name(words.data());
}

Sample sample_of(Profile& profile, const char* last_name) {
  Sample sample;
  Backend backend;
  backend.application = last_name;
  sample.backend = profile.backends.add(backend);
  return sample;
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("a name's hash is that of its text, whatever its place held before") {
    std::set<uint32_t> hashes;
    for (size_t size = 1; size < MAX_APPLICATION_NAME; ++size) {
      CAPTURE(size);
      const std::string name(size, 'a');
      const uint32_t hash = application_hash(name);
      for (const char before : {'\0', 'a', '\x01', '\x80', '\xff'})
        CHECK(hash_over(name, before) == hash);
      CHECK(hash > OTHER_APPLICATION);
      hashes.insert(hash);
    }
    CHECK(hashes.size() == MAX_APPLICATION_NAME - 1);
    CHECK(application_hash("") == UNKNOWN_APPLICATION);
    CHECK(hash_over("", 'x') == hash_over("", '\0'));  // a session that has none knows that
    CHECK(hash_over("", 'x') > OTHER_APPLICATION);
    const std::string too_long(100, 'a');
    CHECK(application_hash(too_long) == application_hash(too_long.substr(0, 63)));
  }

  TEST_CASE("names that differ in one byte, or are many, have different hashes") {
    std::set<uint32_t> hashes;
    for (size_t at = 0; at < 63; ++at) {
      for (int byte = 1; byte < 128; ++byte) {
        std::string name(63, 'a');
        name[at] = static_cast<char>(byte);
        hashes.insert(application_hash(name));
      }
    }
    CHECK(hashes.size() == 63 * 126 + 1);
    hashes.clear();
    for (int i = 0; i < 1000; ++i)
      hashes.insert(application_hash("worker-" + std::to_string(i)));
    CHECK(hashes.size() == 1000);
  }

  TEST_CASE("samples keep the names that are not their backend's last one") {
    ProfileBuilder builder;
    Applications applications(builder);
    Profile& profile = builder.profile();
    Sample sample = sample_of(profile, "omega");
    sample.application = applications.row_of(application_hash("alpha"));
    profile.samples.push_back(sample);
    sample.application = applications.row_of(application_hash("omega"));
    profile.samples.push_back(sample);
    sample.application = applications.row_of(application_hash("never sent"));
    profile.samples.push_back(sample);
    sample.application = applications.row_of(UNKNOWN_APPLICATION);
    CHECK_FALSE(sample.application.valid());
    applications.learn("omega");
    applications.learn(application_hash("alpha"), "alpha");  // later than the sample
    applications.settle();
    CHECK(application_name(profile, profile.samples[0]) == "alpha");
    CHECK_FALSE(profile.samples[1].application.valid());
    CHECK_FALSE(profile.samples[2].application.valid());
    CHECK(application_name(profile, profile.samples[2]) == "omega");
    CHECK(profile.recording.notes.empty());
  }

  TEST_CASE("names beyond those that are told apart are others, and a note says so") {
    ProfileBuilder builder;
    Applications applications(builder);
    Profile& profile = builder.profile();
    Sample sample = sample_of(profile, "omega");
    sample.application = applications.row_of(OTHER_APPLICATION);
    profile.samples.push_back(sample);
    applications.settle();
    CHECK(application_name(profile, profile.samples[0]) == "(others)");
    REQUIRE(profile.recording.notes.size() == 1);
    CHECK(profile.recording.notes[0].find("1024") != std::string::npos);
  }
}
