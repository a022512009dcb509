// The programs and maps of bpf/ in the kernel, compiled ahead of time or on this host.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/capture/bcc_programs.h"
#include "src/capture/sampler.h"
#include "src/profile/profile.h"

struct sampler;  // sampler.skel.h

namespace pgflame::capture {

class BpfPrograms {
 public:
  // Loads them; nothing runs yet. `compiled_here`: by libbpfcc, for kernels without BTF.
  // `by_table`: with the walker that uses tables.
  static Result<BpfPrograms> load(const SamplerSettings& settings,
                                  bool compiled_here,
                                  bool by_table);

  // From here on targets are followed; samples are taken by the sampling event.
  Status attach();

  // The maps, and the variables that the programs share with user space.
  sampler* operator->() const { return skeleton_.get(); }

  int descriptor(const char* program) const;

  // Of the per-CPU array `counters`; `row` is an enum counter.
  std::vector<uint64_t> counter_by_cpu(uint32_t row) const;
  uint64_t counter(uint32_t row) const;

  // What all of them have cost since the kernel counts it.
  Cost cost() const;

  // What is said about them in the report: sentences.
  std::vector<std::string> notes() const;

 private:
  struct DestroySkeleton {
    void operator()(sampler* skeleton) const;
  };

  Status load_compiled_here(bool waits);
  std::vector<int> descriptors() const;

  std::unique_ptr<sampler, DestroySkeleton> skeleton_;
  std::optional<BccPrograms> bcc_;
};

}  // namespace pgflame::capture
