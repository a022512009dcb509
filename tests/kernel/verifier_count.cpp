// Loads the BPF programs and prints how many instructions the kernel's verifier looked at, so that
// growth is seen before an older kernel refuses them. Given the object that is compiled without the
// walker, loads that too and checks that nothing of the walker is in it. Exit code 77: not allowed
// to load.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "sampler.skel.h"

namespace {

constexpr int kSkipped = 77;
// The kernel gives up at one million; kernels differ by a factor of two to three.
constexpr unsigned kLimit = 300'000;
constexpr std::array kWalker{"find_mapping", "find_rule", "step_to_caller", "walk_to_end"};

bool print_counts(bpf_object* object) {
  bool small = true;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) continue;
    std::printf("%s: %u instructions verified\n", bpf_program__name(program), info.verified_insns);
    small = small && info.verified_insns < kLimit;
  }
  return small;
}

size_t functions_of_walker(const bpf_object* object) {
  return static_cast<size_t>(std::ranges::count_if(kWalker, [&](const char* function) {
    return btf__find_by_name_kind(bpf_object__btf(object), function, BTF_KIND_FUNC) > 0;
  }));
}

int check_object_without_tables(const char* path) {
  bpf_object* object = bpf_object__open_file(path, nullptr);
  if (object == nullptr) return 1;
  std::puts("Without tables:");
  const bool good =
      functions_of_walker(object) == 0 && bpf_object__load(object) == 0 && print_counts(object);
  bpf_object__close(object);
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  sampler* skeleton = sampler::open();
  const int failed = skeleton == nullptr ? -errno : sampler::load(skeleton);
  if (failed != 0) {
    sampler::destroy(skeleton);
    return failed == -EPERM || failed == -EACCES ? kSkipped : 1;
  }
  const size_t expected = PGFLAME_KERNEL_TABLES == 0 ? 0 : kWalker.size();
  const bool good = functions_of_walker(skeleton->obj) == expected && print_counts(skeleton->obj);
  sampler::destroy(skeleton);
  if (!good) return 1;
  return argc > 1 ? check_object_without_tables(argv[1]) : 0;
}
