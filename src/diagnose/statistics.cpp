#include "src/diagnose/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pgflame::diagnose {

Share wilson(double hits, double samples) {
  if (samples <= 0) return {};
  constexpr double kZ = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  const double p = std::clamp(hits / samples, 0.0, 1.0);
  const double z2n = kZ * kZ / samples;
  const double centre = (p + z2n / 2) / (1 + z2n);
  const double half = kZ / (1 + z2n) * std::sqrt(p * (1 - p) / samples + z2n / (4 * samples));
  return {p, std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

double two_proportion_p(double hits_a, double samples_a, double hits_b, double samples_b) {
  if (samples_a <= 0 || samples_b <= 0) return 1;
  const double pooled = (hits_a + hits_b) / (samples_a + samples_b);
  const double variance = pooled * (1 - pooled) * (1 / samples_a + 1 / samples_b);
  if (variance <= 0) return 1;
  const double z = std::abs(hits_a / samples_a - hits_b / samples_b) / std::sqrt(variance);
  return std::erfc(z / std::sqrt(2.0));
}

std::vector<bool> discoveries(const std::vector<double>& p_values, double rate) {
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return p_values[i]; });
  size_t accepted = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const double limit =
        rate * static_cast<double>(rank + 1) / static_cast<double>(p_values.size());
    if (p_values[order[rank]] <= limit) accepted = rank + 1;
  }
  std::vector<bool> rejected(p_values.size());
  for (size_t rank = 0; rank < accepted; ++rank)
    rejected[order[rank]] = true;
  return rejected;
}

}  // namespace pgflame::diagnose
