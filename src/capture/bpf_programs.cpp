#include "src/capture/bpf_programs.h"

#include <cerrno>
#include <numeric>

#include <bpf/libbpf.h>

#include "bpf/sample_event.h"
#include "sampler.skel.h"
#include "src/capture/bpf_load_error.h"
#include "src/capture/bpf_rows.h"

namespace pgflame::capture {

void BpfPrograms::DestroySkeleton::operator()(sampler* skeleton) const {
  sampler::destroy(skeleton);
}

Result<BpfPrograms> BpfPrograms::load(const SamplerSettings& settings,
                                      bool compiled_here,
                                      bool by_table) {
  keep_libbpf_messages();
  BpfPrograms made;
  made.skeleton_.reset(sampler::open());
  if (!made.skeleton_) return fail(load_error(errno));
  auto& constants = *made->rodata;
  constants.unwind_by_table = by_table ? 1 : 0;
  constants.only_first_by_table = settings.unwind == UnwindChoice::kFramePointers ? 1 : 0;
  constants.verify_samples = settings.verify_unwind;
  constants.filters = settings.filters ? 1 : 0;
  constants.only_query = settings.only_query;
  bpf_map__set_max_entries(made->maps.unwind_rows, by_table ? settings.table_rows : 1);
  if (compiled_here) {
    if (auto done = made.load_compiled_here(settings.waits); !done)
      return fail(std::move(done).error());
    return made;
  }
  bpf_program__set_autoload(made->progs.on_switch, settings.waits);
  bpf_program__set_autoload(made->progs.on_wakeup, settings.waits);
  if (const int failed = sampler::load(made.skeleton_.get()); failed != 0)
    return fail(load_error(-failed));
  return made;
}

Status BpfPrograms::load_compiled_here(bool waits) {
  auto loaded = BccPrograms::load(skeleton_->obj,
                                  {waits, skeleton_->rodata->unwind_by_table != 0},
                                  skeleton_->rodata->headers_hold);
  if (!loaded) return fail(std::move(loaded).error());
  bcc_ = std::move(*loaded);
  return {};
}

Status BpfPrograms::attach() {
  if (bcc_) return bcc_->attach();
  if (const int failed = sampler::attach(skeleton_.get()); failed != 0)
    return fail(load_error(-failed));
  return {};
}

int BpfPrograms::descriptor(const char* program) const {
  if (bcc_) return bcc_->descriptor(program);
  return bpf_program__fd(bpf_object__find_program_by_name(skeleton_->obj, program));
}

std::vector<int> BpfPrograms::descriptors() const {
  if (bcc_) return bcc_->descriptors();
  std::vector<int> all;
  bpf_program* one = nullptr;
  bpf_object__for_each_program(one, skeleton_->obj) {
    all.push_back(bpf_program__fd(one));
  }
  return all;
}

std::vector<uint64_t> BpfPrograms::counter_by_cpu(uint32_t row) const {
  const int cpus = libbpf_num_possible_cpus();
  std::vector<uint64_t> values(cpus > 0 ? static_cast<size_t>(cpus) : 1);
  const size_t size = values.size() * sizeof(uint64_t);
  const int failed =
      bpf_map__lookup_elem(skeleton_->maps.counters, &row, sizeof(row), values.data(), size, 0);
  return failed == 0 ? values : std::vector<uint64_t>(values.size());
}

uint64_t BpfPrograms::counter(uint32_t row) const {
  const auto values = counter_by_cpu(row);
  return std::accumulate(values.begin(), values.end(), uint64_t{0});
}

Cost BpfPrograms::cost() const {
  Cost cost;
  for (const int program : descriptors()) {
    const Cost part = cost_of(program);
    cost.bpf_ns += part.bpf_ns;
    cost.bpf_runs += part.bpf_runs;
  }
  return cost;
}

std::vector<std::string> BpfPrograms::notes() const {
  return bcc_ ? bcc_->notes() : std::vector<std::string>{};
}

}  // namespace pgflame::capture
