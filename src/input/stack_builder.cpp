#include "src/input/stack_builder.h"

#include <algorithm>

#include "src/base/hash_index.h"

namespace pgflame::input {
namespace {

// What a chain entry says about the entries behind it.
struct Context {
  bool kernel = false;
  bool known = true;
};

Context context_of(uint64_t marker) {
  switch (marker) {
    case kMarkerKernel:
    case kMarkerHypervisor:
    case kMarkerGuestKernel:
      return {true, true};
    case kMarkerUser:
    case kMarkerUserDeferred:
    case kMarkerGuest:
    case kMarkerGuestUser:
      return {false, true};
    default:
      return {false, false};
  }
}

}  // namespace

bool is_kernel_marker(uint64_t marker) {
  return context_of(marker).kernel;
}

void StackBuilder::read_frames(Chain chain) {
  // A return address lies behind its call, perhaps already in the next function.
  // The first page holds no code and a call takes two bytes: below there are no return addresses.
  constexpr uint64_t kLowestReturn = 4096 + 2;
  frames_.clear();
  Context context;
  bool innermost = true;
  for (const uint64_t word : chain) {
    if (word >= kLowestMarker) {
      context = context_of(word);
      innermost = true;
    } else if (context.known) {
      frames_.push_back({innermost || word < kLowestReturn ? word : word - 1, context.kernel});
      innermost = false;
    }
  }
}

StackBuilder::Stack StackBuilder::build(Chain chain, const AddressSpace& addresses, SpaceId space) {
  frames_.swap(last_frames_);
  read_frames(chain);
  const bool comparable = space == last_space_;
  last_space_ = space;
  size_t shared = 0;
  if (comparable) {
    const auto differs = std::ranges::mismatch(
        frames_.rbegin(), frames_.rend(), last_frames_.rbegin(), last_frames_.rend());
    shared = static_cast<size_t>(differs.in1 - frames_.rbegin());
  }
  path_.clear();
  for (size_t i = 0; i + shared < frames_.size(); ++i)
    path_.push_back(locate(frames_[i], addresses, space));
  stacks_.resize(shared);
  Stack stack;
  if (!stacks_.empty()) stack.id = stacks_.back();
  for (size_t i = path_.size(); i-- > 0;) {
    stack.id = builder_.push(stack.id, path_[i]);
    stacks_.push_back(stack.id);
  }
  if (frames_.size() >= max_stack_) stack.end = StackEnd::kTruncated;
  return stack;
}

LocationId StackBuilder::locate(Frame frame, const AddressSpace& addresses, SpaceId space) {
  if (frame.kernel) space = kKernelSpace;
  KnownLocation& known = known_locations_[hash_mix(space, frame.address) % kKnownLocations];
  if (known.address == frame.address && known.space == space && known.location.valid())
    return known.location;
  const MappingId mapping = frame.kernel ? mapping_of_kernel() : addresses.find(frame.address);
  known = {frame.address, space, builder_.location(mapping, frame.address)};
  return known.location;
}

MappingId StackBuilder::mapping_of_kernel() {
  if (!kernel_mapping_.valid()) {
    Mapping row;
    row.end = UINT64_MAX;
    row.module = builder_.module(Module{ModuleKind::kKernel, "[kernel]", ""});
    kernel_mapping_ = builder_.mapping(row);
  }
  return kernel_mapping_;
}

}  // namespace pgflame::input
