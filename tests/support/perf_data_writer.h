// Writes perf.data files record by record, in either byte order.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace pgflame::testing {

// One cpu-clock event with IP|TID|TIME|CALLCHAIN|PERIOD and sample_id_all.
class PerfDataWriter {
 public:
  explicit PerfDataWriter(bool swapped = false) : swapped_(swapped) {}

  void map(uint64_t time,
           uint32_t pid,
           uint64_t start,
           uint64_t size,
           std::string_view path,
           bool data = false);
  void comm(uint64_t time, uint32_t pid, std::string_view name, bool exec = false);
  void fork(uint64_t time, uint32_t parent, uint32_t child);
  // In kernel mode when the chain begins there.
  void sample(uint64_t time, uint32_t pid, std::initializer_list<uint64_t> chain);
  // The same with the lowest registers and the stack's memory, whole words. All samples of a file
  // have them, or none.
  void sample_with_dump(uint64_t time,
                        uint32_t pid,
                        std::initializer_list<uint64_t> registers,
                        std::initializer_list<uint64_t> stack);
  // A record with any body of whole words; kernel records get the trailer that carries the time.
  void record(uint32_t type,
              uint16_t misc,
              std::initializer_list<uint64_t> words,
              uint64_t time = 0,
              uint32_t pid = 0);
  void finished_round();
  // That the samples' clock stood at `time` when it was `wall` (Unix nanoseconds).
  void clock(uint64_t wall, uint64_t time);

  // What the header says of a file that was sampled.
  void build_id(std::string_view path, std::string_view id);

  std::string file() const;

 private:
  void begin(uint32_t type, uint16_t misc, size_t body);
  void u32(std::string& out, uint32_t value) const;
  void u64(std::string& out, uint64_t value) const;
  void text(std::string_view value, size_t size);
  void trailer(uint64_t time, uint32_t pid);
  void add_features(std::string& header, std::string& features, size_t end_of_records) const;

  bool swapped_;
  std::string records_;
  std::string build_ids_;          // HEADER_BUILD_ID
  std::string clock_;              // HEADER_CLOCK_DATA
  uint64_t dumped_registers_ = 0;  // sample_regs_user
};

constexpr uint64_t kUserMarker = static_cast<uint64_t>(-512);
constexpr uint64_t kKernelMarker = static_cast<uint64_t>(-128);

}  // namespace pgflame::testing
