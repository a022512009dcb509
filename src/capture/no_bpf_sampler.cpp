// Stands in for bpf_sampler.cpp in builds without BPF.
#include "src/capture/sampler.h"

namespace pgflame::capture {

Result<std::unique_ptr<Sampler>> make_bpf_sampler(const SamplerSettings& /*settings*/) {
  return fail(ErrorKind::kUnsupported,
              "this pgflame was built without BPF",
              "build it with -DPGFLAME_BPF=ON");
}

Result<std::unique_ptr<Sampler>> make_bcc_sampler(const SamplerSettings& settings) {
  return make_bpf_sampler(settings);
}

}  // namespace pgflame::capture
