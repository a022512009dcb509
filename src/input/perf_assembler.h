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

namespace pgflame::input {

class PerfAssembler {
 public:
  struct Options {
    const input::Options* wanted = nullptr;
    std::optional<TimeRange> range;
    uint64_t first_time = 0;   // of the samples; 0: taken from the first ones seen
    int64_t wall_offset = 0;   // Unix nanoseconds = time of a sample + this
    uint32_t max_stack = 127;  // chains this long were cut
    BuildIds build_ids;        // that are known before the records
  };
  struct Counts {
    uint64_t filtered = 0;
    uint64_t bad_records = 0;
    uint64_t stacks_lost = 0;  // samples kept whose stack could not be told
  };

  explicit PerfAssembler(const Options& options);

  void accept(Batch batch);
  // Whatever is still waiting for its turn.
  void finish();

  const Counts& counts() const { return counts_; }
  uint64_t first_time() const { return first_time_; }
  uint64_t last_time() const { return last_time_; }
  bool other_processes() const { return other_processes_; }
  uint32_t resolution() const { return samples_.resolution(); }
  // Not all of the periods could be counted.
  bool counts_cut() const { return samples_.cut(); }
  // Where the kernel's text is mapped, as far as the records say.
  const Mapping& kernel() const { return kernel_; }
  // Empty while no kernel address was seen.
  MappingId kernel_mapping() const { return kernel_mapping_; }
  Profile take();

 private:
  struct ResolvedStack {
    StackId stack = kEmptyStack;
    StackEnd end = StackEnd::kUnknown;
  };
  struct ChainRow {
    Chain chain;
    SpaceId space = UINT32_MAX;  // for which `resolved` holds
    ResolvedStack resolved;
  };
  // The group in `samples_` to which the samples of a chain and a task were added last.
  struct KnownGroup {
    ChainId chain = 0;
    BackendId backend;
    SpaceId space = 0;
    uint32_t group = 0;
  };
  // A place in the code that was looked up lately; kKernelSpace for the kernel's.
  struct KnownLocation {
    uint64_t address = 0;
    SpaceId space = 0;
    LocationId location;
  };
  static constexpr size_t kKnownLocations = 8192;
  static constexpr SpaceId kKernelSpace = UINT32_MAX;
  // Whose code the addresses of a chain are.
  struct Place {
    const AddressSpace* addresses = nullptr;
    SpaceId space = 0;
    bool kernel = false;
    bool innermost = true;
  };

  void flush(uint64_t until);
  void prefetch(size_t sample) const;
  size_t place_of(const SampleRecord& sample) const;
  uint32_t add_to_group(const SampleRecord& record, ProcessTable::Task task, uint32_t second);
  void apply(const ProcessRecord& record);
  void add(const SampleRecord& record);
  bool is_wanted(const SampleRecord& sample);
  uint32_t second_of(uint64_t time) const;
  ResolvedStack resolve(const SampleRecord& sample, SpaceId space);
  const AddressSpace& addresses_of(const SampleRecord& sample) {
    return processes_.address_space(sample.pid, sample.tid);
  }
  ResolvedStack build(Chain chain, const AddressSpace& addresses, SpaceId space);
  StackId push_path();
  ResolvedStack unwind(const SampleRecord& sample, SpaceId space);
  LocationId locate(uint64_t address, Place place);
  MappingId mapping_of_kernel();

  Options options_;
  SampleFilter filter_;
  Counts counts_;
  ProfileBuilder builder_;
  ProcessTable processes_;
  SampleTable samples_;
  std::vector<ChainRow> chains_;
  std::vector<KnownGroup> known_groups_;  // by a hash of chain and thread
  // By chain and space, for all but the first space of a chain.
  std::unordered_map<uint64_t, ResolvedStack> resolved_elsewhere_;
  std::vector<SampleRecord> waiting_samples_;
  std::vector<ProcessRecord> waiting_processes_;
  // What is due; kept for their memory.
  std::vector<SampleRecord> due_samples_;
  std::vector<ProcessRecord> due_processes_;
  std::vector<KnownLocation> known_locations_;  // by a hash of their address
  std::vector<LocationId> path_;                // of the stack being built, innermost first
  // The stack built last, outermost first: the next one mostly begins like it.
  std::vector<LocationId> last_path_;
  std::vector<StackId> last_stacks_;
  // Of the sample that is being unwound.
  std::vector<uint64_t> registers_;
  std::vector<uint64_t> unwound_;  // chain
  size_t waiting_dump_bytes_ = 0;
  Mapping kernel_;
  MappingId kernel_mapping_;
  uint64_t first_time_ = 0;
  uint64_t last_time_ = 0;
  bool other_processes_ = false;
};

}  // namespace pgflame::input
