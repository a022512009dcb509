// Builds a Profile row by row; equal rows are stored once.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/base/hash_index.h"
#include "src/profile/profile.h"

namespace pgflame {

class ProfileBuilder {
 public:
  ProfileBuilder();
  explicit ProfileBuilder(Profile base);  // goes on where `base` ends

  ModuleId module(const Module& module);
  MappingId mapping(const Mapping& mapping);
  FunctionId function(const Function& function);
  // A location with an address and no names yet.
  LocationId location(MappingId mapping, uint64_t address);
  // A location that is known by name; `functions` innermost inlined first.
  LocationId named_location(MappingId mapping, uint64_t address, std::span<const Line> lines);
  StackId push(StackId caller, LocationId location);
  BackendId backend(const Backend& backend);  // not interned: every call adds a row

  // Adds count and weight to the row with equal tags, or makes one.
  void add(const Sample& sample);

  Profile& profile() { return profile_; }
  Profile take() && { return std::move(profile_); }

 private:
  void index_stacks();

  Profile profile_;
  HashIndex modules_;
  HashIndex mappings_;
  HashIndex functions_;
  HashIndex locations_;
  // Most frames are called by one frame that calls nothing else: what a frame called first is
  // looked up in a row of its own, only the others by hash.
  std::vector<StackId> first_callees_;  // by caller
  HashIndex stacks_;
  HashIndex samples_;  // not used while every sample came behind the one before
  bool samples_in_order_ = false;
};

}  // namespace pgflame
