// Feeds the walker in the kernel (bpf/unwind_walk.h): compiles the unwind information of what the
// targets have mapped, and keeps up when they load something.
//
// Order of publication: rows and rules, then the space that names them, then the process that names
// the space; nothing that is published changes. The one place in this folder that knows
// symbolizer/unwind, which lies below it (see ARCHITECTURE.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bpf/unwind_table.h"
#include "src/base/error.h"
#include "src/base/hash_index.h"
#include "src/capture/jit_tables.h"
#include "src/capture/row_array.h"
#include "src/capture/unwind_check.h"
#include "src/profile/address_space.h"
#include "symbolizer/unwind/table.h"

namespace pgflame::capture {

// File descriptors of the walker's maps; they stay the caller's.
struct UnwindMaps {
  int rows = -1;
  int rules = -1;
  int spaces = -1;
  int processes = -1;
  uint32_t row_capacity = 0;
};

class UnwindFeed {
 public:
  // `on_jit_runtime` is called with the path of each libgcc_s.so that a target has mapped, once:
  // it is what code made at run time is registered with (bpf/unwind_jit.h).
  using OnJitRuntime = std::function<void(const std::string& path)>;
  // Tables are kept in `cache_dir` (symbolizer/unwind/table_cache.h).
  static Result<std::unique_ptr<UnwindFeed>> open(const UnwindMaps& maps,
                                                  std::string cache_dir,
                                                  OnJitRuntime on_jit_runtime);
  UnwindFeed(const UnwindFeed&) = delete;
  UnwindFeed& operator=(const UnwindFeed&) = delete;
  ~UnwindFeed();

  // Makes the tables of what the process has mapped before those of any other; nothing is
  // published.
  void prepare(int32_t pid);

  // Reads what the process has mapped, which existed when the recording began, and publishes it.
  // A process that is gone, whose maps cannot be read, or that runs a 32-bit program is walked by
  // frame pointers.
  void add(int32_t pid);

  // A record of the walker's ring; malformed ones are ignored.
  void receive(std::span<const std::byte> bytes);

  // Stacks of PGF_RECORD_VERIFY records, compared; empty when there were none.
  std::string verification() const { return check_ ? check_->summary() : std::string(); }

  uint64_t modules() const { return modules_.size(); }
  uint64_t rows() const { return rows_.used(); }
  uint64_t compile_ns() const { return compile_ns_; }  // CPU time spent on new modules
  const RunTimeCode& run_time_code() const { return run_time_code_; }
  std::vector<std::string> notes() const;  // what found no room: sentences

 private:
  // What a mapping of the module needs to know.
  struct Part {
    RowArray::Part rows;
    uint64_t base = 0;  // virtual address of row pc 0
    uint32_t flags = 0;
    unwind::LoadSegments segments;
  };

  UnwindFeed(const UnwindMaps& maps,
             pgf_unwind_row* rows,
             std::string cache_dir,
             OnJitRuntime on_jit_runtime);

  void read_again(int32_t pid);
  void publish_mapped(int32_t pid, const std::string& maps_text);
  void add_jit(const pgf_jit_record& record);
  pgf_unwind_mapping mapping_of(int32_t pid, const MapsLine& line);
  void publish(int32_t pid, const std::vector<pgf_unwind_mapping>& mapped);
  void publish_with_new_code(int32_t pid);
  std::vector<pgf_unwind_mapping> mapped_files(int32_t pid, const std::string& maps_text);
  pgf_unwind_space space_of(int32_t pid, const std::vector<pgf_unwind_mapping>& mapped);
  const Part& part_of(int32_t pid, const MapsLine& line);
  Part compile(int32_t pid, const MapsLine& line);
  Part store(const unwind::ElfImage& image, std::string_view path);
  uint16_t rule_number(const unwind::Rule& rule);
  uint32_t slot_of(pgf_unwind_space space);
  void collect_slots();

  UnwindMaps maps_;
  pgf_unwind_row* row_array_;  // the kernel's array, mapped
  std::string cache_dir_;
  OnJitRuntime on_jit_runtime_;
  uint32_t room_;  // rows for modules; the rest is for code made at run time
  RowArray rows_;
  JitTables jit_;
  RunTimeCode run_time_code_;
  std::set<int32_t> with_earlier_code_;  // counted in it; processes may be added twice
  // What was mapped, as last read, in the processes that compile code.
  std::unordered_map<int32_t, std::vector<pgf_unwind_mapping>> mapped_;
  std::unique_ptr<UnwindCheck> check_;  // made for the first stack to compare
  bool full_ = false;                   // a process, a mapping or a rule found no room
  uint64_t compile_ns_ = 0;
  std::unordered_map<std::string, Part> modules_;  // by identity_of_mapped_file
  std::vector<unwind::Rule> rules_;
  HashIndex rule_index_;
  std::vector<uint64_t> slot_hashes_;  // by slot; 0: free
  uint32_t generation_ = 0;            // of the space published last
};

}  // namespace pgflame::capture
