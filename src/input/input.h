// Opens a capture somebody else made: any supported format, recognised by content.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/profile/address_space.h"
#include "src/profile/profile.h"

namespace pgflame::input {

enum class Format { kPerfData, kPprof, kPerfScript, kFolded, kSvg };

// Walks the user part of a stack from registers and copied stack memory (perf record --call-graph
// dwarf). Lives in symbolizer/, which this folder does not know; the CLI connects the two.
struct UserDump {
  uint64_t abi = 0;                     // 1: 32 bit, 2: 64 bit (PERF_SAMPLE_REGS_ABI_*)
  uint64_t register_mask = 0;           // sample_regs_user
  std::span<const uint64_t> registers;  // by set bit of the mask
  std::span<const uint8_t> stack;       // memory from the stack pointer upwards
};
struct UserStack {
  std::vector<uint64_t> addresses;  // innermost first, as on the stack (return addresses)
  StackEnd end = StackEnd::kUnknown;
};
using Unwinder = std::function<UserStack(const Profile&, const AddressSpace&, const UserDump&)>;

struct Options {
  std::string event;               // empty: the one that means CPU time
  std::vector<int32_t> pids;       // empty: all
  std::vector<std::string> comms;  // empty: all
  std::string time;                // "A,B" as typed by the user; empty: all
  bool exclude_idle = false;
  Unwinder unwind;  // empty: dwarf dumps end in StackEnd::kNoStack
};

struct Opened {
  Format format = Format::kPerfData;
  Profile profile;  // locations unnamed where the format has addresses only
  std::vector<std::string>
      events;  // all events of the file; profile.recording.event is the used one
};

// `path` may be "-" for standard input.
Result<Opened> open(const std::string& path, const Options& options);

}  // namespace pgflame::input
