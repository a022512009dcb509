// Loads the BPF programs and prints how many instructions the kernel's verifier looked at, so that
// growth is seen before an older kernel refuses them. Exit code 77: not allowed to load.
#include <cerrno>
#include <cstdio>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sampler.skel.h"

namespace {

constexpr int kSkipped = 77;
// The kernel gives up at one million; kernels differ by a factor of two to three.
constexpr unsigned kLimit = 300'000;

}  // namespace

int main() {
  sampler* skeleton = sampler::open();
  const int failed = skeleton == nullptr ? -errno : sampler::load(skeleton);
  if (failed != 0) {
    sampler::destroy(skeleton);
    return failed == -EPERM || failed == -EACCES ? kSkipped : 1;
  }
  bool small = true;
  const bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(skeleton->obj, const_cast<bpf_program*>(program))) !=
         nullptr) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) continue;
    std::printf("%s: %u instructions verified\n", bpf_program__name(program), info.verified_insns);
    small = small && info.verified_insns < kLimit;
  }
  sampler::destroy(skeleton);
  return small ? 0 : 1;
}
