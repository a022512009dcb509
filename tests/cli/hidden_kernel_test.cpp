#include "src/cli/hidden_kernel.h"

#include <doctest/doctest.h>

namespace pgflame::cli {

TEST_SUITE("cli") {
  TEST_CASE("what hides the kernel's functions is named with its value") {
    for (const bool sees_log : {false, true}) {
      const std::string why = why_kernel_is_hidden("2\n", sees_log);
      CHECK(why.find("kernel.kptr_restrict is 2") != std::string::npos);
      CHECK(why.find("CAP_SYSLOG") != std::string::npos);
    }
    for (const char* value : {"0\n", "1\n"}) {
      CAPTURE(value);
      const std::string why = why_kernel_is_hidden(value, false);
      CHECK(why.find(std::string("kernel.kptr_restrict is ") + value[0]) != std::string::npos);
      CHECK(why.find("this process lacks CAP_SYSLOG") != std::string::npos);
      CHECK(why_kernel_is_hidden(value, true).empty());
    }
    CHECK(why_kernel_is_hidden("", false).empty());
    CHECK(why_kernel_is_hidden("two", false).empty());
  }
}

}  // namespace pgflame::cli
