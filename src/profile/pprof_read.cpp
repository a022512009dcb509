#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "src/profile/bounded_sum.h"
#include "src/profile/builder.h"
#include "src/profile/event_choice.h"
#include "src/profile/gzip.h"
#include "src/profile/pprof.h"
#include "src/profile/pprof_labels.h"
#include "src/profile/pprof_sample.h"
#include "src/profile/pprof_tables.h"
#include "src/profile/recording_json.h"

namespace pgflame {
namespace {

using namespace pprof;

constexpr size_t kMaxBytes = size_t{512} << 20;
constexpr size_t kMaxDepth = 4096;

Error too_short() {
  return {ErrorKind::kCorrupt,
          "the pprof file is cut: it ends before the first of its samples",
          "nothing can be reported: copy it again"};
}

class Reader {
 public:
  Reader(std::string_view bytes, std::string_view event)
      : bytes_(bytes),
        wanted_(event),
        tables_(bytes, builder_),
        labels_(tables_),
        columns_(choose_columns(tables_.types(), event)) {}

  // `cut`: something is missing at the end, for sure.
  Result<Profile> read(bool cut) {
    cut = cut || tables_.strings().empty();  // a whole file has some
    if (cut && columns_.weight < 0) return fail(too_short());
    if (columns_.weight < 0) {
      return fail(ErrorKind::kCorrupt, "this is not a pprof profile: it names no sample types");
    }
    if (Status metadata = read_metadata(); !metadata) return fail(std::move(metadata).error());
    if (Status chosen = check_event(); !chosen) return fail(std::move(chosen).error());
    forget_impossible_times(profile().recording);
    read_samples();
    if (cut && profile().samples.empty()) return fail(too_short());
    profile().recording.truncated_input = profile().recording.truncated_input || cut;
    return std::move(builder_).take();
  }

 private:
  Status read_metadata() {
    profile().recording.event = columns_.event;
    profile().recording.sampler = "pprof";
    profile().recording.has_waits = columns_.off_weight >= 0;
    if (!is_ours()) return {};
    return metadata_from_json(tables_.metadata(), profile());
  }

  // Ours has one event, of which the metadata tells the name.
  Status check_event() {
    const std::string& taken = profile().recording.event.name;
    const std::vector<std::string> names =
        is_ours() ? std::vector{event_name(taken)} : event_names(tables_.types());
    if (!wanted_.empty()) {
      const auto found = find_event(names, event_name(wanted_));
      if (!found || names[*found] != event_name(taken)) return fail(no_such_event(wanted_, names));
    }
    if (names.size() > 1) profile().recording.notes.push_back(note_on_others(names, taken));
    return {};
  }

  static std::string note_on_others(std::vector<std::string> names, const std::string& taken) {
    constexpr size_t kShown = 5;
    std::erase(names, taken);
    const bool all = names.size() <= kShown;
    if (!all) names.resize(kShown);
    return fmt::format("values of {}{} are{}{}them",
                       fmt::join(names, ", "),
                       all ? "" : " and others",
                       kLeftInCapture,
                       kEventShows);
  }

  // Samples of one stack mostly stand together.
  void read_samples() {
    RawSample raw;
    std::vector<uint64_t> locations;
    Found found;
    for_each_message(bytes_, ProfileField::kSample, [&](protozero::data_view bytes) {
      decode_sample({bytes.data(), bytes.size()}, raw);
      Sample sample = tagged(labels_.labels_of(raw));
      if (raw.locations != locations) {
        locations = raw.locations;
        found = find_stack(locations);
      }
      sample.stack = found.stack;
      if (found.end != StackEnd::kUnknown) sample.end = found.end;
      if (raw.moments.empty()) return add_values(sample, raw.values);
      for (const RawMoment& moment : raw.moments) {
        sample.second = moment.second;
        sample.count = moment.count;
        sample.weight = moment.weight;
        add(sample);
      }
    });
    if (counts_.cut() || weights_.cut()) profile().recording.notes.emplace_back(kNoteOnCutSums);
  }

  void add(Sample sample) {
    sample.count = counts_.admit(sample.count);
    sample.weight = weights_.admit(sample.weight);
    if (sample.count > 0 || sample.weight > 0) builder_.add(sample);
  }

  struct Found {
    StackId stack = kEmptyStack;
    StackEnd end = StackEnd::kUnknown;  // where not all of it is there
  };
  Found find_stack(const std::vector<uint64_t>& ids) {
    path_.clear();
    Found found;
    for (const uint64_t id : ids) {
      const LocationId location = tables_.location(id);
      if (location.valid()) {
        path_.push_back(location);
      } else {
        found.end = StackEnd::kUnreadable;
      }
    }
    if (path_.size() > kMaxDepth) {
      path_.resize(kMaxDepth);  // the innermost ones stay
      found.end = StackEnd::kTruncated;
    }
    for (auto at = path_.rbegin(); at != path_.rend(); ++at)
      found.stack = builder_.push(found.stack, *at);
    return found;
  }

  Sample tagged(const Labels& labels) {
    Sample sample;
    sample.backend = backend_of(labels);
    sample.state = named(labels[kState], State::kIdle);
    sample.end = named(labels[kStackEnd], StackEnd::kNoRoom);
    sample.application = application_of(labels[kApplication], sample.backend);
    if (labels[kWaitEvent].given) {
      sample.wait_event = static_cast<uint32_t>(labels[kWaitEvent].number);
    }
    if (labels[kQueryId].given) sample.query_id = static_cast<uint64_t>(labels[kQueryId].number);
    if (labels[kSecond].given) {
      sample.second =
          static_cast<uint32_t>(std::clamp<int64_t>(labels[kSecond].number, 0, 1 << 30));
    }
    return sample;
  }

  template <typename Enum>
  static Enum named(const Label& label, Enum last) {
    for (int value = 0; label.given && value <= static_cast<int>(last); ++value) {
      if (name_of(static_cast<Enum>(value)) == label.text) return static_cast<Enum>(value);
    }
    return Enum{};
  }

  BackendId backend_of(const Labels& labels) {
    const Label& number = labels[kBackend];
    if (is_ours() && number.given && number.number >= 0 &&
        static_cast<size_t>(number.number) < profile().backends.size()) {
      return BackendId{static_cast<uint32_t>(number.number)};
    }
    Backend backend;
    backend.pid = static_cast<int32_t>(labels[kPid].number);
    backend.comm = labels[kComm].text;
    backend.type = labels[kBackendType].text;
    backend.database = labels[kDatabase].text;
    backend.user = labels[kUser].text;
    backend.application = labels[kApplication].text;
    const auto [at, is_new] = backends_.try_emplace(
        std::tuple(backend.pid, backend.comm, backend.type, backend.database, backend.user));
    if (is_new) at->second = builder_.backend(backend);
    return at->second;
  }

  // Only where it is not what the backend says anyway.
  ApplicationId application_of(const Label& label, BackendId backend) {
    if (!label.given || label.text == profile().backends[backend].application) return {};
    const auto [at, is_new] = applications_.try_emplace(std::string(label.text));
    if (is_new) at->second = profile().applications.add(at->first);
    return at->second;
  }

  void add_values(Sample sample, const std::vector<int64_t>& values) {
    const auto value = [&values](int column) -> uint64_t {
      if (column < 0 || static_cast<size_t>(column) >= values.size()) return 0;
      return static_cast<uint64_t>(std::max<int64_t>(values[static_cast<size_t>(column)], 0));
    };
    const bool running = sample.state == State::kRunning;
    sample.weight = value(running ? columns_.weight : columns_.off_weight);
    sample.count = value(running ? columns_.count : columns_.off_count);
    if (columns_.count < 0 && sample.weight > 0) sample.count = 1;
    // It may be one of another sample type.
    if (sample.weight == 0 && !is_ours()) return;
    add(sample);
  }

  bool is_ours() const { return !tables_.metadata().empty(); }
  Profile& profile() { return builder_.profile(); }

  std::string_view bytes_;
  std::string_view wanted_;  // event; empty: any
  ProfileBuilder builder_;
  Tables tables_;
  LabelReader labels_;
  Columns columns_;
  BoundedSum counts_;
  BoundedSum weights_;
  std::vector<LocationId> path_;  // of the stack being looked up
  std::map<std::tuple<int32_t, std::string, std::string, std::string, std::string>, BackendId>
      backends_;
  std::map<std::string, ApplicationId> applications_;
};

// Those at the beginning of which nothing is missing.
std::string_view whole_messages(std::string_view bytes) {
  size_t whole = 0;
  try {
    for (protozero::pbf_message<ProfileField> message(bytes.data(), bytes.size());
         message.next();) {
      message.skip();
      whole = static_cast<size_t>(message.data().data() - bytes.data());
    }
  } catch (const protozero::end_of_buffer_exception&) {
    return bytes.substr(0, whole);
  }
  return bytes;
}

}  // namespace

Result<Profile> read_pprof(std::string_view bytes, std::string_view event) {
  std::string unpacked;
  bool truncated = false;
  if (is_gzip(bytes)) {
    auto gunzipped = gunzip(bytes, kMaxBytes);
    if (!gunzipped) return fail(std::move(gunzipped).error());
    unpacked = std::move(gunzipped->bytes);
    truncated = gunzipped->truncated;
    bytes = unpacked;
  }
  try {
    const std::string_view whole = whole_messages(bytes);
    return Reader(whole, event).read(truncated || whole.size() < bytes.size());
  } catch (const protozero::end_of_buffer_exception&) {
    return fail(ErrorKind::kCorrupt,
                "the pprof data is broken: a message is longer than its frame");
  } catch (const protozero::exception& error) {
    return fail(ErrorKind::kCorrupt, std::string("the pprof data is broken: ") + error.what());
  }
}

}  // namespace pgflame
