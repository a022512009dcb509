#include "src/input/perf_decoder.h"

#include <algorithm>

#include "src/input/perf_process_record.h"

namespace pgflame::input {
namespace {

// Records that perf itself puts into the stream.
enum UserRecord : uint32_t {
  kRecordHeaderEvent = 64,
  kRecordBuildId = 67,
  kRecordFinishedRound = 68,
  kRecordEventUpdate = 78,
  kRecordHeaderFeature = 80,
};
constexpr uint32_t kFirstUserType = 64;
constexpr uint16_t kCpuModeMask = 7;
constexpr uint16_t kMiscLostByFilter = 1U << 15;
constexpr size_t kMaxEvents = 65536;

// The marker that stands for the processor's mode in perf_event_header.misc.
uint64_t marker_of(uint16_t misc) {
  switch (misc & kCpuModeMask) {
    case 1:
      return kMarkerKernel;
    case 3:
      return kMarkerHypervisor;
    case 4:
      return kMarkerGuestKernel;
    case 5:
      return kMarkerGuestUser;
    default:
      return kMarkerUser;
  }
}

Bytes bytes_of(const std::vector<uint64_t>& words) {
  return {reinterpret_cast<const uint8_t*>(words.data()), words.size() * 8};
}

}  // namespace

PerfDecoder::PerfDecoder(PerfMeta meta, Options options)
    : meta_(std::move(meta)), options_(std::move(options)) {
  if (!meta_.events.empty()) prepare();
}

// Decides which events are wanted, as soon as the events are known.
bool PerfDecoder::prepare() {
  if (prepared_) return !error_;
  prepared_ = true;
  auto chosen = choose_event(meta_.events, options_.event);
  if (!chosen) {
    error_ = std::move(chosen).error();
    return false;
  }
  chosen_name_ = std::move(*chosen);
  chosen_.assign(meta_.events.size(), false);
  for (size_t i = 0; i < meta_.events.size(); ++i) {
    chosen_[i] = meta_.events[i].name == chosen_name_;
    for (const uint64_t id : meta_.events[i].ids)
      event_by_id_.emplace(id, static_cast<uint32_t>(i));
  }
  return true;
}

bool PerfDecoder::batch_is_full() const {
  constexpr size_t kSamples = 8192;
  constexpr size_t kDumpBytes = Block::kSize * 5 / 2;
  return batch_.samples.size() >= kSamples || batch_.dump_bytes >= kDumpBytes;
}

Batch PerfDecoder::take_batch(std::vector<SampleRecord> room) {
  queue_.settle(chains_, batch_.samples);
  for (; chains_handed_out_ < chains_.size(); ++chains_handed_out_) {
    batch_.new_chains.push_back(chains_[static_cast<ChainId>(chains_handed_out_)]);
  }
  Batch taken = std::move(batch_);
  batch_ = Batch{};
  batch_.safe_time = taken.safe_time;
  batch_.samples = std::move(room);
  return taken;
}

void PerfDecoder::record(const PerfRecord& record) {
  ++order_;
  if (*record.block != block_) {
    queue_.settle(chains_, batch_.samples);
    block_ = *record.block;
  }
  if (record.type == kRecordSample) {
    sample(record);
  } else if (is_process_record(record.type)) {
    process_record(record);
  } else if (record.type >= kFirstUserType) {
    header_record(record);
  } else if (record.type == kRecordCallchainDeferred) {
    deferred_chain(record);
  } else {
    count_loss(record);
  }
}

void PerfDecoder::saw_time(uint64_t time) {
  if (time == 0 || time == UINT64_MAX) return;
  last_time_ = time;
  latest_time_ = std::max(latest_time_, time);
}

// Records mostly name the event that the one before named.
const PerfEvent* PerfDecoder::event_by_id(uint64_t id) {
  if (last_event_ != nullptr && last_event_id_ == id) return last_event_;
  const auto found = event_by_id_.find(id);
  if (found == event_by_id_.end()) return nullptr;
  last_event_id_ = id;
  last_event_ = &meta_.events[found->second];
  return last_event_;
}

// With several events the record names its own.
std::optional<uint64_t> PerfDecoder::event_id_of(const PerfRecord& record) const {
  const PerfEvent& first = meta_.events.front();
  if (record.type == kRecordSample) return sample_event_id(first, record.body, meta_.swapped);
  if (!first.has(kFieldIdentifier) || !first.sample_id_all || record.body.size() < 8)
    return std::nullopt;
  return word_at(record.body.last(8), 0, meta_.swapped);
}

// Perf makes records itself that name none (0) and belong to the first. Nothing for a sample whose
// event cannot be told.
const PerfEvent* PerfDecoder::event_of(const PerfRecord& record) {
  if (meta_.events.empty()) return nullptr;
  const PerfEvent& first = meta_.events.front();
  if (meta_.events.size() == 1) return &first;
  const std::optional<uint64_t> id = event_id_of(record);
  const PerfEvent* event = id ? event_by_id(*id) : nullptr;
  const bool must_be_told = record.type == kRecordSample && id.value_or(1) != 0;
  return event != nullptr || must_be_told ? event : &first;
}

bool PerfDecoder::is_chosen(const PerfEvent& event) const {
  const auto index = static_cast<size_t>(&event - meta_.events.data());
  return index < chosen_.size() && chosen_[index];
}

void PerfDecoder::leave_out(const PerfEvent& event) {
  ++counts_.other_events;
  left_out_.resize(meta_.events.size());
  ++left_out_[static_cast<size_t>(&event - meta_.events.data())];
}

std::vector<std::pair<std::string, uint64_t>> PerfDecoder::other_events() const {
  std::vector<std::pair<std::string, uint64_t>> others;
  for (size_t i = 0; i < left_out_.size(); ++i) {
    if (left_out_[i] == 0 || is_chosen(meta_.events[i])) continue;
    const auto known =
        std::ranges::find(others, meta_.events[i].name, &std::pair<std::string, uint64_t>::first);
    if (known != others.end()) {
      known->second += left_out_[i];
    } else {
      others.emplace_back(meta_.events[i].name, left_out_[i]);
    }
  }
  return others;
}

void PerfDecoder::sample(const PerfRecord& record) {
  const PerfEvent* event = prepare() ? event_of(record) : nullptr;
  if (event == nullptr && !meta_.events.empty() && !error_) ++counts_.of_unknown_event;
  auto parsed =
      event != nullptr ? parse_sample(*event, Cursor(record.body, meta_.swapped)) : std::nullopt;
  if (!parsed) {
    ++counts_.bad_records;
    return;
  }
  saw_time(parsed->time);
  SampleRecord sample;
  sample.time = parsed->time;
  sample.order = order_;
  sample.pid = parsed->pid;
  sample.tid = parsed->tid;
  sample.weight = event->has(kFieldPeriod) ? parsed->period : event->period;
  sample.in_user_code = marker_of(record.misc) == kMarkerUser;
  // Where no stack was recorded the address alone is the stack.
  if (parsed->chain.empty()) {
    sample.chain_only_ip = true;
    scratch_ = {marker_of(record.misc), parsed->ip};
  } else {
    scratch_.clear();
    const uint64_t first = word_at(parsed->chain, 0, meta_.swapped);
    if (first < kLowestMarker) scratch_.push_back(marker_of(record.misc));
  }
  if (event->has(kFieldRead)) return counted_sample(*event, *parsed, std::move(sample));
  if (!is_chosen(*event)) return leave_out(*event);
  emit(*event, *parsed, std::move(sample));
}

// A sample that reads counters stands for each counter that moved, by how much it moved.
void PerfDecoder::counted_sample(const PerfEvent& event,
                                 const PerfSample& parsed,
                                 SampleRecord&& sample) {
  bool emitted = false;
  for_each_counter(event, parsed.read_values, meta_.swapped, [&](const CounterValue& counter) {
    const PerfEvent* counted =
        (event.read_format & kReadId) != 0 ? event_by_id(counter.id) : &event;
    if (counted == nullptr) return;
    uint64_t& last = last_value_[counter.id];
    const uint64_t delta = counter.value - last;
    last = counter.value;
    if (delta == 0) return;
    if (!is_chosen(*counted) || emitted) {
      leave_out(*counted);
      return;
    }
    emitted = true;
    sample.weight = delta;
  });
  if (emitted) emit(event, parsed, std::move(sample));
}

// `scratch_` holds what the chain starts with although the record does not say so.
void PerfDecoder::emit(const PerfEvent& event, const PerfSample& parsed, SampleRecord&& sample) {
  const bool has_dump = parsed.has_user_dump && parsed.register_abi != 0;
  has_dumps_ = has_dumps_ || has_dump;
  if (has_dump && options_.keep_dumps) {
    sample.dump = dump_of(event, parsed);
    batch_.dump_bytes += sizeof(Dump) + (block_ == counted_block_ ? 0 : Block::kSize);
    counted_block_ = block_;
  }
  sample.user_part_lost = has_dump && !options_.keep_dumps;
  add_chain(std::move(sample), parsed.chain, !meta_.swapped && scratch_.empty());
}

std::unique_ptr<Dump> PerfDecoder::dump_of(const PerfEvent& event, const PerfSample& parsed) {
  return std::make_unique<Dump>(Dump{dump_machine_of(meta_.architecture),
                                     parsed.register_abi,
                                     event.user_registers,
                                     parsed.registers,
                                     parsed.stack,
                                     meta_.swapped,
                                     block_});
}

void PerfDecoder::add_chain(SampleRecord&& sample, Bytes chain, bool in_our_order) {
  const size_t words = chain.size() / 8;
  const bool waits = words >= 2 && word_at(chain, words - 2, meta_.swapped) == kMarkerUserDeferred;
  if (in_our_order && !waits) {
    batch_.add(std::move(sample));
    queue_.add(chains_, chain, batch_.samples, batch_.samples.size() - 1);
    return;
  }
  for (size_t i = 0; i < words; ++i)
    scratch_.push_back(word_at(chain, i, meta_.swapped));
  if (!waits) {
    sample.chain = chains_.intern(bytes_of(scratch_));
    batch_.add(std::move(sample));
    return;
  }
  const uint64_t cookie = scratch_.back();
  scratch_.resize(scratch_.size() - 2);
  deferred_.hold(cookie, {std::move(sample), scratch_});
  if (deferred_.is_full()) finish();
}

void PerfDecoder::deferred_chain(const PerfRecord& record) {
  const PerfEvent* event = event_of(record);
  const auto trailer =
      event != nullptr ? parse_trailer(*event, record.body, meta_.swapped) : std::nullopt;
  Cursor body(record.body, meta_.swapped);
  const auto cookie = body.u64();
  const auto count = body.u64();
  const auto words = count ? body.take_words(*count) : std::nullopt;
  if (!trailer || !words || !event->has(kFieldTid) || trailer->size < 8) {
    ++counts_.bad_records;
    return;
  }
  for (DeferredChains::Waiting& waiting : deferred_.take(trailer->tid, *cookie)) {
    for (size_t i = 0; i < words->size() / 8; ++i)
      waiting.chain.push_back(word_at(*words, i, meta_.swapped));
    waiting.sample.chain = chains_.intern(bytes_of(waiting.chain));
    waiting.sample.order = order_;
    batch_.add(std::move(waiting.sample));
  }
}

void PerfDecoder::finish() {
  for (DeferredChains::Waiting& waiting : deferred_.take_all()) {
    waiting.sample.chain = chains_.intern(bytes_of(waiting.chain));
    waiting.sample.user_part_lost = true;
    waiting.sample.order = order_;
    batch_.add(std::move(waiting.sample));
  }
}

void PerfDecoder::process_record(const PerfRecord& record) {
  const PerfEvent* event = event_of(record);
  const auto trailer = event != nullptr ? parse_trailer(*event, record.body, meta_.swapped)
                                        : std::optional<RecordTrailer>(std::in_place);
  if (!trailer) {
    ++counts_.bad_records;
    return;
  }
  const Bytes body = record.body.first(record.body.size() - trailer->size);
  auto parsed = parse_process_record(record, Cursor(body, meta_.swapped));
  if (!parsed) {
    ++counts_.bad_records;
    return;
  }
  // Without times nothing can be ordered; records then count from where they stand.
  parsed->time = trailer->time;
  parsed->order = order_;
  saw_time(parsed->time);
  batch_.processes.push_back(std::move(*parsed));
}

// PERF_RECORD_LOST names the event that found room again (kernel/events/ring_buffer.c), not those
// that did not; PERF_RECORD_LOST_SAMPLES names its own.
void PerfDecoder::count_loss(const PerfRecord& record) {
  const PerfEvent* event = event_of(record);
  const auto trailer =
      event != nullptr ? parse_trailer(*event, record.body, meta_.swapped) : std::nullopt;
  const uint64_t time = trailer ? trailer->time : 0;
  Cursor body(record.body, meta_.swapped);
  if (record.type == kRecordLost) {
    body.skip(8);  // id
    losses_.add(LossRecords::Kind::kInRing, time, body.u64().value_or(0));
  } else if (record.type == kRecordLostSamples) {
    const bool several = prepare() && meta_.events.size() > 1;
    const auto id = several ? event_id_of(record) : std::nullopt;
    const PerfEvent* own = id ? event_by_id(*id) : nullptr;
    if (own != nullptr && !is_chosen(*own)) return;
    const bool by_filter = (record.misc & kMiscLostByFilter) != 0;
    losses_.add(by_filter ? LossRecords::Kind::kByFilter : LossRecords::Kind::kInEvent,
                time,
                body.u64().value_or(0));
  } else if (record.type == kRecordThrottle) {
    losses_.add(LossRecords::Kind::kThrottled, time, 1);
  }
}

void PerfDecoder::header_record(const PerfRecord& record) {
  Cursor body(record.body, meta_.swapped);
  switch (record.type) {
    case kRecordFinishedRound:
      if (ignore_rounds_) return;
      batch_.safe_time = latest_time_of_last_round_;
      latest_time_of_last_round_ = latest_time_;
      return;
    case kRecordHeaderEvent:
      return add_event(record.body);
    case kRecordEventUpdate:
      return update_event(body);
    case kRecordBuildId:
      return read_build_id(record.misc, body, meta_);
    case kRecordHeaderFeature:
      if (const auto feature = body.u64(); feature && *feature < 256) {
        read_feature(static_cast<uint32_t>(*feature), body.rest(), meta_);
      }
      return;
    default:
      return;
  }
}

// Streams describe their events in records. Once samples were seen the set is fixed: references
// into it and the choice of event must stay true.
void PerfDecoder::add_event(Bytes body) {
  if (prepared_ || meta_.events.size() >= kMaxEvents) return;
  const auto size = Cursor(body, meta_.swapped).take_bytes(4)
                        ? Cursor(body.subspan(4), meta_.swapped).u32()
                        : std::nullopt;
  constexpr uint32_t kFirstVersion = 64;
  if (!size || *size > body.size() || (*size != 0 && *size < kFirstVersion)) return;
  const uint32_t length = *size == 0 ? kFirstVersion : *size;
  if (length > body.size()) return;
  auto event = parse_event(body.first(length), meta_.swapped);
  if (!event) return;
  Cursor ids(body.subspan(length), meta_.swapped);
  while (const auto id = ids.u64())
    event->ids.push_back(*id);
  meta_.events.push_back(std::move(*event));
}

void PerfDecoder::update_event(Cursor body) {
  constexpr uint64_t kName = 2;
  const auto what = body.u64();
  const auto id = body.u64();
  if (prepared_ || !id || *what != kName) return;
  for (PerfEvent& event : meta_.events) {
    if (std::ranges::find(event.ids, *id) != event.ids.end()) event.name = body.text();
  }
}

}  // namespace pgflame::input
