#include "symbolizer/recovery/votes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "symbolizer/recovery/graph.h"

namespace pgflame::symbolizer {
namespace {

// How much stronger the best name must be where witnesses disagree.
constexpr float kOutweighs = 3;
constexpr float kOtherMajor = 0.5F;
// A name that no build of this major is seen to have, and that only other majors testify to.
constexpr float kForeignBits = 16;
constexpr float kUnknownMajorBits = 75;  // where no reference is of the program's major
constexpr unsigned kUnknownMajorWitnesses = 2;
// The functions that are generated for every kind of node look alike, and which kinds there are
// differs between majors.
constexpr std::array<std::string_view, 5> kPerNode{"_copy", "_equal", "_jumble", "_out", "_read"};
constexpr unsigned kPerNodeFacts = 8;
constexpr float kAnyCompiler = 0.1F;
// Where no reference was built like the program, of several of its major a lone one must say more.
constexpr float kAlike = 0.5F;
constexpr float kLoneBits = 20;

struct Claim {
  std::string_view name{};
  std::string_view file{};
  float bits = 0;
  float unweighted = 0;
  unsigned witnesses = 0;
  unsigned facts = 0;
  int major = 0;
  bool same_major = false;
  bool is_part = false;
};

// Functions known by name in both programs that are of nearly the same size: a build with the same
// compiler and options inlines the same functions, so it is the better witness.
float likeness(const Program& program, const Testimony& testimony) {
  size_t known = 0;
  size_t alike = 0;
  for (size_t i = 0; i < testimony.matches.size(); ++i) {
    const Match& match = testimony.matches[i];
    if (!match.by_name) continue;
    const double size = program.functions[i].size;
    const double other = testimony.graph.program().functions[match.reference].size;
    ++known;
    if (std::abs(size - other) <= size / 32) ++alike;
  }
  return known == 0 ? 0 : static_cast<float>(alike) / static_cast<float>(known);
}

// What is known of the witnesses before they are heard about single functions.
struct Credit {
  std::vector<float> weights;  // by testimony
  bool own_speaks = false;     // some witness is of the program's major
  float least_alone = 0;       // bits that a lone witness of the program's major must bring
};

Credit give_credit(const Program& program, const std::vector<Testimony>& testimonies) {
  Credit credit;
  bool alike = false;
  for (const Testimony& testimony : testimonies) {
    const float like = likeness(program, testimony);
    // Sizes on another machine say nothing of the compiler.
    alike = alike || like >= kAlike || testimony.graph.program().machine != program.machine;
    credit.weights.push_back((testimony.same_major ? 1 : kOtherMajor) *
                             (kAnyCompiler + like * like));
  }
  const auto own = std::ranges::count(testimonies, true, &Testimony::same_major);
  credit.own_speaks = own > 0;
  if (own > 1 && !alike) credit.least_alone = kLoneBits;
  return credit;
}

std::vector<Claim> claims_about(uint32_t function,
                                const std::vector<Testimony>& testimonies,
                                std::span<const float> weights) {
  std::vector<Claim> claims;
  for (size_t i = 0; i < testimonies.size(); ++i) {
    const Testimony& testimony = testimonies[i];
    const Match& match = testimony.matches[function];
    if (match.reference == kNoFunction || (match.has_twin && !testimony.same_major)) continue;
    const ProgramFunction& row = testimony.graph.program().functions[match.reference];
    auto claim = std::ranges::find(claims, std::string_view(row.name), &Claim::name);
    if (claim == claims.end()) claim = claims.insert(claims.end(), Claim{.name = row.name});
    claim->bits += match.bits * weights[i];
    claim->unweighted += match.bits;
    claim->facts = std::max<unsigned>(claim->facts, match.facts);
    claim->is_part = claim->is_part || match.is_part;
    claim->same_major = claim->same_major || testimony.same_major;
    if (claim->witnesses++ == 0) claim->major = testimony.major;
    if (claim->file.empty()) claim->file = testimony.graph.program().files[row.file];
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

bool is_per_node(std::string_view name) {
  return std::any_of(kPerNode.begin(), kPerNode.end(), [&](std::string_view prefix) {
    return name.size() > prefix.size() && name.starts_with(prefix) && name[prefix.size()] >= 'A' &&
           name[prefix.size()] <= 'Z';
  });
}

// Functions come, go and are renamed between majors: a name counts when this major has it, or those
// before and after it.
bool is_name_of_its_time(std::string_view name, const std::vector<Testimony>& testimonies) {
  bool older = false;
  bool newer = false;
  for (const Testimony& testimony : testimonies) {
    if (!testimony.graph.has_name(name)) continue;
    if (testimony.same_major) return true;
    (testimony.older ? older : newer) = true;
  }
  return older && newer;
}

// Whether to believe the strongest claim.
bool is_credible(const Claim& claim,
                 const std::vector<Testimony>& testimonies,
                 const Credit& credit) {
  if (claim.same_major) return claim.witnesses > 1 || claim.unweighted >= credit.least_alone;
  if (is_per_node(claim.name) && claim.facts < kPerNodeFacts) return false;
  if (claim.unweighted < (credit.own_speaks ? kForeignBits : kUnknownMajorBits)) return false;
  if (!credit.own_speaks) return claim.witnesses >= kUnknownMajorWitnesses;
  return is_name_of_its_time(claim.name, testimonies);
}

Verdict verdict_on(uint32_t function,
                   const std::vector<Testimony>& testimonies,
                   const Credit& credit) {
  Verdict verdict;
  const std::vector<Claim> claims = claims_about(function, testimonies, credit.weights);
  if (claims.empty() || !is_credible(claims.front(), testimonies, credit)) return verdict;
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

// A function with a name just learns its file.
void put_into(std::string_view file, std::string_view evidence, Verdict& verdict) {
  verdict.file = file;
  if (!verdict.name.empty()) return;
  verdict.tier = NameTier::kPlaced;
  verdict.evidence = evidence;
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
      put_into(file, "between two functions of this file", verdicts[open]);
    }
    before = file;
    first_open = i + 1;
  }
}

// The one file of all functions that call a function or take its address; empty when they are of
// several or unknown ones, or there are none.
std::string_view file_of_users(std::span<const IncomingFact> users,
                               const std::vector<Verdict>& verdicts) {
  std::string_view file;
  for (const IncomingFact& user : users) {
    const std::string_view other = verdicts[user.from].file;
    if (other.empty() || (!file.empty() && other != file)) return {};
    file = other;
  }
  return file;
}

// What is not exported can be used in its own file only. Where two files meet, that decides.
void place_by_users(const Program& program,
                    const IncomingFacts& incoming,
                    std::vector<Verdict>& verdicts) {
  std::vector<std::string_view> next(verdicts.size() + 1);
  for (size_t i = verdicts.size(); i-- > 0;)
    next[i] = verdicts[i].file.empty() ? next[i + 1] : verdicts[i].file;
  std::string_view before;
  for (uint32_t i = 0; i < verdicts.size(); ++i) {
    const ProgramFunction& function = program.functions[i];
    Verdict& verdict = verdicts[i];
    if (!verdict.file.empty()) {
      before = verdict.file;
    } else if (function.name.empty() && function.size != 0) {
      const std::string_view file = file_of_users(incoming.of(i), verdicts);
      if (file.empty() || (file != before && file != next[i])) continue;
      put_into(file, "next to this file, and used by its functions only", verdict);
    }
  }
}

}  // namespace

std::vector<Verdict> judge(const Program& program,
                           const IncomingFacts& incoming,
                           const std::vector<Testimony>& testimonies) {
  std::vector<Verdict> verdicts;
  const Credit credit = give_credit(program, testimonies);
  verdicts.reserve(program.functions.size());
  for (uint32_t i = 0; i < program.functions.size(); ++i)
    verdicts.push_back(verdict_on(i, testimonies, credit));
  place(program, verdicts);
  place_by_users(program, incoming, verdicts);
  for (uint32_t i = 0; i < verdicts.size(); ++i) {
    Verdict& verdict = verdicts[i];
    if (verdict.tier != NameTier::kPlaced) continue;
    // Told apart by address; the offset within the module, as for functions without any name.
    verdict.name = fmt::format("{}:static+{:#x}", verdict.file, program.functions[i].start);
  }
  return verdicts;
}

}  // namespace pgflame::symbolizer
