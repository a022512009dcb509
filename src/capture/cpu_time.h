// Time on a CPU: the scheduler's exact times of the backends, spread over their samples.
#pragma once

#include <unordered_set>

#include "src/profile/profile.h"

namespace pgflame::capture {

// Gives the samples of each backend its Backend::on_cpu_ns together: samples are a choice of that
// time, from which some are missing (Loss::kSkipped).
//
// Of a backend that ran for a few sampling periods it is chance whether it has a sample at all. Its
// time and that of others like it are spread over the samples that some of them have, so that what
// many short sessions did keeps its share of all CPU time; on_cpu_ns says what each one used.
//
// Samples of backends `with_threads` keep their weights, because the scheduler's times are those of
// processes' first threads; so do samples of an event that does not count nanoseconds.
void divide_cpu_time(Profile& profile, const std::unordered_set<BackendId>& with_threads);

}  // namespace pgflame::capture
