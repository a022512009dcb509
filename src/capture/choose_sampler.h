// Takes the best sampler that works on this host: bpf, else bcc, else perf.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/capture/capture.h"
#include "src/capture/sampler.h"
#include "src/capture/targets.h"

namespace pgflame::capture {

struct ChosenSampler {
  std::unique_ptr<Sampler> sampler;
  SamplerChoice kind = SamplerChoice::kPerf;
  std::string reason;              // see why_this_sampler()
  std::vector<std::string> notes;  // what was asked for and it cannot do
  std::vector<Error> obstacles;    // to each of the better ones, best first
};

// `obstacles`: to those that are already known not to work here.
Result<ChosenSampler> choose_sampler(const Options& options,
                                     const Targets& targets,
                                     std::vector<Error> obstacles = {});

// What is asked for and the perf_event sampler cannot do, a sentence each.
std::vector<std::string> beyond_perf(const Options& options);

// A sentence: why this one, and for each of the better ones what stood in the way and what to do
// about it. `asked_for`: it was named on the command line.
std::string why_this_sampler(SamplerChoice kind,
                             bool asked_for,
                             const std::vector<Error>& obstacles);

}  // namespace pgflame::capture
