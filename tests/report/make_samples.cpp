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

std::string sample_diff() {
  const SampleReport before = pgflame::testing::sample_report();
  const SampleReport after = pgflame::testing::sample_report_after();
  return pgflame::report::to_diff_svg(
      before.profile, after.profile, pgflame::diagnose::compare(before.profile, after.profile));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace pgflame::testing;
  const std::string folder = std::string(argv[1]) + '/';
  const SampleReport mixed = sample_report();
  const bool done = write(folder + "mixed.svg", mixed) &&
                    write(folder + "static.svg", mixed, false) &&
                    write(folder + "after.svg", sample_report_after()) &&
                    write(folder + "large.svg", large_report(30'000)) &&
                    write(folder + "hostile.svg", hostile_report()) &&
                    write(folder + "withheld.svg", withheld_report()) &&
                    write(folder + "diff.svg", sample_diff());
  return done ? 0 : 1;
}
