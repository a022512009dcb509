#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <libelf.h>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/base/text.h"
#include "symbolizer/unwind/table.h"

using namespace pgflame;
using namespace pgflame::unwind;
namespace fs = std::filesystem;

namespace {

std::string to_text(const Rule& rule) {
  std::string text;
  for (const int64_t part : {int64_t{rule.cfa},
                             int64_t{rule.cfa_offset},
                             int64_t{rule.extra},
                             int64_t{rule.fp},
                             int64_t{rule.fp_offset},
                             int64_t{rule.ra},
                             int64_t{rule.ra_offset}})
    text += std::to_string(part) + ' ';
  return text;
}

const Rule kBad{PGF_CFA_BAD, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 0, 0, 0};

struct Operations {
  Dwarf_Op* first = nullptr;
  size_t count = 0;
  bool is(std::initializer_list<int> atoms) const {
    if (atoms.size() != count) return false;
    return std::ranges::equal(atoms, std::span(first, count), [](int atom, const Dwarf_Op& op) {
      return atom == op.atom;
    });
  }
  int64_t number(size_t index) const { return static_cast<int64_t>(first[index].number); }
};

// What differs between the machines: DWARF register numbers and the size of a word.
struct Registers {
  int sp = 0;
  int fp = 0;
  int ra = 0;        // where it is, or what stands for it
  bool base = true;  // whether PGF_BASE_REGISTER is followed
  int word = 8;
};

constexpr int kLinkRegister = 30;  // of aarch64; x86 has no general register of that number

Registers registers_on(Machine machine) {
  if (machine == Machine::kAarch64) return {31, 29, kLinkRegister, false, 8};
  if (machine == Machine::kI386) return {4, 5, 8, true, 4};
  return {7, 6, 16, true, 8};
}

// What rules mean, read from libdw's own decoding of the same program.
class Oracle {
 public:
  Oracle(const std::string& path, Machine machine)
      : registers_(registers_on(machine)), fd_(::open(path.c_str(), O_RDONLY)) {
    elf_ = elf_begin(fd_, ELF_C_READ_MMAP, nullptr);
    if (elf_ != nullptr) cfi_ = dwarf_getcfi_elf(elf_);
  }
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;
  ~Oracle() {
    if (cfi_ != nullptr) dwarf_cfi_end(cfi_);
    elf_end(elf_);
    ::close(fd_);
  }

  struct Answer {
    uint64_t end = 0;  // 0: libdw has no answer
    // Nothing where libdw refuses: a plain CFA register after an expression, as in libgcrypt's
    // assembly, which libgcc and this project read as "the offset in force before".
    std::optional<Rule> rule;
  };
  Answer at(uint64_t address) const {
    Dwarf_Frame* raw = nullptr;
    if (cfi_ == nullptr || dwarf_cfi_addrframe(cfi_, address, &raw) != 0) return {};
    const std::unique_ptr<Dwarf_Frame, decltype(&std::free)> frame(raw, &std::free);
    Dwarf_Addr start = 0;
    Dwarf_Addr end = 0;
    bool signal = false;
    const int ra_column = dwarf_frame_info(raw, &start, &end, &signal);
    Operations cfa;
    if (dwarf_frame_cfa(raw, &cfa.first, &cfa.count) != 0) return {end, std::nullopt};
    return {end, rule_of(raw, ra_column, signal)};
  }

 private:
  static Operations saved(Dwarf_Frame* frame, int number, Dwarf_Op (&memory)[3]) {
    Operations operations;
    REQUIRE(dwarf_frame_register(frame, number, memory, &operations.first, &operations.count) == 0);
    return operations;
  }

  Rule rule_of(Dwarf_Frame* frame, int ra_column, bool signal) const {
    Dwarf_Op ra_memory[3];
    const Operations ra = saved(frame, ra_column, ra_memory);
    if (ra.count == 0 && ra.first == ra_memory) {  // undefined
      // Where nothing is said of another register than the usual, libdw calls it so, too.
      if (ra_column != registers_.ra) return kBad;
      return {PGF_CFA_SP, PGF_FP_SAME, PGF_RA_STOP, 0, 0, 0, 0};
    }
    if (signal) return {PGF_CFA_SIGNAL, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 0, 0, 0};
    const bool in_register = ra.count == 0 && ra_column == kLinkRegister;
    if (!in_register && !is_cfa_plus(ra)) return kBad;
    Rule rule{};
    if (!set_cfa(frame, rule)) return kBad;
    rule.ra = in_register ? PGF_RA_LINK_REGISTER : PGF_RA_AT_CFA;
    rule.ra_offset = ra.count == 2 ? static_cast<int32_t>(ra.number(1)) : 0;
    Dwarf_Op fp_memory[3];
    set_fp(saved(frame, registers_.fp, fp_memory), fp_memory, rule);
    if (!registers_.base) return rule;
    Dwarf_Op base_memory[3];
    set_base(saved(frame, PGF_BASE_REGISTER, base_memory), rule);
    return rule;
  }

  bool is_load(const Dwarf_Op& op, int number) const { return op.atom == DW_OP_breg0 + number; }

  static bool is_cfa_plus(const Operations& operations) {
    return operations.is({DW_OP_call_frame_cfa}) ||
           operations.is({DW_OP_call_frame_cfa, DW_OP_plus_uconst});
  }

  bool set_cfa(Dwarf_Frame* frame, Rule& rule) const {
    Operations cfa;
    REQUIRE(dwarf_frame_cfa(frame, &cfa.first, &cfa.count) == 0);
    if (cfa.is({DW_OP_bregx})) {
      const auto base = cfa.number(0);
      rule.cfa_offset = static_cast<int32_t>(cfa.first[0].number2);
      rule.cfa = base == registers_.sp   ? PGF_CFA_SP
                 : base == registers_.fp ? PGF_CFA_FP
                                         : PGF_CFA_REGISTER;
      if (rule.cfa == PGF_CFA_REGISTER) rule.extra = static_cast<uint8_t>(base);
      return true;
    }
    if (cfa.count == 9 && is_load(cfa.first[0], registers_.sp) &&
        cfa.number(0) == registers_.word && is_load(cfa.first[1], registers_.ra) &&
        cfa.first[8].atom == DW_OP_plus) {
      rule.cfa = PGF_CFA_PLT;
      rule.cfa_offset = cfa.first[4].atom - DW_OP_lit0;
      return true;
    }
    const bool plain = cfa.count == 2;
    const bool added = cfa.count == 3 && cfa.first[2].atom == DW_OP_plus_uconst;
    if ((!plain && !added) || cfa.first[1].atom != DW_OP_deref) return false;
    const bool from_sp = is_load(cfa.first[0], registers_.sp);
    if (!from_sp && !is_load(cfa.first[0], registers_.fp)) return false;
    rule.cfa = from_sp ? PGF_CFA_LOAD_SP : PGF_CFA_LOAD_FP;
    rule.cfa_offset = static_cast<int32_t>(cfa.number(0));
    rule.extra = added ? static_cast<uint8_t>(cfa.number(2) / 8) : uint8_t{0};
    return true;
  }

  void set_fp(const Operations& fp, const Dwarf_Op* memory, Rule& rule) const {
    rule.fp = PGF_FP_UNKNOWN;
    if (fp.count == 0) {
      if (fp.first != memory) rule.fp = PGF_FP_SAME;
    } else if (is_cfa_plus(fp)) {
      const int64_t offset = fp.count == 2 ? fp.number(1) : 0;
      const bool popped = rule.cfa == PGF_CFA_SP && offset < -rule.cfa_offset;
      rule.fp = popped ? PGF_FP_SAME : PGF_FP_AT_CFA;
      rule.fp_offset = popped ? 0 : static_cast<int32_t>(offset);
    } else if (fp.is({DW_OP_call_frame_cfa, DW_OP_breg0 + registers_.fp})) {
      rule.fp = PGF_FP_AT_FP;
      rule.fp_offset = static_cast<int32_t>(fp.number(1));
    }
  }

  void set_base(const Operations& base, Rule& rule) const {
    // libdw calls it undefined where the program does not mention it; the ABI says it is kept
    // (elfutils 0.188, backends/x86_64_cfi.c gives rbx the number of rax).
    const bool same = base.count == 0;
    if ((rule.cfa != PGF_CFA_SP && rule.cfa != PGF_CFA_FP) || same) return;
    rule.extra = PGF_BASE_LOST;
    if (!is_cfa_plus(base)) return;
    const int64_t offset = base.count == 2 ? base.number(1) : 0;
    const bool popped = rule.cfa == PGF_CFA_SP && offset < -rule.cfa_offset;
    const int64_t words = -offset / registers_.word;
    const bool in_words = offset < 0 && offset % registers_.word == 0 && words < PGF_BASE_LOST;
    if (popped || in_words) rule.extra = popped ? uint8_t{0} : static_cast<uint8_t>(words);
  }

  Registers registers_;
  int fd_ = -1;
  Elf* elf_ = nullptr;
  Dwarf_CFI* cfi_ = nullptr;
};

struct Comparison {
  uint64_t rows = 0;
  uint64_t refused = 0;
  uint64_t bad = 0;  // rows in a form that tables do not express
  std::vector<std::string> different;
};

void compare(const Oracle& oracle, const Table& table, const Fde& fde, Comparison& comparison) {
  for (uint64_t address = fde.start; address < fde.end;) {
    const Oracle::Answer answer = oracle.at(address);
    if (answer.end <= address) return;
    const uint64_t start = std::exchange(address, answer.end);
    ++comparison.rows;
    if (!answer.rule) {
      ++comparison.refused;
      continue;
    }
    comparison.bad += answer.rule->cfa == PGF_CFA_BAD;
    for (const uint64_t pc : {start, std::min(answer.end, fde.end) - 1}) {
      const Rule& rule = table.at(pc);
      if (std::memcmp(&rule, &*answer.rule, sizeof rule) == 0) continue;
      comparison.different.push_back(format_hex(pc) + ": " + to_text(rule) + "instead of " +
                                     to_text(*answer.rule));
    }
  }
}

// The libraries in those folders, and the given programs.
std::vector<std::string> libraries_in(std::initializer_list<const char*> folders,
                                      std::vector<std::string> paths = {}) {
  for (const char* folder : folders) {
    for (const auto& file : fs::directory_iterator(folder)) {
      const std::string name = file.path().filename().string();
      if (name.find(".so") == std::string::npos || file.is_symlink() || !file.is_regular_file())
        continue;
      paths.push_back(file.path().string());
    }
  }
  std::ranges::sort(paths);
  return paths;
}

// Every function of all files that are of this machine.
Comparison compare_all(const std::vector<std::string>& paths, Machine machine) {
  Comparison total;
  for (const std::string& path : paths) {
    CAPTURE(path);
    const auto image = ElfImage::open(path);
    if (!image || !image->eh_frame() || image->machine() != machine) continue;
    const Table table = compile_table(*image->eh_frame(), image->machine());
    const Oracle oracle(path, machine);
    const Frames frames = parse_frames(*image->eh_frame());
    for (const Fde& fde : frames.fdes)
      compare(oracle, table, fde, total);
    const std::string first = total.different.empty() ? "" : total.different.front();
    CAPTURE(first);
    CHECK(total.different.empty());
    total.different.clear();
  }
  MESSAGE(total.rows, " rows compared, ", total.refused, " refused, ", total.bad, " in no form");
  return total;
}

}  // namespace

TEST_SUITE("symbolizer") {
  TEST_CASE("compiled rules say what elfutils says, instruction by instruction, of every library") {
    const Comparison total =
        compare_all(libraries_in({"/usr/lib/x86_64-linux-gnu", "/usr/lib/postgresql/15/lib"},
                                 {"/usr/lib/postgresql/15/bin/postgres"}),
                    Machine::kX8664);
    CHECK(total.rows > 100000);
    CHECK(total.bad * 1000 < total.rows);
    CHECK(total.refused * 100000 < total.rows);
  }

  TEST_CASE("... and of Debian's libraries for other machines") {
    constexpr std::array kOthers{std::pair(Machine::kI386, "/usr/lib32"),
                                 std::pair(Machine::kAarch64, "/usr/aarch64-linux-gnu/lib")};
    for (const auto& other : kOthers) {
      CAPTURE(other.second);
      REQUIRE(fs::is_directory(other.second));
      const Comparison total = compare_all(libraries_in({other.second}), other.first);
      CHECK(total.rows > 40000);
      CHECK(total.bad * 1000 < total.rows);
      CHECK(total.refused == 0);
    }
  }
}
