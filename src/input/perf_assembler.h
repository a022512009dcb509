// Puts the batches of a perf.data stream in order of time and builds the profile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "src/input/input.h"
#include "src/input/perf_batch.h"
#include "src/input/process_table.h"
#include "src/input/sample_filter.h"
#include "src/input/sample_table.h"
#include "src/input/stack_builder.h"
#include "src/profile/this_boot.h"

namespace pgflame::input {

class PerfAssembler {
 public:
  struct Options {
    const input::Options* wanted = nullptr;
    std::optional<TimeRange> range;
    uint64_t first_time = 0;  // of the samples; 0: taken from the first ones seen
    int64_t wall_offset = 0;  // Unix nanoseconds = time of a sample + this; 0 unknown
    std::string host;         // where the capture was made, as far as known before the records
    std::string kernel;
    uint32_t max_stack = 127;  // chains this long were cut
    BuildIds build_ids;        // that are known before the records
  };
  struct Counts {
    uint64_t filtered = 0;
    uint64_t bad_records = 0;
    uint64_t stacks_lost = 0;  // samples kept whose stack could not be told
  };

  explicit PerfAssembler(const Options& options);

  // What is left of the batch has been dealt with.
  void accept(Batch& batch);
  // Whatever is still waiting for its turn.
  void finish();

  const Counts& counts() const { return counts_; }
  uint64_t first_time() const { return first_time_; }
  // By the capture's clock, of the part that is wanted.
  uint64_t start_time() const;
  uint64_t last_time() const { return last_time_; }
  // Whether the options ask for what was then, by the capture's clock. Final after finish().
  bool is_in_range(uint64_t time) const;
  bool other_processes() const { return other_processes_; }
  uint32_t resolution() const { return samples_.resolution(); }
  // Not all of the periods could be counted.
  bool counts_cut() const { return samples_.cut(); }
  // Where the kernel's text is mapped, as far as the records say.
  const Mapping& kernel() const { return kernel_; }
  // Empty while no kernel address was seen.
  MappingId kernel_mapping() const { return stacks_.kernel_mapping(); }
  Profile take();

 private:
  struct DueSample {
    uint64_t time = 0;
    const SampleRecord* sample = nullptr;
  };
  // The stack of a chain in an address space.
  struct KnownStack {
    SpaceId space = UINT32_MAX;
    StackBuilder::Stack stack;
  };

  void flush(std::vector<SampleRecord>& latest, uint64_t until);
  void add_due();
  void fetch_ahead(size_t i) const;
  void apply(const ProcessRecord& record);
  void add(const SampleRecord& record);
  bool is_wanted(const SampleRecord& sample);
  // Once it is known on which day the capture starts.
  void fix_range();
  void leave_out(const SampleRecord& record);
  StackBuilder::Stack stack_of(const SampleRecord& sample, SpaceId space);
  StackBuilder::Stack resolve(const SampleRecord& sample, SpaceId space);
  StackBuilder::Stack unwind(const SampleRecord& sample, SpaceId space);
  const AddressSpace& addresses_of(const SampleRecord& sample) {
    return processes_.address_space(sample.pid, sample.tid);
  }
  void tell_files_the_time();

  Options options_;
  SampleFilter filter_;
  Counts counts_;
  std::vector<Backend> left_out_;  // some of the processes without a sample that is wanted
  ProfileBuilder builder_;
  ProcessTable processes_;
  StackBuilder stacks_;
  SampleTable samples_;
  std::vector<Chain> chains_;
  std::vector<KnownStack> known_stacks_;  // by chain, in the first space it was seen in
  // By chain and space, for all but the first space of a chain.
  std::unordered_map<uint64_t, StackBuilder::Stack> resolved_elsewhere_;
  std::vector<SampleRecord> waiting_samples_;
  std::vector<ProcessRecord> waiting_processes_;
  // What is due; kept for their memory.
  std::vector<DueSample> due_samples_;
  std::vector<ProcessRecord> due_processes_;
  // Of the sample that is being unwound.
  std::vector<uint64_t> registers_;
  std::vector<uint64_t> unwound_;  // chain
  size_t waiting_dump_bytes_ = 0;
  Mapping kernel_;
  uint64_t first_time_ = 0;
  uint64_t last_time_ = 0;
  int64_t boot_unix_ns_ = unix_time_of_boot();
  bool other_processes_ = false;
};

}  // namespace pgflame::input
