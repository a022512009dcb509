#include "src/profile/pprof_sample_write.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include "src/profile/sample_order.h"

namespace pgflame::pprof {
namespace {

enum Key : uint8_t { kWaitEvent, kQueryId, kSecond };

}  // namespace

SampleWriter::SampleWriter(const Profile& profile, PprofForm form, StringTable& strings)
    : profile_(profile), form_(form), strings_(strings) {
  keys_ = {strings_.number("wait_event"), strings_.number("query_id"), strings_.number("second")};
  uint64_t number = 0;
  for (const Backend& backend : profile.backends) {
    label_backend(backend_labels_.emplace_back(), backend, number++);
    Bytes& own = own_applications_.emplace_back();
    if (form_ == PprofForm::kExchange) text_label(own, "application", backend.application);
  }
  label_applications();
  for (size_t state = 0; state < kStateCount; ++state) {
    for (size_t end = 0; end < kStackEndCount; ++end) {
      Bytes& labels = state_and_end_.emplace_back();
      text_label(labels, "state", name_of(static_cast<State>(state)));
      text_label(labels, "stack_end", name_of(static_cast<StackEnd>(end)));
    }
  }
  if (form_ == PprofForm::kEmbedded) find_order();
}

void SampleWriter::find_order() {
  const auto& samples = profile_.samples;
  if (std::ranges::is_sorted(samples, {}, place_of)) return;
  order_.resize(samples.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::sort(order_, {}, [&](uint32_t row) { return place_of(samples[row]); });
}

// Only of names that samples have: others are not for the reader.
void SampleWriter::label_applications() {
  applications_.resize(profile_.applications.size());
  if (applications_.empty()) return;
  for (const Sample& sample : profile_.samples) {
    if (!sample.application.valid()) continue;
    Bytes& label = applications_[sample.application.value];
    if (!label.view().empty()) continue;
    text_label(label, "application", profile_.applications[sample.application]);
    // That a session had no name is said too.
    if (label.view().empty()) number_label(label, strings_.number("application"), 0);
  }
}

bool SampleWriter::write(const std::function<bool(std::string_view)>& hand_on) {
  const size_t samples = profile_.samples.size();
  for (size_t begin = 0, end = 0; begin < samples; begin = end) {
    const Sample& tags = sample(begin);
    end = begin + 1;
    while (form_ == PprofForm::kEmbedded && end < samples &&
           tags_of(sample(end)) == tags_of(tags)) {
      ++end;
    }
    write_row(tags, begin, end);
    if (!hand_on(row_.view())) return false;
  }
  return true;
}

void SampleWriter::write_row(const Sample& tags, size_t begin, size_t end) {
  row_.clear();
  write_locations(tags.stack);
  uint64_t count = 0;
  uint64_t weight = 0;
  for (size_t i = begin; i < end; ++i) {
    count += sample(i).count;
    weight += sample(i).weight;
  }
  write_values(tags.state, count, weight);
  write_labels(tags);
  if (form_ == PprofForm::kEmbedded) write_moments(begin, end);
}

void SampleWriter::write_locations(StackId stack) {
  if (stack != path_of_) {
    path_of_ = stack;
    path_.clear();
    for (StackId at = stack; at != kEmptyStack; at = profile_.stacks[at].caller)
      path_.add_varint(uint64_t{profile_.stacks[at].location.value} + 1);
  }
  if (!path_.view().empty()) row_.add_bytes(SampleField::kLocationId, path_.view());
}

void SampleWriter::write_values(State state, uint64_t count, uint64_t weight) {
  const bool running = state == State::kRunning;
  const std::array<uint64_t, 4> values{
      running ? count : 0, running ? weight : 0, running ? 0 : count, running ? 0 : weight};
  const size_t used = profile_.recording.has_waits ? 4 : 2;
  part_.clear();
  for (const uint64_t value : std::span(values).first(used))
    part_.add_varint(value);
  row_.add_bytes(SampleField::kValue, part_.view());
}

void SampleWriter::write_labels(const Sample& sample) {
  if (sample.backend.valid()) row_.append(backend_labels_[sample.backend.value].view());
  if (sample.application.valid()) {
    row_.append(applications_[sample.application.value].view());
  } else if (sample.backend.valid()) {
    row_.append(own_applications_[sample.backend.value].view());
  }
  const auto& labels = state_and_end_[static_cast<size_t>(sample.state) * kStackEndCount +
                                      static_cast<size_t>(sample.end)];
  row_.append(labels.view());
  const auto number = [this](Key key, uint64_t value) { number_label(row_, keys_[key], value); };
  if (sample.wait_event != kUnknownWait) number(kWaitEvent, sample.wait_event);
  // Read back as signed, as pg_stat_statements shows it.
  if (sample.query_id != 0) number(kQueryId, sample.query_id);
  if (form_ == PprofForm::kExchange) number(kSecond, sample.second);
}

void SampleWriter::write_moments(size_t begin, size_t end) {
  part_.clear();
  uint32_t last = 0;
  for (size_t i = begin; i < end; ++i) {
    const Sample& row = sample(i);
    part_.add_varint(row.second - last);
    part_.add_varint(row.count);
    part_.add_varint(row.weight);
    last = row.second;
  }
  row_.add_bytes(SampleField::kMoments, part_.view());
}

void SampleWriter::label_backend(Bytes& labels, const Backend& backend, uint64_t number) {
  number_label(labels, strings_.number("backend"), number);
  if (form_ == PprofForm::kEmbedded) return;
  number_label(labels, strings_.number("pid"), static_cast<uint64_t>(int64_t{backend.pid}));
  text_label(labels, "comm", backend.comm);
  text_label(labels, "backend_type", backend.type);
  text_label(labels, "database", backend.database);
  text_label(labels, "user", backend.user);
}

void SampleWriter::number_label(Bytes& out, int64_t key, uint64_t number) {
  part_.clear();
  part_.add_number(LabelField::kKey, key);
  part_.add_number(LabelField::kNum, number);
  out.add_bytes(SampleField::kLabel, part_.view());
}

void SampleWriter::text_label(Bytes& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  part_.clear();
  part_.add_number(LabelField::kKey, strings_.number(key));
  part_.add_number(LabelField::kStr, strings_.number(text));
  out.add_bytes(SampleField::kLabel, part_.view());
}

}  // namespace pgflame::pprof
