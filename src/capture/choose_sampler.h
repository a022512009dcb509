// Takes the best sampler that works on this host.
#pragma once

#include <memory>
#include <string>

#include "src/capture/capture.h"
#include "src/capture/sampler.h"

namespace pgflame::capture {

struct ChosenSampler {
  std::unique_ptr<Sampler> sampler;
  std::string reason;  // a sentence: why this one, and what stood in the way of a better one
  std::string note;    // something asked for that it cannot do; else empty
  bool is_bpf = false;
};

// `single_backends`: not every process of the chosen clusters is wanted.
Result<ChosenSampler> choose_sampler(const Options& options, bool single_backends);

// The next best one, after the BPF sampler failed at the start.
Result<ChosenSampler> instead_of_bpf(const Options& options,
                                     bool single_backends,
                                     const Error& obstacle);

}  // namespace pgflame::capture
