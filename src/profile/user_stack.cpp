#include "src/profile/user_stack.h"

namespace pgflame {

DumpMachine dump_machine_of(std::string_view architecture) {
  if (architecture.empty()) return DumpMachine::kUnknown;
  if (architecture == "aarch64" || architecture == "arm64") return DumpMachine::kAarch64;
  const bool i386 =
      architecture.size() == 4 && architecture.front() == 'i' && architecture.ends_with("86");
  return i386 || architecture == "x86_64" || architecture == "x86" ? DumpMachine::kX86
                                                                   : DumpMachine::kOther;
}

}  // namespace pgflame
