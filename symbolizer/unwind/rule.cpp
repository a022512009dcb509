#include "symbolizer/unwind/rule.h"

#include <algorithm>
#include <array>
#include <limits>

#include <dwarf.h>

#include "symbolizer/unwind/byte_cursor.h"

namespace pgflame::unwind {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr Rule kBadRule{PGF_CFA_BAD, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 0, 0, 0};

bool fits(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() &&
         value <= std::numeric_limits<int32_t>::max();
}

// What linkers put over .plt: sp + word + ((pc & 15) >= n) * word, with n = 10 or 11 by the linker.
using PltExpression = std::array<uint8_t, 11>;
constexpr size_t kPltThreshold = 6;
constexpr PltExpression kPlt64{DW_OP_breg7,
                               8,
                               DW_OP_breg16,
                               0,
                               DW_OP_lit15,
                               DW_OP_and,
                               DW_OP_lit11,
                               DW_OP_ge,
                               DW_OP_lit3,
                               DW_OP_shl,
                               DW_OP_plus};
constexpr PltExpression kPlt32{DW_OP_breg4,
                               4,
                               DW_OP_breg8,
                               0,
                               DW_OP_lit15,
                               DW_OP_and,
                               DW_OP_lit11,
                               DW_OP_ge,
                               DW_OP_lit2,
                               DW_OP_shl,
                               DW_OP_plus};

// Returns n, or nothing.
std::optional<int32_t> plt_threshold(Bytes expression, Machine machine) {
  const PltExpression& plt = machine == Machine::kI386 ? kPlt32 : kPlt64;
  if (machine == Machine::kAarch64 || expression.size() != plt.size()) return std::nullopt;
  for (size_t i = 0; i < plt.size(); ++i) {
    if (i != kPltThreshold && expression[i] != plt[i]) return std::nullopt;
  }
  const uint8_t literal = expression[kPltThreshold];
  if (literal < DW_OP_lit0 || literal > DW_OP_lit15) return std::nullopt;
  return literal - DW_OP_lit0;
}

struct BasePlusOffset {
  uint64_t number = 0;  // DWARF register
  int64_t offset = 0;
};

// breg N
std::optional<BasePlusOffset> read_base(ByteCursor& cursor) {
  const uint8_t opcode = cursor.u8();
  if (opcode < DW_OP_breg0 || opcode > DW_OP_breg31) return std::nullopt;
  const BasePlusOffset base{static_cast<uint64_t>(opcode - DW_OP_breg0), cursor.sleb()};
  return cursor.ok() && fits(base.offset) ? std::optional(base) : std::nullopt;
}

// breg N; deref; [plus_uconst 8 * n]: stack realignment by gcc, and OpenSSL's assembly.
std::optional<Rule> load_rule(Bytes expression, const RegisterNumbers& numbers) {
  ByteCursor cursor(expression);
  const auto base = read_base(cursor);
  if (!base || cursor.u8() != DW_OP_deref) return std::nullopt;
  uint64_t added = 0;
  if (!cursor.at_end()) {
    if (cursor.u8() != DW_OP_plus_uconst) return std::nullopt;
    added = cursor.uleb();
  }
  if (!cursor.ok() || !cursor.at_end() || added % 8 != 0 || added / 8 > 0xff) return std::nullopt;
  Rule rule{};
  if (base->number != numbers.sp && base->number != numbers.fp) return std::nullopt;
  rule.cfa = base->number == numbers.sp ? PGF_CFA_LOAD_SP : PGF_CFA_LOAD_FP;
  rule.cfa_offset = static_cast<int32_t>(base->offset);
  rule.extra = static_cast<uint8_t>(added / 8);
  return rule;
}

Rule cfa_rule(const FrameRules& rules, Machine machine) {
  const RegisterNumbers numbers = registers_of(machine);
  if (!rules.cfa_expression.empty()) {
    if (const auto threshold = plt_threshold(rules.cfa_expression, machine))
      return {PGF_CFA_PLT, PGF_FP_SAME, PGF_RA_AT_CFA, 0, *threshold, 0, 0};
    return load_rule(rules.cfa_expression, numbers).value_or(kBadRule);
  }
  if (!fits(rules.cfa_offset) || rules.cfa_register > 0xff) return kBadRule;
  Rule rule{};
  rule.cfa_offset = static_cast<int32_t>(rules.cfa_offset);
  if (rules.cfa_register == numbers.sp) {
    rule.cfa = PGF_CFA_SP;
  } else if (rules.cfa_register == numbers.fp) {
    rule.cfa = PGF_CFA_FP;
  } else {
    rule.cfa = PGF_CFA_REGISTER;
    rule.extra = static_cast<uint8_t>(rules.cfa_register);
  }
  return rule;
}

void add_fp_rule(Rule& rule, const RegisterRule& fp, Machine machine) {
  const auto set = [&rule](uint8_t kind, int64_t offset) {
    rule.fp = fits(offset) ? kind : static_cast<uint8_t>(PGF_FP_UNKNOWN);
    rule.fp_offset = fits(offset) ? static_cast<int32_t>(offset) : 0;
  };
  if (fp.where == Saved::kUnset || fp.where == Saved::kSame) return set(PGF_FP_SAME, 0);
  if (fp.where == Saved::kAtCfa) {
    // After the pops at the end of a function gcc still gives the slot, which now lies below the
    // stack pointer: the register has its value back, and the memory may be overwritten any time.
    const bool popped = rule.cfa == PGF_CFA_SP && fp.offset < -int64_t{rule.cfa_offset};
    return popped ? set(PGF_FP_SAME, 0) : set(PGF_FP_AT_CFA, fp.offset);
  }
  if (fp.where == Saved::kAt) {
    ByteCursor cursor(fp.expression);
    const auto base = read_base(cursor);
    if (base && cursor.at_end() && base->number == registers_of(machine).fp) {
      return set(PGF_FP_AT_FP, base->offset);
    }
  }
  set(PGF_FP_UNKNOWN, 0);
}

// Only for CFAs that leave `extra` free.
void add_base_rule(Rule& rule, const RegisterRule& base, Machine machine) {
  if (rule.cfa != PGF_CFA_SP && rule.cfa != PGF_CFA_FP) return;
  if (base.where == Saved::kUnset || base.where == Saved::kSame) return;
  const int64_t word = machine == Machine::kI386 ? 4 : 8;
  const bool popped = rule.cfa == PGF_CFA_SP && base.offset < -int64_t{rule.cfa_offset};
  if (base.where == Saved::kAtCfa && popped) return;  // as for the frame pointer
  const bool expressible = base.where == Saved::kAtCfa && base.offset < 0 &&
                           base.offset > -word * PGF_BASE_LOST && base.offset % word == 0;
  rule.extra = static_cast<uint8_t>(expressible ? -base.offset / word : int64_t{PGF_BASE_LOST});
}

void add_ra_rule(Rule& rule, const RegisterRule& ra, Machine machine) {
  const bool link_register = machine == Machine::kAarch64;
  switch (ra.where) {
    case Saved::kUnset:
    case Saved::kSame:
      if (link_register) {
        rule.ra = PGF_RA_LINK_REGISTER;
        return;
      }
      // Every x86 CIE says where its return address is; one that does not leaves it to the ABI.
      rule.ra = ra.where == Saved::kUnset ? PGF_RA_AT_CFA : PGF_RA_BAD;
      if (rule.ra == PGF_RA_AT_CFA) rule.ra_offset = machine == Machine::kI386 ? -4 : -8;
      return;
    case Saved::kAtCfa:
      rule.ra = fits(ra.offset) ? PGF_RA_AT_CFA : PGF_RA_BAD;
      if (rule.ra == PGF_RA_AT_CFA) rule.ra_offset = static_cast<int32_t>(ra.offset);
      return;
    case Saved::kUndefined:
      rule.ra = PGF_RA_STOP;
      return;
    default:
      rule.ra = PGF_RA_BAD;
      return;
  }
}

}  // namespace

Rule compile_rule(const FrameRules& rules, Machine machine, bool signal_frame) {
  if (rules.ra.where == Saved::kUndefined) {
    return {PGF_CFA_SP, PGF_FP_SAME, PGF_RA_STOP, 0, 0, 0, 0};
  }
  if (signal_frame) return {PGF_CFA_SIGNAL, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 0, 0, 0};
  Rule rule = cfa_rule(rules, machine);
  if (rule.cfa == PGF_CFA_BAD) return kBadRule;
  add_fp_rule(rule, rules.fp, machine);
  add_base_rule(rule, rules.base, machine);
  add_ra_rule(rule, rules.ra, machine);
  return rule.ra == PGF_RA_BAD ? kBadRule : rule;
}

}  // namespace pgflame::unwind
