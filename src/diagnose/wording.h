// Sentences from evidence.
#pragma once

#include <string>
#include <vector>

#include "src/diagnose/evidence.h"
#include "src/diagnose/rule_book.h"

namespace pgflame::diagnose {

class Wording {
 public:
  explicit Wording(const Profile& profile);

  // Shape, functions, callers, plan nodes, and who owns it.
  std::string seen(const Rule& rule, const Evidence& evidence, uint64_t total_weight) const;
  // The texts that hold for the profile's major version, as one text.
  std::string join(const std::vector<Advice>& texts, const Evidence& evidence) const;
  // One command a line, to be pasted.
  std::string commands(const std::vector<Advice>& texts, const Evidence& evidence) const;
  std::vector<std::string> each(const std::vector<Advice>& texts, const Evidence& evidence) const;

 private:
  std::string shape(const Evidence& evidence, uint64_t total_weight) const;
  std::string owners(const Evidence& evidence) const;

  const Profile& profile_;
  int major_ = 0;  // 0: unknown, or clusters of several majors
};

// "1.9 of 2 cores", "1.9 cores" when the host's number of CPUs is not known (0).
std::string busy_cores(double cores, uint32_t cpus);

// The one major version of all clusters; 0 when unknown or mixed.
int common_major(const Profile& profile);

}  // namespace pgflame::diagnose
