#include "src/capture/cpu_frequency.h"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "src/capture/proc.h"
#include "tests/support/folder.h"

using namespace pgflame;
using namespace pgflame::capture;

TEST_SUITE("capture") {
  TEST_CASE("the frequency is the mean of the CPUs, as cpufreq says or else /proc/cpuinfo") {
    const Folder folder;
    const FrequencyFiles files{folder.path(), folder / "cpuinfo"};
    const auto write = [](const std::string& path, std::string_view text) {
      std::filesystem::create_directories(std::filesystem::path(path).parent_path());
      std::ofstream(path, std::ios::trunc) << text;
    };
    CHECK(read_cpu_mhz(files) == 0);
    write(files.info,
          "processor\t: 0\ncpu MHz\t\t: 2793.436\n\nprocessor\t: 1\ncpu MHz\t\t: 1000.9\n");
    CHECK(read_cpu_mhz(files) == 1896);
    write(files.info, "cpu MHz");
    CHECK(read_cpu_mhz(files) == 0);
    write(files.info, "cpu MHz\t: 99999999999999999999\ncpu MHz\t: -3\ncpu MHz\t: 0.000\n");
    CHECK(read_cpu_mhz(files) == 0);
    write(files.info, "cpu MHz\t\t: 1000.000\n");
    for (const int cpu : online_cpus())
      write(folder / ("cpu" + std::to_string(cpu) + "/cpufreq/scaling_cur_freq").c_str(),
            "3200000\n");
    CHECK(read_cpu_mhz(files) == 3200);
  }
}
