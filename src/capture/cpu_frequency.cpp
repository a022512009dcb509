#include "src/capture/cpu_frequency.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/capture/proc.h"

namespace pgflame::capture {
namespace {

constexpr size_t kMostCpus = 8;

class Mean {
 public:
  void add(std::optional<uint64_t> mhz) {
    constexpr uint64_t kImplausible = 1'000'000;
    if (!mhz || *mhz == 0 || *mhz >= kImplausible) return;
    sum_ += *mhz;
    ++count_;
  }
  size_t count() const { return count_; }
  uint32_t value() const { return count_ == 0 ? 0 : static_cast<uint32_t>(sum_ / count_); }

 private:
  uint64_t sum_ = 0;
  size_t count_ = 0;
};

uint32_t from_cpufreq(const std::string& cpus) {
  Mean mean;
  const std::vector<int> online = online_cpus();
  const size_t step = (online.size() + kMostCpus - 1) / kMostCpus;
  for (size_t i = 0; i < online.size(); i += step) {
    const auto text =
        read_file(fmt::format("{}/cpu{}/cpufreq/scaling_cur_freq", cpus, online[i]), 64);
    if (!text) break;
    const auto khz = parse_u64(trim(*text));
    if (khz) mean.add(*khz / 1000);
  }
  return mean.value();
}

// "cpu MHz\t\t: 2793.436", of the CPUs at the file's beginning: the kernel writes as much as is
// read.
uint32_t from_cpuinfo(const std::string& path) {
  std::array<char, 16384> text{};
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t size = file.valid() ? ::read(file.get(), text.data(), text.size()) : 0;
  const std::string_view lines(text.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
  Mean mean;
  for (const std::string_view line : split(lines, '\n')) {
    if (!line.starts_with("cpu MHz") || mean.count() == kMostCpus) continue;
    const std::string_view value = line.substr(std::min(line.find(':'), line.size() - 1) + 1);
    mean.add(parse_u64(trim(value.substr(0, value.find('.')))));
  }
  return mean.value();
}

}  // namespace

uint32_t read_cpu_mhz(const FrequencyFiles& files) {
  const uint32_t mhz = from_cpufreq(files.cpus);
  return mhz > 0 ? mhz : from_cpuinfo(files.info);
}

}  // namespace pgflame::capture
