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
  std::string join(const std::vector<Advice>& texts,
                   const Evidence& evidence,
                   std::string_view separator = " ") const;
  std::vector<std::string> each(const std::vector<Advice>& texts, const Evidence& evidence) const;

 private:
  std::string shape(const Evidence& evidence, uint64_t total_weight) const;
  std::string owners(const Evidence& evidence) const;

  const Profile& profile_;
  int major_ = 0;  // 0: unknown, or clusters of several majors
};

// The one major version of all clusters; 0 when unknown or mixed.
int common_major(const Profile& profile);

}  // namespace pgflame::diagnose
