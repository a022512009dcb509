// The "processed profile" of profiler.firefox.com: tables as columns. Version 49 of it; the tool
// itself brings older versions up to date.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "src/convert/json_list.h"
#include "src/convert/writers.h"

namespace pgflame::convert {
namespace {

// One column per name, filled row by row.
class Columns {
 public:
  explicit Columns(std::vector<std::string_view> names)
      : names_(std::move(names)), columns_(names_.size()) {}

  size_t size() const { return rows_; }
  size_t add(const std::vector<std::string>& row) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (rows_ > 0) columns_[i] += ',';
      columns_[i] += row[i];
    }
    return rows_++;
  }
  // `more`: further members, each with a comma in front.
  std::string json(std::string_view more = "") const {
    std::string text = fmt::format("{{\"length\":{}", rows_);
    for (size_t i = 0; i < columns_.size(); ++i)
      text += fmt::format(",\"{}\":[{}]", names_[i], columns_[i]);
    return text + std::string(more) + '}';
  }

 private:
  std::vector<std::string_view> names_;
  std::vector<std::string> columns_;
  size_t rows_ = 0;
};

constexpr const char* kNull = "null";

class FirefoxWriter {
 public:
  explicit FirefoxWriter(const Profile& profile) : profile_(profile) {}

  std::string write() {
    add_frames();
    add_stacks();
    add_samples();
    return fmt::format(
        "{{\"meta\":{},\"libs\":[],\"pages\":[],\"counters\":[],\"threads\":[{}]}}\n",
        meta(),
        thread());
  }

 private:
  // Functions first, then one frame for each location without names: both are equal to their
  // function's number in every table.
  void add_frames() {
    for (const Function& function : profile_.functions)
      add_frame(function.name);
    for (const Location& location : profile_.locations) {
      unnamed_.push_back(functions_.size());
      if (location.line_count == 0) add_frame(unnamed_frame(profile_, location));
    }
  }

  void add_frame(std::string_view name) {
    strings_.add(json_string(name));
    const std::string number = std::to_string(functions_.size());
    functions_.add({number, "false", "false", "-1", kNull, kNull, kNull});
    frames_.add({"-1", "0", "0", "0", number, kNull, kNull, kNull, kNull, kNull});
  }

  void add_stacks() {
    stack_of_.assign(profile_.stacks.size(), kNull);
    for (uint32_t i = 1; i < profile_.stacks.size(); ++i) {
      const StackNode& node = profile_.stacks[StackId{i}];
      const Location& location = profile_.locations[node.location];
      std::string at = stack_of_[node.caller.value];
      if (location.line_count == 0) at = add_stack(at, unnamed_[node.location.value]);
      for (uint32_t line = location.line_count; line-- > 0;)
        at = add_stack(at, profile_.lines[location.first_line + line].function.value);
      stack_of_[i] = at;
    }
  }

  std::string add_stack(const std::string& caller, size_t frame) {
    return std::to_string(stacks_.add({std::to_string(frame), caller, "0", "0"}));
  }

  void add_samples() {
    for (const uint32_t row : rows_by_time(profile_)) {
      const Sample& sample = profile_.samples[row];
      samples_.add({stack_of_[sample.stack.value],
                    fmt::format("{}.{:03}",
                                uint64_t{sample.second} * 1000 + sample.microsecond / 1000,
                                sample.microsecond % 1000),
                    std::to_string(sample.count)});
    }
  }

  std::string meta() const {
    const Recording& recording = profile_.recording;
    const double interval = recording.event.rate_hz > 0 ? 1000.0 / recording.event.rate_hz : 1.0;
    return fmt::format(
        "{{\"version\":24,\"preprocessedProfileVersion\":49,\"processType\":0,\"debug\":false,"
        "\"product\":{},\"interval\":{},\"startTime\":{},\"symbolicated\":true,\"stackwalk\":1,"
        "\"categories\":[{{\"name\":\"Other\",\"color\":\"grey\",\"subcategories\":[\"Other\"]}}],"
        "\"extensions\":{{\"length\":0,\"baseURL\":[],\"id\":[],\"name\":[]}},"
        "\"sampleUnits\":{{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"ns\"}},"
        "\"markerSchema\":[]}}",
        json_string("PostgreSQL on " + (recording.host.empty() ? "a host" : recording.host)),
        interval,
        recording.start_unix_ns / 1'000'000);
  }

  std::string thread() const {
    const Columns resources({"lib", "name", "host", "type"});
    const Columns symbols({"libIndex", "address", "name", "functionSize"});
    const Columns markers({"data", "name", "startTime", "endTime", "phase", "category"});
    return fmt::format(
        "{{\"name\":{0},\"processName\":{0},\"isMainThread\":true,\"processType\":\"default\","
        "\"pid\":\"0\",\"tid\":0,\"registerTime\":0,\"unregisterTime\":null,"
        "\"processStartupTime\":0,\"processShutdownTime\":null,\"pausedRanges\":[],"
        "\"stringArray\":[{1}],\"funcTable\":{2},\"frameTable\":{3},\"stackTable\":{4},"
        "\"samples\":{5},\"resourceTable\":{6},\"nativeSymbols\":{7},\"markers\":{8}}}",
        json_string(profile_.recording.event.name),
        text_,
        functions_.json(),
        frames_.json(),
        stacks_.json(),
        samples_.json(",\"weightType\":\"samples\""),
        resources.json(),
        symbols.json(),
        markers.json());
  }

  const Profile& profile_;
  std::string text_;
  List strings_{text_};
  Columns functions_{
      {"name", "isJS", "relevantForJS", "resource", "fileName", "lineNumber", "columnNumber"}};
  Columns frames_{{"address",
                   "inlineDepth",
                   "category",
                   "subcategory",
                   "func",
                   "nativeSymbol",
                   "innerWindowID",
                   "implementation",
                   "line",
                   "column"}};
  Columns stacks_{{"frame", "prefix", "category", "subcategory"}};
  Columns samples_{{"stack", "time", "weight"}};
  std::vector<size_t> unnamed_;        // frame of each location without names
  std::vector<std::string> stack_of_;  // number in stacks_ of each stack of the profile
};

}  // namespace

std::string write_firefox(const Profile& profile) {
  return FirefoxWriter(profile).write();
}

}  // namespace pgflame::convert
