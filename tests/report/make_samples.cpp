// Writes the sample reports into a folder, for the browser tests and the pictures.
#include <cstdio>
#include <string>

#include "src/base/file.h"
#include "src/report/report.h"
#include "tests/support/sample_report.h"

using pgflame::testing::SampleReport;

namespace {

bool write(const std::string& path, const std::string& text) {
  const auto written = pgflame::write_file_atomically(path, text, pgflame::Overwrite::kAllow);
  if (!written) std::fprintf(stderr, "%s\n", written.error().what.c_str());
  return written.has_value();
}

bool write(const std::string& path, const SampleReport& report, bool embed = true) {
  pgflame::report::Options options;
  options.embed_profile = embed;
  return write(path, pgflame::report::to_svg(report.profile, report.diagnosis, options));
}

std::string diff_of(const SampleReport& before, const SampleReport& after) {
  return pgflame::report::to_diff_svg(
      before.profile, after.profile, pgflame::diagnose::compare(before.profile, after.profile));
}

// Names that nobody chose, for the check that every report is well-formed.
bool write_fuzzed(const std::string& folder) {
  constexpr uint32_t kReports = 20;
  for (uint32_t seed = 1; seed <= kReports; ++seed) {
    const std::string path = folder + "fuzzed-" + std::to_string(seed) + ".svg";
    if (!write(path, pgflame::testing::fuzzed_report(seed))) return false;
  }
  return write(folder + "fuzzed-diff.svg",
               diff_of(pgflame::testing::fuzzed_report(1), pgflame::testing::fuzzed_report(2)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace pgflame::testing;
  const std::string folder = std::string(argv[1]) + '/';
  const SampleReport mixed = sample_report();
  const bool done =
      write(folder + "mixed.svg", mixed) && write(folder + "static.svg", mixed, false) &&
      write(folder + "after.svg", sample_report_after()) &&
      write(folder + "large.svg", large_report(30'000)) &&
      write(folder + "hostile.svg", hostile_report()) &&
      write(folder + "withheld.svg", withheld_report()) &&
      write(folder + "diff.svg", diff_of(mixed, sample_report_after())) &&
      write(folder + "hostile-diff.svg", diff_of(hostile_report(), hostile_report_after())) &&
      write_fuzzed(folder);
  return done ? 0 : 1;
}
