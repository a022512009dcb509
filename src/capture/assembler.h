// Turns a sampler's events into the rows of a profile.
#pragma once

#include <cstdint>

#include "src/capture/event.h"
#include "src/capture/processes.h"
#include "src/profile/builder.h"

namespace pgflame::capture {

class Assembler {
 public:
  Assembler(ProfileBuilder& builder, Processes& processes, uint64_t start_ns)
      : builder_(builder), processes_(processes), start_ns_(start_ns) {}

  // Events of processes that are no targets are ignored.
  void handle(const Event& event);

  uint64_t samples() const { return samples_; }

 private:
  void add_sample(const Event& event);
  StackId stack_of(const Event& event);

  ProfileBuilder& builder_;
  Processes& processes_;
  uint64_t start_ns_;
  uint64_t samples_ = 0;
};

}  // namespace pgflame::capture
