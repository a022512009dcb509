#include "src/capture/choose_sampler.h"

#include <doctest/doctest.h>

using namespace pgflame;
using namespace pgflame::capture;

TEST_SUITE("capture") {
  TEST_CASE("the reason for a sampler tells what stood in the way of each better one") {
    const Error no_btf{ErrorKind::kUnsupported, "there is no BTF", "use a kernel with BTF"};
    const Error no_headers{ErrorKind::kUnsupported, "there are no headers", "install them"};
    const Error no_hint{ErrorKind::kSystem, "it failed", ""};
    CHECK(why_this_sampler(SamplerChoice::kBpf, false, {}) ==
          "The BPF sampler is the best one, and it works here.");
    CHECK(why_this_sampler(SamplerChoice::kBcc, false, {no_btf}) ==
          "The bcc sampler had to do. bpf: there is no BTF (use a kernel with BTF).");
    CHECK(why_this_sampler(SamplerChoice::kPerf, false, {no_hint, no_headers}) ==
          "The perf_event sampler had to do. bpf: it failed; bcc: there are no headers (install "
          "them).");
    CHECK(
        why_this_sampler(SamplerChoice::kPerf, false, {no_btf, no_btf}) ==
        "The perf_event sampler had to do. bpf and bcc: there is no BTF (use a kernel with BTF).");
  }

  TEST_CASE("what the perf_event sampler cannot do is said") {
    Options options;
    CHECK(beyond_perf(options).empty());
    options.verify_unwind = 100;
    REQUIRE(beyond_perf(options).size() == 1);
    CHECK(beyond_perf(options)[0].find("--verify-unwind") != std::string::npos);
    CHECK(beyond_perf(options)[0].find("--sampler bpf") != std::string::npos);
    options.mode = Mode::kWall;
    CHECK(beyond_perf(options).size() == 2);
  }

  TEST_CASE("the reason for a sampler that was asked for is that it was") {
    CHECK(why_this_sampler(SamplerChoice::kBcc, true, {}) ==
          "The bcc sampler was asked for with --sampler bcc.");
    CHECK(why_this_sampler(SamplerChoice::kPerf, true, {}) ==
          "The perf_event sampler was asked for with --sampler perf.");
  }
}
