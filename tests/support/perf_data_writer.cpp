#include "tests/support/perf_data_writer.h"

#include <algorithm>

namespace pgflame::testing {
namespace {

constexpr size_t kHeader = 8;
constexpr size_t kTrailer = 16;  // tid and time
constexpr size_t kFileHeader = 104;
constexpr size_t kAttr = 128;
constexpr uint64_t kSampleType = 1 | 2 | 4 | 32 | 256;  // IP, TID, TIME, CALLCHAIN, PERIOD
constexpr uint64_t kDumps = 1U << 12 | 1U << 13;        // REGS_USER, STACK_USER

size_t padded(std::string_view text) {
  return (text.size() + 8) / 8 * 8;
}

}  // namespace

void PerfDataWriter::u32(std::string& out, uint32_t value) const {
  for (int i = 0; i < 4; ++i)
    out += static_cast<char>(value >> (swapped_ ? 24 - 8 * i : 8 * i));
}

void PerfDataWriter::u64(std::string& out, uint64_t value) const {
  for (int i = 0; i < 8; ++i)
    out += static_cast<char>(value >> (swapped_ ? 56 - 8 * i : 8 * i));
}

void PerfDataWriter::begin(uint32_t type, uint16_t misc, size_t body) {
  u32(records_, type);
  const auto size = static_cast<uint32_t>(kHeader + body);
  u32(records_, swapped_ ? uint32_t{misc} << 16 | size : size << 16 | misc);
}

void PerfDataWriter::text(std::string_view value, size_t size) {
  std::string field(value);
  field.resize(size);
  records_ += field;
}

void PerfDataWriter::trailer(uint64_t time, uint32_t pid) {
  u32(records_, pid);
  u32(records_, pid);
  u64(records_, time);
}

void PerfDataWriter::map(uint64_t time,
                         uint32_t pid,
                         uint64_t start,
                         uint64_t size,
                         std::string_view path,
                         bool data) {
  begin(1, data ? 2 | 1U << 13 : 2, 32 + padded(path) + kTrailer);
  u32(records_, pid);
  u32(records_, pid);
  u64(records_, start);
  u64(records_, size);
  u64(records_, 0);
  text(path, padded(path));
  trailer(time, pid);
}

void PerfDataWriter::comm(uint64_t time, uint32_t pid, std::string_view name, bool exec) {
  begin(3, exec ? 1U << 13 : 0, 8 + padded(name) + kTrailer);
  u32(records_, pid);
  u32(records_, pid);
  text(name, padded(name));
  trailer(time, pid);
}

void PerfDataWriter::fork(uint64_t time, uint32_t parent, uint32_t child) {
  begin(7, 0, 24 + kTrailer);
  for (const uint32_t id : {child, parent, child, parent})
    u32(records_, id);
  u64(records_, time);
  trailer(time, child);
}

void PerfDataWriter::sample(uint64_t time, uint32_t pid, std::initializer_list<uint64_t> chain) {
  const bool in_kernel = chain.size() > 0 && *chain.begin() == kKernelMarker;
  begin(9, in_kernel ? 1 : 2, 8 + 8 + 8 + 8 + 8 + chain.size() * 8);
  u64(records_, chain.size() > 1 ? chain.begin()[1] : 0);
  u32(records_, pid);
  u32(records_, pid);
  u64(records_, time);
  u64(records_, 1000);  // period
  u64(records_, chain.size());
  for (const uint64_t word : chain)
    u64(records_, word);
}

void PerfDataWriter::sample_with_dump(uint64_t time,
                                      uint32_t pid,
                                      std::initializer_list<uint64_t> registers,
                                      std::initializer_list<uint64_t> stack) {
  dumped_registers_ = (uint64_t{1} << registers.size()) - 1;
  begin(9, 2, (8 + registers.size() + stack.size()) * 8);
  u64(records_, 0);
  u32(records_, pid);
  u32(records_, pid);
  for (const uint64_t word : {time, uint64_t{1000}, uint64_t{0}, uint64_t{2}})  // no chain; 64 bit
    u64(records_, word);
  for (const uint64_t word : registers)
    u64(records_, word);
  u64(records_, stack.size() * 8);
  for (const uint64_t word : stack)
    u64(records_, word);
  u64(records_, stack.size() * 8);
}

void PerfDataWriter::record(uint32_t type,
                            uint16_t misc,
                            std::initializer_list<uint64_t> words,
                            uint64_t time,
                            uint32_t pid) {
  const bool of_kernel = type < 64;
  begin(type, misc, words.size() * 8 + (of_kernel ? kTrailer : 0));
  for (const uint64_t word : words)
    u64(records_, word);
  if (of_kernel) trailer(time, pid);
}

void PerfDataWriter::finished_round() {
  begin(68, 0, 0);
}

void PerfDataWriter::clock(uint64_t wall, uint64_t time) {
  clock_.clear();
  u32(clock_, 1);  // version
  u32(clock_, 1);  // CLOCK_MONOTONIC
  u64(clock_, wall);
  u64(clock_, time);
}

void PerfDataWriter::build_id(std::string_view path, std::string_view id) {
  constexpr size_t kBytes = 24;  // of the id, with its size
  u32(build_ids_, 0);
  const auto size = static_cast<uint32_t>(kHeader + 4 + kBytes + padded(path));
  u32(build_ids_, swapped_ ? 2U << 16 | size : size << 16 | 2U);
  u32(build_ids_, UINT32_MAX);  // any process
  build_ids_ += id;
  build_ids_.append(kBytes - id.size(), '\0');
  build_ids_ += path;
  build_ids_.append(padded(path) - path.size(), '\0');
}

// Sections in the order of their bits, behind a table of where each is.
void PerfDataWriter::add_features(std::string& header,
                                  std::string& features,
                                  size_t end_of_records) const {
  constexpr size_t kFeatures = 72;
  constexpr unsigned kBuildIds = 2;
  // The host name's bit tells readers the byte order of all of them.
  constexpr unsigned kHostname = 3;
  constexpr unsigned kClockData = 29;
  if (clock_.empty() && build_ids_.empty()) return;
  std::string bits;
  u64(bits, uint64_t{1} << kBuildIds | uint64_t{1} << kHostname | uint64_t{1} << kClockData);
  header.replace(kFeatures, bits.size(), bits);
  uint64_t at = end_of_records + size_t{3} * 16;
  for (const size_t size : {build_ids_.size(), size_t{0}, clock_.size()}) {
    u64(features, at);
    u64(features, size);
    at += size;
  }
  features += build_ids_ + clock_;
}

std::string PerfDataWriter::file() const {
  std::string out = swapped_ ? "2ELIFREP" : "PERFILE2";
  u64(out, kFileHeader);
  u64(out, kAttr + 16);
  u64(out, kFileHeader);
  u64(out, kAttr + 16);
  u64(out, kFileHeader + kAttr + 16);
  u64(out, records_.size());
  out.resize(kFileHeader);
  std::string attr;
  u32(attr, 1);  // software
  u32(attr, kAttr);
  u64(attr, 0);     // cpu-clock
  u64(attr, 1000);  // period
  u64(attr, kSampleType | (dumped_registers_ == 0 ? 0 : kDumps));
  u64(attr, 0);
  // sample_id_all is bit 18 of a bit field: its third byte, from the other end when swapped.
  attr += std::string{'\0', '\0', static_cast<char>(swapped_ ? 0x20 : 0x04), '\0'};
  attr.resize(80);
  u64(attr, dumped_registers_);
  attr.resize(kAttr + 16);
  std::string features;
  add_features(out, features, out.size() + attr.size() + records_.size());
  return out + attr + records_ + features;
}

}  // namespace pgflame::testing
