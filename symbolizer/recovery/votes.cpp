#include "symbolizer/recovery/votes.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace pgflame::symbolizer {
namespace {

// How much stronger the best name must be where witnesses disagree.
constexpr float kOutweighs = 3;
constexpr float kOtherMajor = 0.5F;

struct Claim {
  std::string_view name{};
  std::string_view file{};
  float bits = 0;
  unsigned witnesses = 0;
  unsigned facts = 0;
  int major = 0;
  bool same_major = false;
  bool is_part = false;
};

std::vector<Claim> claims_about(uint32_t function, const std::vector<Testimony>& testimonies) {
  std::vector<Claim> claims;
  for (const Testimony& testimony : testimonies) {
    if (testimony.matches.empty()) continue;
    const Match& match = testimony.matches[function];
    if (match.reference == kNoFunction) continue;
    const ProgramFunction& row = testimony.program.functions[match.reference];
    auto claim = std::ranges::find(claims, std::string_view(row.name), &Claim::name);
    if (claim == claims.end()) claim = claims.insert(claims.end(), Claim{.name = row.name});
    claim->bits += match.bits * (testimony.same_major ? 1 : kOtherMajor);
    claim->facts = std::max<unsigned>(claim->facts, match.facts);
    claim->is_part = claim->is_part || match.is_part;
    claim->same_major = claim->same_major || testimony.same_major;
    if (claim->witnesses++ == 0) claim->major = testimony.major;
    if (claim->file.empty()) claim->file = testimony.program.files[row.file];
  }
  std::ranges::sort(claims, std::ranges::greater{}, &Claim::bits);
  return claims;
}

std::string evidence_of(const Claim& claim) {
  if (claim.is_part) return "split part: refers to what this function refers to";
  return fmt::format("{} fact{} as in PostgreSQL {}, {} witness{}",
                     std::max(1U, claim.facts),
                     claim.facts > 1 ? "s" : "",
                     claim.major,
                     claim.witnesses,
                     claim.witnesses > 1 ? "es" : "");
}

Verdict verdict_on(uint32_t function, const std::vector<Testimony>& testimonies) {
  Verdict verdict;
  const std::vector<Claim> claims = claims_about(function, testimonies);
  if (claims.empty()) return verdict;
  const Claim& best = claims.front();
  if (claims.size() > 1) {
    const bool outweighs = best.same_major && best.bits >= kOutweighs * claims[1].bits;
    if (!outweighs) return verdict;
  }
  verdict.name = best.name;
  verdict.file = best.file;
  verdict.evidence = evidence_of(best);
  verdict.tier = NameTier::kRecovered;
  return verdict;
}

// Object files are contiguous, so what lies between two functions of a file is of that file.
void place(const Program& program, std::vector<Verdict>& verdicts) {
  std::string_view before;
  size_t first_open = 0;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].file.empty()) continue;
    const std::string_view file = verdicts[i].file;
    for (size_t open = first_open; file == before && open < i; ++open) {
      const ProgramFunction& function = program.functions[open];
      if (!function.name.empty() || function.size == 0) continue;
      Verdict& verdict = verdicts[open];
      verdict.file = file;
      verdict.tier = NameTier::kPlaced;
      verdict.evidence = "between two functions of this file";
    }
    before = file;
    first_open = i + 1;
  }
}

}  // namespace

std::vector<Verdict> judge(const Program& program, const std::vector<Testimony>& testimonies) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(program.functions.size());
  for (uint32_t i = 0; i < program.functions.size(); ++i)
    verdicts.push_back(verdict_on(i, testimonies));
  place(program, verdicts);
  for (uint32_t i = 0; i < verdicts.size(); ++i) {
    Verdict& verdict = verdicts[i];
    if (verdict.tier != NameTier::kPlaced) continue;
    // Told apart by address; the offset within the module, as for functions without any name.
    verdict.name = fmt::format("{}:static+{:#x}", verdict.file, program.functions[i].start);
  }
  return verdicts;
}

}  // namespace pgflame::symbolizer
