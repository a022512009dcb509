// Walks the stacks that the perf sampler brings as registers and a copy of the stack, by the unwind
// information of what the targets have mapped. The same step as in the kernel's walker and offline.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/profile/user_stack.h"
#include "symbolizer/unwind/elf_image.h"
#include "symbolizer/unwind/table.h"
#include "symbolizer/unwind/walk.h"

namespace pgflame::capture {

class LiveUnwinder {
 public:
  explicit LiveUnwinder(std::string cache_dir = {},
                        unwind::ByTable by_table = unwind::ByTable::kAll);

  // Reads what the process has mapped; again at an exec, or when an address is not covered.
  void add(int32_t pid);
  void fork(int32_t parent, int32_t child);  // a target's child has what its parent has
  void forget(int32_t pid);
  bool follows(int32_t pid) const { return processes_.contains(pid); }

  uint64_t compile_ns() const { return compile_ns_; }  // CPU time spent on new modules

  // About 3 µs. Where the dump ends it goes on with `chain`, the kernel's walk of the same stack by
  // frame pointers (continue_by_chain). Ends early, and says how, where the tables do.
  UserStack walk(int32_t pid,
                 const UserDump& captured,
                 std::span<const uint64_t> chain,
                 uint64_t now_ns);

 private:
  struct Module {
    unwind::Table table;
    unwind::LoadSegments segments;
  };
  // Where an executable mapping's code is found in its module's table.
  struct Place {
    const Module* module = nullptr;  // null: no unwind information
    uint64_t bias = 0;  // process address minus virtual address in the file, modulo 2^64
    bool has_file = true;
  };
  struct Space {
    AddressSpace ranges;  // ids are rows of `places`
    std::vector<Place> places;
  };
  struct Process {
    std::shared_ptr<const Space> space;
    uint64_t read_ns = 0;  // when its maps were read because of a miss
  };

  const Module* module_of(int32_t pid, const MapsLine& line);
  const unwind::Rule* rule_at(int32_t pid, Process& process, uint64_t pc, uint64_t now_ns);

  std::string cache_dir_;
  unwind::ByTable by_table_;
  uint64_t compile_ns_ = 0;
  std::unordered_map<int32_t, Process> processes_;
  std::unordered_map<std::string, std::unique_ptr<Module>> modules_;  // by identity_of_mapped_file
};

// Goes on with the kernel's frame-pointer chain where the copy of the stack ended or there was
// none: from the frame that both found, through code that keeps its frame pointer as far as tables
// know, to the first address that is no code. With kInnermost callers are believed to keep it.
// `rule_at`: see walk.h. Stacks that ended for another reason stay as they are.
UserStack continue_by_chain(UserStack walked,
                            std::span<const uint64_t> chain,
                            unwind::ByTable by_table,
                            const std::function<const unwind::Rule*(uint64_t)>& rule_at);

}  // namespace pgflame::capture
