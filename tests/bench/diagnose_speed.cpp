// CPU time of a diagnosis: of captures as they are, and spread over 60 000 distinct stacks.
//   pgflame_diagnose_speed CAPTURE.pb.gz...
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "src/base/file.h"
#include "src/diagnose/diagnose.h"
#include "src/profile/builder.h"
#include "src/profile/pprof.h"

namespace {

using namespace pgflame;

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double median_ms(const Profile& profile) {
  std::vector<double> times;
  for (int run = 0; run < 9; ++run) {
    const double start = cpu_ms();
    const diagnose::Diagnosis diagnosis = diagnose::diagnose(profile);
    times.push_back(cpu_ms() - start);
    if (diagnosis.activities.empty()) std::puts("nothing was on CPU");
  }
  std::nth_element(times.begin(), times.begin() + 4, times.end());
  return times[4];
}

// The same samples, each on a stack of its own: a leaf that nobody knows below the real ones.
Profile spread(const Profile& profile, size_t stacks) {
  ProfileBuilder builder{Profile(profile)};
  std::vector<Sample> running;
  for (const Sample& sample : profile.samples) {
    if (sample.state == State::kRunning) running.push_back(sample);
  }
  for (size_t i = 0; i < stacks && !running.empty(); ++i) {
    Function function;
    function.name = "leaf_" + std::to_string(i % 4000);
    function.tier = NameTier::kGiven;
    const std::array<Line, 1> lines{Line{builder.function(function), 0}};
    Sample sample = running[i % running.size()];
    sample.stack = builder.push(sample.stack, builder.named_location({}, i, lines));
    sample.second = static_cast<uint32_t>(i);
    builder.add(sample);
  }
  return std::move(builder).take();
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("%-40s %10s %12s %14s\n", "capture", "samples", "as it is", "60 000 stacks");
  diagnose::RuleBook::builtin();  // parsed once per process
  for (int i = 1; i < argc; ++i) {
    const auto bytes = read_file(argv[i], size_t{1} << 30);
    const auto profile = bytes ? read_pprof(*bytes) : Result<Profile>(fail(Error(bytes.error())));
    if (!profile) {
      std::printf("%s: %s\n", argv[i], profile.error().what.c_str());
      return 1;
    }
    const std::string path = argv[i];
    std::printf("%-40s %10zu %9.1f ms %11.1f ms\n",
                path.substr(path.rfind('/') + 1).c_str(),
                profile->samples.size(),
                median_ms(*profile),
                median_ms(spread(*profile, 60'000)));
  }
}
