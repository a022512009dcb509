#include "src/capture/privileges.h"

#include <array>

#include <linux/capability.h>
#include <sys/wait.h>

#include <doctest/doctest.h>
#include <unistd.h>

using namespace pgflame::capture;

namespace {

// Runs `check` in a child of its own, because privileges that are dropped stay dropped.
template <typename Check>
bool in_a_child(Check&& check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check() ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("dropped privileges are gone for good, kept and asked-for ones stay") {
    const bool had_ptrace = has_privilege(CAP_SYS_PTRACE);
    const bool had_override = has_privilege(CAP_DAC_OVERRIDE);
    CHECK(in_a_child([&] {
      constexpr std::array<int, 1> kAlso{CAP_DAC_OVERRIDE};
      return drop_privileges(kAlso).has_value() && !has_privilege(CAP_SYS_ADMIN) &&
             !has_privilege(CAP_SETUID) && has_privilege(CAP_SYS_PTRACE) == had_ptrace &&
             has_privilege(CAP_DAC_OVERRIDE) == had_override && drop_privileges({}).has_value() &&
             !has_privilege(CAP_DAC_OVERRIDE);
    }));
  }

  TEST_CASE("the message names exactly the capabilities that are missing") {
    CHECK(in_a_child([] {
      constexpr std::array<int, 0> kNothing{};
      if (!drop_privileges(kNothing)) return false;
      const bool had_ptrace = has_privilege(CAP_SYS_PTRACE);
      const std::string missing = missing_privileges();
      const std::string expected =
          had_ptrace ? "CAP_BPF" : "CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE";
      return missing == expected &&
             permission_error("no").what.find("lacks " + missing) != std::string::npos;
    }));
  }

  TEST_CASE("an action is tried without capabilities that are back afterwards") {
    constexpr std::array<int, 1> kPtrace{CAP_SYS_PTRACE};
    const bool had = has_privilege(CAP_SYS_PTRACE);
    CHECK(works_without(kPtrace, [] { return !has_privilege(CAP_SYS_PTRACE); }));
    CHECK(has_privilege(CAP_SYS_PTRACE) == had);
  }
}
