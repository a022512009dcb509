#include "tests/support/own_stack.h"

#include <array>
#include <cstdlib>

#include <ucontext.h>
#include <unwind.h>

#include "src/base/build_id.h"
#include "src/base/file.h"
#include "src/profile/builder.h"

namespace pgflame::testing {
namespace {

// In perf's order (arch/x86/include/uapi/asm/perf_regs.h); -1 is not in a signal context.
constexpr std::array<int, 24> kPerfOrder{REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI,
                                         REG_RBP, REG_RSP, REG_RIP, REG_EFL, -1,      -1,
                                         -1,      -1,      -1,      -1,      REG_R8,  REG_R9,
                                         REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

_Unwind_Reason_Code add_caller(_Unwind_Context* context, void* callers) {
  int interrupted = 0;
  const uint64_t pc = _Unwind_GetIPInfo(context, &interrupted);
  static_cast<std::vector<uint64_t>*>(callers)->push_back(interrupted != 0 ? pc + 1 : pc);
  return _URC_NO_REASON;
}

// Byte by byte, because the copy reads the poisoned gaps between variables on purpose.
__attribute__((no_sanitize("address"), noinline)) std::vector<uint8_t> copy(uint64_t start,
                                                                            uint64_t end) {
  std::vector<uint8_t> bytes(end - start);
  for (uint64_t address = start; address < end; ++address)
    bytes[address - start] = *reinterpret_cast<const volatile uint8_t*>(address);
  return bytes;
}

}  // namespace

OwnStack capture_own_stack() {
  ucontext_t context;
  ::getcontext(&context);
  const auto stack_pointer = static_cast<uint64_t>(context.uc_mcontext.gregs[REG_RSP]);

  OwnStack own;
  _Unwind_Backtrace(add_caller, &own.callers);
  own.callers.erase(own.callers.begin());               // capture_own_stack
  if (own.callers.back() == 0) own.callers.pop_back();  // libgcc's end mark

  ProfileBuilder builder;
  const std::string maps = read_file("/proc/self/maps").value();
  for (const MapsLine& line : parse_maps(maps)) {
    if (line.start <= stack_pointer && stack_pointer < line.end) {
      own.memory = copy(stack_pointer, line.end);
    }
    if (!line.executable) continue;
    const ModuleId module = builder.module({kind_of_mapping(line.path),
                                            std::string(line.path),
                                            build_id_of_file(std::string(line.path))});
    own.space.add(
        line.start, line.end, builder.mapping({line.start, line.end, line.file_offset, module}));
  }
  own.profile = std::move(builder).take();
  own.profile.recording.architecture = "x86_64";
  for (size_t i = 0; i < kPerfOrder.size(); ++i) {
    if (kPerfOrder[i] < 0) continue;
    own.register_mask |= uint64_t{1} << i;
    own.registers.push_back(static_cast<uint64_t>(context.uc_mcontext.gregs[kPerfOrder[i]]));
  }
  return own;
}

}  // namespace pgflame::testing
