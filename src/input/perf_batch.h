// What the decoder of a perf.data stream hands to the assembler: records in file order, parsed,
// call chains replaced by numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "src/input/block_buffer.h"
#include "src/input/chain_table.h"
#include "src/profile/user_stack.h"

namespace pgflame::input {

// Registers and stack memory of a sample, for the unwinder.
struct Dump {
  DumpMachine machine = DumpMachine::kUnknown;
  uint64_t abi = 0;
  uint64_t register_mask = 0;
  Bytes registers;  // whole words
  Bytes stack;
  bool swapped = false;  // the words are not in our byte order
  BlockRef block;        // that registers and stack lie in
};

struct SampleRecord {
  uint64_t time = 0;   // 0: the file has none
  uint64_t order = 0;  // number of the record in the stream
  uint64_t weight = 0;
  ChainId chain = ChainTable::kOverflow;
  int32_t pid = 0;
  int32_t tid = 0;
  bool in_user_code = false;    // the program itself was running, not the kernel for it
  bool chain_only_ip = false;   // no stack was recorded, the chain is just the address
  bool user_part_lost = false;  // it was to follow in a later record and did not
  std::unique_ptr<Dump> dump;   // empty: none, or nobody wants to unwind it
};

// A change in what processes exist, how they are called and what they have mapped.
struct ProcessRecord {
  enum class Kind : uint8_t { kMap, kComm, kExec, kFork };
  Kind kind = Kind::kMap;
  bool kernel = false;      // kMap: in the kernel
  bool executable = false;  // kMap
  bool keeps_maps = true;   // kFork: the child starts with its parent's mappings
  uint64_t time = 0;        // 0: the record has none and counts from where it stands
  uint64_t order = 0;
  int32_t pid = 0;
  int32_t tid = 0;
  int32_t parent_pid = 0;
  int32_t parent_tid = 0;
  uint64_t start = 0;
  uint64_t size = 0;
  uint64_t file_offset = 0;
  std::string name;      // path or comm
  std::string build_id;  // lower-case hex, empty unknown
  uint64_t device = 0;   // kMap: of the file, as by makedev(3)
  uint64_t inode = 0;    // kMap: of the file, 0 unknown
};

inline bool is_untimed(uint64_t time) {
  return time == 0 || time == UINT64_MAX;
}

struct Batch {
  void add(SampleRecord&& sample) {
    any_untimed = any_untimed || is_untimed(sample.time);
    samples.push_back(std::move(sample));
  }

  std::vector<SampleRecord> samples;     // by order
  std::vector<ProcessRecord> processes;  // by order
  std::vector<Chain> new_chains;         // ids continue where the last batch ended
  uint64_t safe_time = 0;                // no record at or before it is still to come
  size_t dump_bytes = 0;                 // of the blocks that dumps keep
  bool any_untimed = false;              // among the samples
};

// The memory of batches goes back to where they are made: fresh pages cost more than what is done
// with the records in them. May be used by several threads.
class SampleMemory {
 public:
  std::vector<SampleRecord> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    std::vector<SampleRecord> room = std::move(free_.back());
    free_.pop_back();
    return room;
  }

  void give_back(std::vector<SampleRecord> used) {
    used.clear();
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(used));
  }

 private:
  std::mutex mutex_;
  std::vector<std::vector<SampleRecord>> free_;
};

}  // namespace pgflame::input
