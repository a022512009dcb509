// Makes stacks of call chains: finds what is mapped at their addresses and stores each stack once.
#pragma once

#include <cstdint>
#include <vector>

#include "src/input/chain_table.h"
#include "src/input/process_table.h"
#include "src/profile/address_space.h"
#include "src/profile/builder.h"

namespace pgflame::input {

// The entries behind this marker are kernel addresses.
bool is_kernel_marker(uint64_t marker);

class StackBuilder {
 public:
  struct Stack {
    StackId id = kEmptyStack;
    StackEnd end = StackEnd::kUnknown;
  };

  // Chains of `max_stack` frames were cut.
  StackBuilder(ProfileBuilder& builder, uint32_t max_stack)
      : builder_(builder), max_stack_(max_stack), known_locations_(kKnownLocations) {}

  // `space` is the number of `addresses`.
  Stack build(Chain chain, const AddressSpace& addresses, SpaceId space);
  // Empty while no kernel address was seen.
  MappingId kernel_mapping() const { return kernel_mapping_; }

 private:
  struct Frame {
    uint64_t address = 0;  // to look up
    bool kernel = false;
    bool operator==(const Frame&) const = default;
  };
  // A place in the code that was looked up lately; kKernelSpace for the kernel's.
  struct KnownLocation {
    uint64_t address = 0;
    SpaceId space = 0;
    LocationId location;
  };
  static constexpr size_t kKnownLocations = 32768;
  static constexpr SpaceId kKernelSpace = UINT32_MAX;

  void read_frames(Chain chain);
  LocationId locate(Frame frame, const AddressSpace& addresses, SpaceId space);
  MappingId mapping_of_kernel();

  ProfileBuilder& builder_;
  uint32_t max_stack_;
  MappingId kernel_mapping_;
  std::vector<KnownLocation> known_locations_;  // by a hash of their address
  std::vector<Frame> frames_;                   // of the chain being built, innermost first
  std::vector<LocationId> path_;                // of those of them that are not in the last chain
  // The chain built last and its stacks, outermost first: the next one mostly ends like it.
  std::vector<Frame> last_frames_;
  SpaceId last_space_ = 0;
  std::vector<StackId> stacks_;
};

}  // namespace pgflame::input
