// The few statistics the texts rest on.
#pragma once

#include <cstdint>
#include <vector>

#include "src/diagnose/diagnosis.h"

namespace pgflame::diagnose {

// The share `hits` of `samples` with its 95 % Wilson score interval; all zero without samples.
Share wilson(double hits, double samples);

// Two-sided p-value that two shares are equal: pooled two-proportion z test. 1 without samples.
double two_proportion_p(double hits_a, double samples_a, double hits_b, double samples_b);

// Benjamini and Hochberg: which of the hypotheses to reject so that at most `rate` of the rejected
// ones are false discoveries in expectation.
std::vector<bool> discoveries(const std::vector<double>& p_values, double rate);

}  // namespace pgflame::diagnose
