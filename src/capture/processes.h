// The processes that are sampled: who they are and what is mapped in them.
//
// The maps of a process are read when it is first seen; children share their parent's until
// an address shows up that they do not cover. What was learned about a process outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/capture/mapped_files.h"
#include "src/capture/tag_layout.h"
#include "src/profile/address_space.h"
#include "src/profile/builder.h"

namespace pgflame::capture {

class Processes {
 public:
  explicit Processes(ProfileBuilder& builder) : builder_(builder), files_(builder) {}

  void add_cluster(const Cluster& cluster, const std::optional<TagLayout>& layout);

  // A process that already runs. Reads its title and maps.
  void add(int32_t pid, int32_t postmaster);
  void fork(int32_t parent, int32_t pid, uint64_t time_ns);
  void exec(int32_t pid);
  void exit(int32_t pid);

  bool contains(int32_t pid) const { return rows_.contains(pid); }
  size_t size() const { return rows_.size(); }
  size_t backends_seen() const { return builder_.profile().backends.size(); }
  std::vector<int32_t> pids() const;
  int32_t postmaster_of(int32_t pid) const;
  int major_of(int32_t pid) const;  // of its cluster, 0 unknown
  // When it was born or, if it was there before, added.
  uint64_t since_ns(int32_t pid) const;

  // Takes note of the numbers by which the backend knows its database and user.
  void learn(int32_t pid, const Tags& tags);
  // Names types, databases and users of backends whose title could not be read in time (or is
  // ambiguous) after other backends with the same numbers. A note says how many sessions were left
  // without.
  void fill_in_names();

  // The row of the backend in the profile, made at the first call.
  BackendId backend(int32_t pid);

  // Where `address` lies; `now_ns` limits how often maps are read again.
  LocationId locate(int32_t pid, uint64_t address, uint64_t now_ns);
  LocationId locate_kernel(uint64_t address);

  // Reads the titles that were not there yet when they were last looked at and are due. Returns
  // whether any remain to be looked at soon.
  bool refresh_titles(uint64_t now_ns);
  // The processes whose title has become known since the last call.
  std::vector<int32_t> take_titled() { return std::exchange(titled_, {}); }
  // What is known about a process; null when it is gone.
  const Backend* find(int32_t pid) const;
  // Reads all titles again.
  void read_all_titles();

  // The files of the modules, at the end of the recording.
  ModuleFiles take_files();

 private:
  struct Row {
    int32_t postmaster = 0;
    int32_t namespace_pid = 0;  // what it takes for its own pid; 0 not asked yet
    uint64_t since_ns = 0;
    std::shared_ptr<const AddressSpace> space;
    bool own_maps = false;  // `space` was read from this very process
    bool compiles = false;  // PostgreSQL's JIT provider is loaded (llvmjit.so)
    uint64_t maps_read_ns = 0;
    uint64_t title_due_ns = 0;   // 0: the title is known
    uint64_t title_wait_ns = 0;  // until the next look; doubles
    Backend backend;
    BackendId id;
    uint32_t database = 0;  // oids, 0 unknown
    uint32_t user = 0;
    std::optional<uint8_t> type;  // its number in the major version
  };

  struct Unnamed {
    BackendId id;
    int32_t postmaster = 0;
    uint32_t database = 0;
    uint32_t user = 0;
    std::optional<uint8_t> type;
  };
  struct NamesOfCluster {
    std::unordered_map<uint32_t, std::string> databases;
    std::unordered_map<uint32_t, std::string> users;
    std::unordered_map<uint32_t, std::string> types;
  };

  static void expect_title(Row& row);
  void keep_numbers(const Row& row);
  void read_maps(int32_t pid, Row& row);
  void read_title(int32_t pid, Row& row);
  int32_t pid_on_host(int32_t inside, const Row& neighbour);
  void note_unclear_titles();
  MappingId code_that_is_gone(uint64_t address);
  MappingId mapping_of(int32_t pid, const MapsLine& line, bool in_maker);

  ProfileBuilder& builder_;
  std::unordered_map<int32_t, Row> rows_;
  std::unordered_map<int32_t, Cluster> clusters_;  // by postmaster
  std::unordered_map<int32_t, std::optional<TagLayout>> layouts_;
  std::unordered_map<int32_t, NamesOfCluster> names_;
  std::vector<Unnamed> unnamed_;  // backends that are gone
  MappedFiles files_;
  MappingId kernel_;
  std::vector<int32_t> titled_;
};

}  // namespace pgflame::capture
