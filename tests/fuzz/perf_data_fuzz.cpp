#include <string>

#include "tests/fuzz/input_bytes.h"

// The bytes as they are; with a magic that makes them perf.data; and with somebody unwinding.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgflame;
  input::Options options;
  if (size > 0 && data[size - 1] % 2 == 1) {
    options.unwind = [](const Profile&, const AddressSpace&, const UserDump& dump) {
      UserStack stack;
      if (!dump.registers.empty()) stack.addresses = {dump.registers[0], dump.stack.size()};
      return stack;
    };
  }
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.size() > 8 && bytes[0] != '2') bytes.replace(0, 8, "PERFILE2");
  const auto opened =
      fuzz::open_bytes(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), options);
  if (opened) fuzz::check(opened->profile);
  return 0;
}
