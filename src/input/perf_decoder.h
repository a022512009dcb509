// Parses the records of a perf.data stream into batches.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/base/error.h"
#include "src/input/chain_queue.h"
#include "src/input/chain_table.h"
#include "src/input/deferred_chains.h"
#include "src/input/loss_records.h"
#include "src/input/perf_batch.h"
#include "src/input/perf_header.h"
#include "src/input/perf_sample.h"
#include "src/input/record_stream.h"

namespace pgflame::input {

class PerfDecoder {
 public:
  struct Options {
    std::string event;        // empty: the one that means CPU time
    bool keep_dumps = false;  // somebody will unwind the copied stacks
  };
  struct Counts {
    uint64_t bad_records = 0;
    uint64_t other_events = 0;      // samples
    uint64_t of_unknown_event = 0;  // samples, among bad_records
  };

  PerfDecoder(PerfMeta meta, Options options);

  void record(const PerfRecord& record);
  // Hands out held-back samples at the end of the stream.
  void finish();

  bool batch_is_full() const;
  // The next one grows in `room`, which is empty.
  Batch take_batch(std::vector<SampleRecord> room);
  // Of the last record that had a time.
  uint64_t last_time() const { return last_time_; }
  // Several streams side by side have no rounds; their reader knows what time is safe.
  void set_safe_time(uint64_t time) { batch_.safe_time = time; }
  void ignore_rounds() { ignore_rounds_ = true; }

  const PerfMeta& meta() const { return meta_; }
  const Counts& counts() const { return counts_; }
  // Without what is told to be of events that were not chosen.
  const LossRecords& losses() const { return losses_; }
  const std::string& chosen_event() const { return chosen_name_; }
  // Samples of the events that were not chosen, in the order of the events.
  std::vector<std::pair<std::string, uint64_t>> other_events() const;
  // Set when the wanted event does not exist; nothing more is decoded then.
  const std::optional<Error>& error() const { return error_; }
  bool has_dumps() const { return has_dumps_; }
  bool chains_overflowed() const { return chains_.overflowed(); }

 private:
  void sample(const PerfRecord& record);
  void counted_sample(const PerfEvent& event, const PerfSample& parsed, SampleRecord&& sample);
  void emit(const PerfEvent& event, const PerfSample& parsed, SampleRecord&& sample);
  std::unique_ptr<Dump> dump_of(const PerfEvent& event, const PerfSample& parsed);
  void add_chain(SampleRecord&& sample, Bytes chain, bool in_our_order);
  void process_record(const PerfRecord& record);
  void count_loss(const PerfRecord& record);
  void deferred_chain(const PerfRecord& record);
  void header_record(const PerfRecord& record);
  void add_event(Bytes body);
  void update_event(Cursor body);
  bool prepare();
  std::optional<uint64_t> event_id_of(const PerfRecord& record) const;
  const PerfEvent* event_of(const PerfRecord& record);
  bool is_chosen(const PerfEvent& event) const;
  void leave_out(const PerfEvent& event);
  const PerfEvent* event_by_id(uint64_t id);
  void saw_time(uint64_t time);

  PerfMeta meta_;
  Options options_;
  Counts counts_;
  LossRecords losses_;
  ChainTable chains_;
  ChainQueue queue_;
  DeferredChains deferred_;
  Batch batch_;
  BlockRef block_;  // of the record at hand and those in queue_
  // The last one with a dump. Records between those of one block may lie in another.
  BlockRef counted_block_;
  size_t chains_handed_out_ = 0;
  uint64_t order_ = 0;
  uint64_t last_time_ = 0;
  uint64_t latest_time_ = 0;
  uint64_t latest_time_of_last_round_ = 0;
  std::unordered_map<uint64_t, uint32_t> event_by_id_;
  uint64_t last_event_id_ = 0;
  const PerfEvent* last_event_ = nullptr;  // the events are fixed once one was looked up
  std::vector<bool> chosen_;
  std::vector<uint64_t> left_out_;  // samples, by event
  std::string chosen_name_;
  std::unordered_map<uint64_t, uint64_t> last_value_;  // of a counter, by event id
  std::vector<uint64_t> scratch_;
  std::optional<Error> error_;
  bool prepared_ = false;
  bool ignore_rounds_ = false;
  bool has_dumps_ = false;
};

}  // namespace pgflame::input
