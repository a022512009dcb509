#include "src/report/report.h"

namespace pgflame::report {

std::string to_svg(const Profile& /*profile*/,
                   const diagnose::Diagnosis& /*diagnosis*/,
                   const Options& /*options*/) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n";
}
std::string to_markdown(const Profile& /*profile*/, const diagnose::Diagnosis& diagnosis) {
  return diagnosis.verdict.text;
}
std::string to_json(const Profile& /*profile*/, const diagnose::Diagnosis& /*diagnosis*/) {
  return "{}";
}
std::string to_terminal(const Profile& /*profile*/, const diagnose::Diagnosis& diagnosis) {
  return diagnosis.totals.line;
}

}  // namespace pgflame::report
