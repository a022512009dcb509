// Writes the samples of a profile as pprof's Sample messages. Private to the pprof writer.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/profile/pprof.h"
#include "src/profile/pprof_bytes.h"
#include "src/profile/pprof_fields.h"
#include "src/profile/profile.h"

namespace pgflame::pprof {

// The file's string table, filled while the rest is written.
class StringTable {
 public:
  StringTable() { number(""); }
  int64_t number(std::string_view text) {
    const auto [at, is_new] = numbers_.try_emplace(std::string(text), strings_.size());
    if (is_new) strings_.push_back(at->first);
    return static_cast<int64_t>(at->second);
  }
  const std::vector<std::string>& strings() const { return strings_; }

 private:
  std::unordered_map<std::string, size_t> numbers_;
  std::vector<std::string> strings_;
};

class SampleWriter {
 public:
  // Every text that the samples speak of has its number from here on.
  SampleWriter(const Profile& profile, PprofForm form, StringTable& strings);

  // Hands out one message after the other, each valid during its call, until the taker returns
  // false; then so does this.
  bool write(const std::function<bool(std::string_view)>& hand_on);

 private:
  void write_row(const Sample& tags, size_t begin, size_t end);
  void write_locations(StackId stack);
  void write_values(State state, uint64_t count, uint64_t weight);
  void write_moments(size_t begin, size_t end);
  void write_labels(const Sample& sample);
  void number_label(Bytes& out, int64_t key, uint64_t number);
  void label_applications();
  void text_label(Bytes& out, std::string_view key, std::string_view text);
  void label_backend(Bytes& labels, const Backend& backend, uint64_t number);
  void find_order();
  const Sample& sample(size_t position) const {
    return profile_.samples[order_.empty() ? position : order_[position]];
  }

  const Profile& profile_;
  const PprofForm form_;
  StringTable& strings_;
  std::vector<uint32_t> order_;          // of the samples; empty: as they stand
  std::vector<Bytes> backend_labels_;    // encoded, by BackendId
  std::vector<Bytes> own_applications_;  // the same
  std::vector<Bytes> applications_;      // encoded, by ApplicationId
  std::vector<Bytes> state_and_end_;     // encoded, by state * kEnds + end
  std::array<int64_t, 3> keys_{};        // strings: wait_event, query_id, second
  Bytes path_;                           // encoded, of the stack it is kept for
  StackId path_of_ = kEmptyStack;
  Bytes row_;
  Bytes part_;
};

}  // namespace pgflame::pprof
