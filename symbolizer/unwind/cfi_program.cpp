#include "symbolizer/unwind/cfi_program.h"

#include <algorithm>
#include <vector>

#include <dwarf.h>

#include "symbolizer/unwind/byte_cursor.h"

namespace pgflame::unwind {
namespace {

// Vendor instructions that elfutils' dwarf.h does not name.
constexpr uint8_t kAarch64NegateRaStateWithPc = 0x2c;

constexpr uint64_t kNoRegister = ~uint64_t{0};
constexpr size_t kMaxRemembered = 64;  // compilers use one or two; hostile programs any number

class Interpreter {
 public:
  Interpreter(const FrameSection& section, const Cie& cie, RegisterNumbers numbers)
      : section_(section), cie_(cie), numbers_(numbers) {}

  FrameRules rules;
  const FrameRules* initial = nullptr;     // none while the CIE's own program runs
  const CfiProgram::Emit* emit = nullptr;  // none while the CIE's own program runs
  uint64_t location = 0;

  bool run(std::span<const uint8_t> program) {
    ByteCursor code(program);
    while (!code.at_end()) {
      if (!step(code) || !code.ok()) return false;
    }
    return true;
  }

 private:
  bool step(ByteCursor& code) {
    const uint8_t opcode = code.u8();
    const uint8_t operand = opcode & 0x3f;
    switch (opcode & 0xc0) {
      case DW_CFA_advance_loc:
        return advance(operand);
      case DW_CFA_offset:
        save(operand, {Saved::kAtCfa, factored(code.uleb()), {}});
        return true;
      case DW_CFA_restore:
        restore(operand);
        return true;
      default:
        break;
    }
    return moves(opcode)
               ? step_location(opcode, code)
               : step_cfa(opcode, code) || step_register(opcode, code) || step_state(opcode, code);
  }

  static bool moves(uint8_t opcode) {
    return opcode == DW_CFA_MIPS_advance_loc8 ||
           (opcode >= DW_CFA_set_loc && opcode <= DW_CFA_advance_loc4);
  }

  bool step_location(uint8_t opcode, ByteCursor& code) {
    switch (opcode) {
      case DW_CFA_advance_loc1:
        return advance(code.u8());
      case DW_CFA_advance_loc2:
        return advance(code.u16());
      case DW_CFA_advance_loc4:
        return advance(code.u32());
      case DW_CFA_MIPS_advance_loc8:
        return advance(code.u64());
      default:
        break;
    }
    // The operand's own address is needed when the encoding is pc-relative; both spans lie in the
    // section, so their distance is its offset.
    const auto field = static_cast<uint64_t>(code.rest().data() - section_.bytes.data());
    const auto target =
        read_pointer(code, cie_.pointer_encoding, section_.address + field, section_.address_size);
    return target && *target >= location && move_to(*target);
  }

  bool advance(uint64_t count) {
    const uint64_t distance = count * cie_.code_alignment;
    return location + distance >= location && move_to(location + distance);
  }

  // Rules set before a move hold from the old location on; several moves in a row emit nothing new.
  bool move_to(uint64_t target) {
    if (emit != nullptr && target != location) (*emit)(location, rules);
    location = target;
    return true;
  }

  bool step_cfa(uint8_t opcode, ByteCursor& code) {
    switch (opcode) {
      case DW_CFA_def_cfa:
        rules.cfa_register = code.uleb();
        rules.cfa_offset = static_cast<int64_t>(code.uleb());
        break;
      case DW_CFA_def_cfa_sf:
        rules.cfa_register = code.uleb();
        rules.cfa_offset = factored(static_cast<uint64_t>(code.sleb()));
        break;
      case DW_CFA_def_cfa_register:
        rules.cfa_register = code.uleb();
        break;
      case DW_CFA_def_cfa_offset:
        rules.cfa_offset = static_cast<int64_t>(code.uleb());
        break;
      case DW_CFA_def_cfa_offset_sf:
        rules.cfa_offset = factored(static_cast<uint64_t>(code.sleb()));
        break;
      case DW_CFA_def_cfa_expression:
        rules.cfa_expression = code.take(code.uleb());
        return true;
      default:
        return false;
    }
    // A new offset alone leaves an expression in force.
    const bool offset_only = opcode == DW_CFA_def_cfa_offset || opcode == DW_CFA_def_cfa_offset_sf;
    if (!offset_only) rules.cfa_expression = {};
    return true;
  }

  bool step_register(uint8_t opcode, ByteCursor& code) {
    switch (opcode) {
      case DW_CFA_offset_extended:
        save_at(code, Saved::kAtCfa, 1);
        break;
      case DW_CFA_GNU_negative_offset_extended:
        save_at(code, Saved::kAtCfa, -1);
        break;
      case DW_CFA_val_offset:
        save_at(code, Saved::kCfaPlus, 1);
        break;
      case DW_CFA_offset_extended_sf:
        save_at_signed(code, Saved::kAtCfa);
        break;
      case DW_CFA_val_offset_sf:
        save_at_signed(code, Saved::kCfaPlus);
        break;
      case DW_CFA_restore_extended:
        restore(code.uleb());
        break;
      case DW_CFA_undefined:
        save(code.uleb(), {Saved::kUndefined, 0, {}});
        break;
      case DW_CFA_same_value:
        save(code.uleb(), {Saved::kSame, 0, {}});
        break;
      case DW_CFA_register: {
        const uint64_t number = code.uleb();
        save(number, {Saved::kInRegister, static_cast<int64_t>(code.uleb()), {}});
        break;
      }
      case DW_CFA_expression:
        save_expression(code, Saved::kAt);
        break;
      case DW_CFA_val_expression:
        save_expression(code, Saved::kIs);
        break;
      default:
        return false;
    }
    return true;
  }

  bool step_state(uint8_t opcode, ByteCursor& code) {
    switch (opcode) {
      case DW_CFA_nop:
      case DW_CFA_GNU_window_save:  // on aarch64: the return address gets signed, or not any more
      case kAarch64NegateRaStateWithPc:
        return true;
      case DW_CFA_GNU_args_size:
        code.uleb();
        return true;
      case DW_CFA_remember_state:
        if (remembered_.size() == kMaxRemembered) return false;
        remembered_.push_back(rules);
        return true;
      case DW_CFA_restore_state:
        if (remembered_.empty()) return false;
        rules = remembered_.back();
        remembered_.pop_back();
        return true;
      default:
        return false;
    }
  }

  int64_t factored(uint64_t count) const {
    return static_cast<int64_t>(count * static_cast<uint64_t>(cie_.data_alignment));
  }

  void save_at(ByteCursor& code, Saved where, int sign) {
    const uint64_t number = code.uleb();
    const uint64_t count = code.uleb();
    save(number, {where, factored(sign < 0 ? 0 - count : count), {}});
  }
  void save_at_signed(ByteCursor& code, Saved where) {
    const uint64_t number = code.uleb();
    save(number, {where, factored(static_cast<uint64_t>(code.sleb())), {}});
  }
  void save_expression(ByteCursor& code, Saved where) {
    const uint64_t number = code.uleb();
    save(number, {where, 0, code.take(code.uleb())});
  }

  void save(uint64_t number, const RegisterRule& rule) {
    if (number == numbers_.fp) rules.fp = rule;
    if (number == cie_.return_register) rules.ra = rule;
    if (number == numbers_.base) rules.base = rule;
  }
  void restore(uint64_t number) {
    const FrameRules fresh;
    const FrameRules& from = initial != nullptr ? *initial : fresh;
    if (number == numbers_.fp) rules.fp = from.fp;
    if (number == cie_.return_register) rules.ra = from.ra;
    if (number == numbers_.base) rules.base = from.base;
  }

  const FrameSection& section_;
  const Cie& cie_;
  RegisterNumbers numbers_;
  std::vector<FrameRules> remembered_;
};

}  // namespace

RegisterNumbers registers_of(Machine machine) {
  switch (machine) {
    case Machine::kAarch64:
      return {31, 29, kNoRegister, 30};
    case Machine::kI386:
      return {4, 5, PGF_BASE_REGISTER, 8};
    default:
      return {7, 6, PGF_BASE_REGISTER, 16};
  }
}

CfiProgram::CfiProgram(const FrameSection& section, const Frames& frames, Machine machine)
    : section_(section), frames_(frames), numbers_(registers_of(machine)) {}

const std::optional<FrameRules>& CfiProgram::initial(uint32_t row) {
  const auto [known, fresh] = initial_.try_emplace(row);
  if (!fresh) return known->second;
  const Cie& cie = frames_.cies[row];
  Interpreter interpreter(section_, cie, numbers_);
  // As in glibc's rawmemchr for aarch64, which calls another function and keeps it in x15.
  if (cie.return_register != numbers_.ra)
    interpreter.rules.ra = {Saved::kInRegister, static_cast<int64_t>(cie.return_register), {}};
  if (interpreter.run(cie.program)) known->second = interpreter.rules;
  return known->second;
}

uint64_t CfiProgram::run(const Fde& fde, const Emit& emit) {
  const std::optional<FrameRules>& begin = initial(fde.cie);
  if (!begin) return fde.start;
  Interpreter interpreter(section_, frames_.cies[fde.cie], numbers_);
  interpreter.rules = *begin;
  interpreter.initial = &*begin;
  interpreter.emit = &emit;
  interpreter.location = fde.start;
  if (!interpreter.run(fde.program)) return std::min(interpreter.location, fde.end);
  emit(interpreter.location, interpreter.rules);
  return fde.end;
}

}  // namespace pgflame::unwind
