#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "src/profile/builder.h"
#include "src/profile/gzip.h"
#include "src/profile/pprof.h"
#include "src/profile/pprof_fields.h"
#include "src/profile/pprof_sample.h"
#include "src/profile/pprof_wire.h"
#include "src/profile/recording_json.h"

namespace pgflame {
namespace {

using namespace pprof;
using protozero::data_view;
using protozero::pbf_message;

constexpr size_t kMaxBytes = size_t{512} << 20;
constexpr size_t kMaxDepth = 4096;

std::string_view view(data_view bytes) {
  return {bytes.data(), bytes.size()};
}

struct Label {
  bool given = false;
  std::string_view text;
  int64_t number = 0;
};
enum LabelKey : uint8_t {
  kBackend,
  kPid,
  kComm,
  kBackendType,
  kDatabase,
  kUser,
  kApplication,
  kState,
  kStackEnd,
  kWaitEvent,
  kQueryId,
  kSecond,
  kLabelCount
};
constexpr std::array<std::string_view, kLabelCount> kLabelNames{"backend",
                                                                "pid",
                                                                "comm",
                                                                "backend_type",
                                                                "database",
                                                                "user",
                                                                "application",
                                                                "state",
                                                                "stack_end",
                                                                "wait_event",
                                                                "query_id",
                                                                "second"};
using Labels = std::array<Label, kLabelCount>;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Result<Profile> read() {
    read_strings_and_types();
    columns_ = choose_columns(types_);
    if (columns_.weight < 0) {
      return fail(ErrorKind::kCorrupt, "this is not a pprof profile: it names no sample types");
    }
    read_functions();
    read_mappings();
    read_locations();
    if (Status metadata = read_metadata(); !metadata) return fail(std::move(metadata).error());
    forget_impossible_times(profile().recording);
    read_samples();
    return std::move(builder_).take();
  }

 private:
  std::string_view string(int64_t number) const {
    if (number < 0 || static_cast<size_t>(number) >= strings_.size()) return {};
    return strings_[static_cast<size_t>(number)];
  }

  void read_strings_and_types() {
    std::vector<std::pair<int64_t, int64_t>> types;
    for (pbf_message<ProfileField> message(bytes_.data(), bytes_.size()); message.next();) {
      switch (message.tag()) {
        case ProfileField::kStringTable:
          strings_.push_back(view(message.get_view()));
          break;
        case ProfileField::kComment:
          comments_.push_back(message.get_int64());
          break;
        case ProfileField::kMetadata:
          metadata_ = view(message.get_view());
          break;
        case ProfileField::kSampleType:
          types.push_back(read_value_type(message.get_view()));
          break;
        case ProfileField::kTimeNanos:
          profile().recording.start_unix_ns = message.get_int64();
          break;
        case ProfileField::kDurationNanos:
          profile().recording.duration_ns = message.get_int64();
          break;
        default:
          message.skip();
      }
    }
    for (const auto& [type, unit] : types)
      types_.push_back({string(type), string(unit)});
  }

  static std::pair<int64_t, int64_t> read_value_type(data_view bytes) {
    std::pair<int64_t, int64_t> type;
    for (pbf_message<ValueTypeField> message(bytes); message.next();) {
      if (message.tag() == ValueTypeField::kType) {
        type.first = message.get_int64();
      } else if (message.tag() == ValueTypeField::kUnit) {
        type.second = message.get_int64();
      } else {
        message.skip();
      }
    }
    return type;
  }

  // Calls `take` with every sub-message of the kind.
  template <typename Take>
  void each(ProfileField field, Take&& take) {
    for (pbf_message<ProfileField> message(bytes_.data(), bytes_.size()); message.next();) {
      if (message.tag() == field) {
        take(message.get_view());
      } else {
        message.skip();
      }
    }
  }

  void read_functions() {
    each(ProfileField::kFunction, [this](data_view bytes) {
      Function function;
      uint64_t id = 0;
      for (pbf_message<FunctionField> message(bytes); message.next();) {
        switch (message.tag()) {
          case FunctionField::kId:
            id = message.get_uint64();
            break;
          case FunctionField::kName:
            function.name = string(message.get_int64());
            break;
          case FunctionField::kFilename:
            function.file = string(message.get_int64());
            break;
          default:
            message.skip();
        }
      }
      function.tier = NameTier::kGiven;
      if (function.name.empty()) {
        function.name = "[unnamed]";
        function.tier = NameTier::kNone;
        function.unnamed = Unnamed::kUnknownToInput;
      }
      // Rows stay in the file's order: the metadata speaks of them by number.
      functions_.try_emplace(id, profile().functions.add(std::move(function)));
    });
  }

  void read_mappings() {
    each(ProfileField::kMapping, [this](data_view bytes) {
      Mapping mapping;
      Module module;
      uint64_t id = 0;
      for (pbf_message<MappingField> message(bytes); message.next();) {
        switch (message.tag()) {
          case MappingField::kId:
            id = message.get_uint64();
            break;
          case MappingField::kMemoryStart:
            mapping.start = message.get_uint64();
            break;
          case MappingField::kMemoryLimit:
            mapping.end = message.get_uint64();
            break;
          case MappingField::kFileOffset:
            mapping.file_offset = message.get_uint64();
            break;
          case MappingField::kFilename:
            module.path = string(message.get_int64());
            break;
          case MappingField::kBuildId:
            module.build_id = string(message.get_int64());
            break;
          default:
            message.skip();
        }
      }
      module.kind = module.path.empty() ? ModuleKind::kUnknown : ModuleKind::kFile;
      if (module.path.starts_with("[kernel")) module.kind = ModuleKind::kKernel;
      if (module.path == "[vdso]") module.kind = ModuleKind::kVdso;
      mapping.module = builder_.module(module);
      mappings_.try_emplace(id, profile().mappings.add(mapping));
    });
  }

  void read_locations() {
    each(ProfileField::kLocation, [this](data_view bytes) {
      Location location;
      location.first_line = static_cast<uint32_t>(profile().lines.size());
      uint64_t id = 0;
      for (pbf_message<LocationField> message(bytes); message.next();) {
        switch (message.tag()) {
          case LocationField::kId:
            id = message.get_uint64();
            break;
          case LocationField::kMappingId:
            location.mapping = find(mappings_, message.get_uint64());
            break;
          case LocationField::kAddress:
            location.address = message.get_uint64();
            break;
          case LocationField::kLine:
            read_line(message.get_view());
            break;
          default:
            message.skip();
        }
      }
      location.line_count = static_cast<uint32_t>(profile().lines.size()) - location.first_line;
      locations_.try_emplace(id, profile().locations.add(location));
    });
  }

  void read_line(data_view bytes) {
    Line line;
    for (pbf_message<LineField> message(bytes); message.next();) {
      if (message.tag() == LineField::kFunctionId) {
        line.function = find(functions_, message.get_uint64());
      } else if (message.tag() == LineField::kLine) {
        line.line = static_cast<uint32_t>(std::clamp<int64_t>(message.get_int64(), 0, 1 << 30));
      } else {
        message.skip();
      }
    }
    if (line.function.valid()) profile().lines.push_back(line);
  }

  Status read_metadata() {
    profile().recording.event = columns_.event;
    profile().recording.sampler = "pprof";
    profile().recording.has_waits = columns_.off_weight >= 0;
    for (const int64_t comment : comments_) {
      const std::string_view text = string(comment);
      if (metadata_.empty() && text.starts_with(kCommentPrefix))
        metadata_ = text.substr(kCommentPrefix.size());
    }
    has_metadata_ = !metadata_.empty();
    return has_metadata_ ? metadata_from_json(metadata_, profile()) : Status{};
  }

  void read_samples() {
    label_keys_ = number_label_keys();
    RawSample raw;
    std::vector<LocationId> stack;
    each(ProfileField::kSample, [&](data_view bytes) {
      decode_sample(view(bytes), raw);
      stack.clear();
      for (const uint64_t id : raw.locations) {
        const LocationId location = find(locations_, id);
        if (location.valid()) stack.push_back(location);
      }
      Sample sample = tagged(labels_of(raw));
      if (stack.size() > kMaxDepth) {
        stack.resize(kMaxDepth);  // the innermost ones stay
        sample.end = StackEnd::kTruncated;
      }
      for (auto at = stack.rbegin(); at != stack.rend(); ++at)
        sample.stack = builder_.push(sample.stack, *at);
      if (raw.moments.empty()) return add_values(sample, raw.values);
      for (const RawMoment& moment : raw.moments) {
        sample.second = moment.second;
        sample.count = std::min<uint64_t>(moment.count, INT64_MAX);
        sample.weight = std::min<uint64_t>(moment.weight, INT64_MAX);
        if (sample.count > 0 || sample.weight > 0) builder_.add(sample);
      }
    });
  }

  // Which label every string stands for when it is a key.
  std::vector<uint8_t> number_label_keys() const {
    std::vector<uint8_t> keys(strings_.size(), kLabelCount);
    for (size_t i = 0; i < strings_.size(); ++i) {
      const auto* known = std::ranges::find(kLabelNames, strings_[i]);
      keys[i] = static_cast<uint8_t>(known - kLabelNames.begin());
    }
    return keys;
  }

  // The first of each kind counts.
  Labels labels_of(const RawSample& raw) const {
    Labels labels;
    for (const RawLabel& label : raw.labels) {
      if (label.key < 0 || static_cast<size_t>(label.key) >= label_keys_.size()) continue;
      const uint8_t kind = label_keys_[static_cast<size_t>(label.key)];
      if (kind == kLabelCount || labels[kind].given) continue;
      labels[kind] = Label{true, string(label.text), label.number};
    }
    return labels;
  }

  Sample tagged(const Labels& labels) {
    Sample sample;
    sample.backend = backend_of(labels);
    sample.state = named(labels[kState], State::kIdle);
    sample.end = named(labels[kStackEnd], StackEnd::kNoStack);
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
    if (has_metadata_ && number.given && number.number >= 0 &&
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

  void add_values(Sample sample, const std::vector<int64_t>& values) {
    const auto value = [&values](int column) -> uint64_t {
      if (column < 0 || static_cast<size_t>(column) >= values.size()) return 0;
      return static_cast<uint64_t>(std::max<int64_t>(values[static_cast<size_t>(column)], 0));
    };
    const bool running = sample.state == State::kRunning;
    sample.weight = value(running ? columns_.weight : columns_.off_weight);
    sample.count = value(running ? columns_.count : columns_.off_count);
    if (columns_.count < 0 && sample.weight > 0) sample.count = 1;
    if (sample.count > 0 || sample.weight > 0) builder_.add(sample);
  }

  template <typename RowId>
  static RowId find(const std::unordered_map<uint64_t, RowId>& ids, uint64_t id) {
    const auto at = ids.find(id);
    return at == ids.end() ? RowId{} : at->second;
  }

  Profile& profile() { return builder_.profile(); }

  std::string_view bytes_;
  ProfileBuilder builder_;
  std::vector<std::string_view> strings_;
  std::vector<int64_t> comments_;
  std::string_view metadata_;  // JSON text
  std::vector<ValueType> types_;
  Columns columns_;
  bool has_metadata_ = false;
  std::vector<uint8_t> label_keys_;  // LabelKey, by string
  std::unordered_map<uint64_t, FunctionId> functions_;
  std::unordered_map<uint64_t, MappingId> mappings_;
  std::unordered_map<uint64_t, LocationId> locations_;
  std::map<std::tuple<int32_t, std::string, std::string, std::string, std::string>, BackendId>
      backends_;
};

}  // namespace

Result<Profile> read_pprof(std::string_view bytes) {
  std::string unpacked;
  bool truncated = false;
  if (is_gzip(bytes)) {
    auto gunzipped = gunzip(bytes, kMaxBytes);
    if (!gunzipped) return fail(std::move(gunzipped).error());
    unpacked = std::move(gunzipped->bytes);
    truncated = gunzipped->truncated;
    bytes = unpacked;
  }
  if (truncated) {
    return fail(ErrorKind::kCorrupt,
                "the pprof file ends in the middle",
                "copy it again: its string table comes last, so nothing can be saved");
  }
  try {
    return Reader(bytes).read();
  } catch (const protozero::end_of_buffer_exception&) {
    return fail(ErrorKind::kCorrupt, "the pprof data ends too early", "copy it again, completely");
  } catch (const protozero::exception& error) {
    return fail(ErrorKind::kCorrupt, std::string("the pprof data is broken: ") + error.what());
  }
}

}  // namespace pgflame
