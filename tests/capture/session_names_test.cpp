#include "src/capture/session_names.h"

#include <array>
#include <bit>

#include <doctest/doctest.h>
#include <unistd.h>

using namespace pgflame::capture;

namespace {

struct Texts {
  std::array<char, 64> database{};
  std::array<char, 64> user{};
};

// As much of PostgreSQL's Port as is looked at, `at` words behind the addresses.
struct FakePort {
  std::array<uint64_t, 36> addresses{};
  std::array<uint64_t, 17> words{};

  FakePort(const Texts& texts, size_t at) {
    words.at(0) = 0x123456789a;  // no address of this process
    words.at(at) = std::bit_cast<uint64_t>(texts.database.data());
    words.at(at + 1) = std::bit_cast<uint64_t>(texts.user.data());
  }
};

Texts texts_of(std::string_view user, std::string_view database) {
  Texts texts;
  user.copy(texts.user.data(), texts.user.size());
  database.copy(texts.database.data(), texts.database.size());
  return texts;
}

std::optional<SessionNames> names_in(const Texts& texts, size_t at, std::string_view title) {
  const FakePort port(texts, at);
  const FakePort* const my_proc_port = &port;
  TagLayout layout;
  layout.my_proc_port = std::bit_cast<uint64_t>(&my_proc_port);
  return session_names(::getpid(), layout, title);
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("names with blanks are told apart by what the backend keeps") {
    for (const size_t at : {4U, 5U, 12U}) {  // as in 17, 15 and 18
      CAPTURE(at);
      const auto first = names_in(texts_of("odd user", "my db"), at, "odd user my db");
      REQUIRE(first);
      CHECK(first->user == "odd user");
      CHECK(first->database == "my db");
      const auto second = names_in(texts_of("odd", "user my db"), at, "odd user my db");
      REQUIRE(second);
      CHECK(second->user == "odd");
      CHECK(second->database == "user my db");
    }
    const auto walsender = names_in(texts_of("odd user", ""), 5, "odd user");
    REQUIRE(walsender);
    CHECK(walsender->user == "odd user");
    CHECK(walsender->database.empty());
  }

  TEST_CASE("names that do not make the title are not believed") {
    CHECK_FALSE(names_in(texts_of("odd user", "my db"), 5, "odd user my d"));
    CHECK_FALSE(names_in(texts_of("my db", "odd user"), 5, "odd user my db"));
    CHECK_FALSE(names_in(texts_of("", "my db"), 5, " my db"));
    CHECK_FALSE(names_in(texts_of(std::string(64, 'x'), "db"), 5, std::string(64, 'x') + " db"));
    CHECK_FALSE(session_names(::getpid(), TagLayout{}, "odd user my db"));
    TagLayout wild;
    wild.my_proc_port = 8;
    CHECK_FALSE(session_names(::getpid(), wild, "odd user my db"));
  }
}
