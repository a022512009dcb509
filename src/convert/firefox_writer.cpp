// The "processed profile" of profiler.firefox.com: tables as columns. Version 49 of it; the tool
// itself brings older versions up to date.
#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <unordered_map>
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

  const std::string& column(size_t index) const { return columns_[index]; }
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
std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

enum Category : size_t { kUser, kKernel };
constexpr std::string_view kCategories =
    R"([{"name":"User","color":"yellow","subcategories":["Other"]},)"
    R"({"name":"Kernel","color":"orange","subcategories":["Other"]}])";

// Numbers for ids in the order in which they are first asked for.
template <typename Key>
class Numbers {
 public:
  // `add` makes the row; it returns the row's number.
  template <typename Add>
  size_t of(Key key, Add add) {
    const auto [at, is_new] = numbers_.try_emplace(key, 0);
    if (is_new) at->second = add();
    return at->second;
  }

 private:
  std::unordered_map<Key, size_t> numbers_;
};

// A process: the tool draws a track for each. Every thread has tables of its own.
class Thread {
 public:
  Thread(const Profile& profile, BackendId backend) : profile_(profile), backend_(backend) {}

  uint64_t samples() const { return counted_; }
  int32_t pid() const { return backend_.valid() ? profile_.backends[backend_].pid : 0; }

  void add(const Sample& sample) {
    counted_ += sample.count;
    const bool is_time = profile_.recording.event.unit == WeightUnit::kNanoseconds;
    samples_.add({stack(sample.stack),
                  fmt::format("{}.{:03}",
                              uint64_t{sample.second} * 1000 + sample.microsecond / 1000,
                              sample.microsecond % 1000),
                  std::to_string(sample.count),
                  is_time ? std::to_string(sample.weight) : kNull});
  }

  // `pid`: what tells it from the other processes, of which one may have had the same pid earlier.
  std::string json(const std::string& pid) const {
    const Columns symbols({"libIndex", "address", "name", "functionSize"});
    const Columns markers({"data", "name", "startTime", "endTime", "phase", "category"});
    return fmt::format(
        "{{\"name\":{0},\"processName\":{0},\"isMainThread\":true,\"processType\":\"default\","
        "\"pid\":\"{1}\",\"tid\":{2},\"registerTime\":0,\"unregisterTime\":null,"
        "\"processStartupTime\":0,\"processShutdownTime\":null,\"pausedRanges\":[],"
        "\"stringArray\":[{3}],\"funcTable\":{4},\"frameTable\":{5},\"stackTable\":{6},"
        "\"samples\":{7},\"resourceTable\":{8},\"nativeSymbols\":{9},\"markers\":{10}}}",
        json_string(name()),
        pid,
        this->pid(),
        strings_.column(0),
        functions_.json(),
        frames_.json(),
        stacks_.json(),
        samples_.json(R"(,"weightType":"samples")"),
        resources_.json(),
        symbols.json(),
        markers.json());
  }

 private:
  std::string name() const {
    if (!backend_.valid()) return profile_.recording.event.name;
    const Backend& backend = profile_.backends[backend_];
    const std::string& name = backend.title.empty() ? backend.comm : backend.title;
    return name.empty() ? fmt::format("process {}", backend.pid) : name;
  }

  // Callers are there before their callees, however deep the stack is.
  std::string stack(StackId id) {
    std::vector<StackId> missing;
    for (StackId at = id; at != kEmptyStack && !stack_numbers_.contains(at.value);
         at = profile_.stacks[at].caller)
      missing.push_back(at);
    while (!missing.empty()) {
      const StackNode& node = profile_.stacks[missing.back()];
      stack_numbers_[missing.back().value] = add_frames(number_of(node.caller), node.location);
      missing.pop_back();
    }
    return number_of(id);
  }

  std::string number_of(StackId id) const {
    return id == kEmptyStack ? kNull : stack_numbers_.at(id.value);
  }

  std::string add_frames(std::string at, LocationId id) {
    const Location& location = profile_.locations[id];
    const size_t category = is_kernel(profile_, location) ? kKernel : kUser;
    const auto push = [&](size_t function) {
      const size_t frame = frame_numbers_.of(function * 2 + category, [&] {
        return frames_.add({"-1",
                            "0",
                            std::to_string(category),
                            "0",
                            std::to_string(function),
                            kNull,
                            kNull,
                            kNull,
                            kNull,
                            kNull});
      });
      at = std::to_string(stacks_.add({std::to_string(frame), at, std::to_string(category), "0"}));
    };
    for (uint32_t line = location.line_count; line-- > 0;)
      push(named(profile_.lines[location.first_line + line].function, location));
    if (location.line_count == 0) {
      push(unnamed_numbers_.of(
          id.value, [&] { return add_function(unnamed_frame(profile_, location), location); }));
    }
    return at;
  }

  size_t named(FunctionId id, const Location& location) {
    return function_numbers_.of(
        id.value, [&] { return add_function(profile_.functions[id].name, location); });
  }

  size_t add_function(std::string_view name, const Location& location) {
    return functions_.add(
        {add_string(name), "false", "false", resource_of(location), kNull, kNull, kNull});
  }

  std::string resource_of(const Location& location) {
    const ModuleId module = module_of(profile_, location);
    if (!module.valid() || profile_.modules[module].path.empty()) return "-1";
    constexpr const char* kLibrary = "1";
    return std::to_string(resource_numbers_.of(module.value, [&] {
      const std::string name(file_name(profile_.modules[module].path));
      return resources_.add({std::to_string(module.value), add_string(name), kNull, kLibrary});
    }));
  }

  std::string add_string(std::string_view text) {
    return std::to_string(strings_.add({json_string(text)}));
  }

  const Profile& profile_;
  BackendId backend_;
  uint64_t counted_ = 0;
  Columns strings_{{"string"}};
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
  Columns samples_{{"stack", "time", "weight", "threadCPUDelta"}};
  Columns resources_{{"lib", "name", "host", "type"}};
  Numbers<uint32_t> function_numbers_, unnamed_numbers_, resource_numbers_;
  Numbers<size_t> frame_numbers_;
  std::unordered_map<uint32_t, std::string> stack_numbers_;
};

std::string meta(const Recording& recording) {
  const double interval = recording.event.rate_hz > 0 ? 1000.0 / recording.event.rate_hz : 1.0;
  return fmt::format(
      "{{\"version\":24,\"preprocessedProfileVersion\":49,\"processType\":0,\"debug\":false,"
      "\"product\":{},\"interval\":{},\"startTime\":{},\"symbolicated\":true,\"stackwalk\":1,"
      "\"categories\":{},\"extensions\":{{\"length\":0,\"baseURL\":[],\"id\":[],\"name\":[]}},"
      "\"sampleUnits\":{{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"ns\"}},"
      "\"markerSchema\":[]}}",
      json_string("PostgreSQL on " + (recording.host.empty() ? "a host" : recording.host)),
      interval,
      recording.start_unix_ns / 1'000'000,
      kCategories);
}

std::string libraries(const Profile& profile) {
  std::string text;
  List list{text};
  for (const Module& module : profile.modules) {
    const std::string name = json_string(file_name(module.path));
    const std::string path = json_string(module.path);
    list.add(
        fmt::format("{{\"arch\":{},\"name\":{},\"path\":{},\"debugName\":{},"
                    "\"debugPath\":{},\"breakpadId\":\"\",\"codeId\":{}}}",
                    json_string(profile.recording.architecture),
                    name,
                    path,
                    name,
                    path,
                    module.build_id.empty() ? kNull : json_string(module.build_id)));
  }
  return text;
}

}  // namespace

std::string write_firefox(const Profile& profile) {
  std::deque<Thread> threads;
  Numbers<uint32_t> numbers;
  for (const uint32_t row : rows_by_time(profile)) {
    const Sample& sample = profile.samples[row];
    threads[numbers.of(sample.backend.value, [&] {
      threads.emplace_back(profile, sample.backend);
      return threads.size() - 1;
    })].add(sample);
  }
  std::vector<const Thread*> busiest_first;
  busiest_first.reserve(threads.size());
  for (const Thread& thread : threads)
    busiest_first.push_back(&thread);
  std::ranges::stable_sort(busiest_first, std::ranges::greater{}, &Thread::samples);
  std::string text =
      fmt::format("{{\"meta\":{},\"libs\":[{}],\"pages\":[],\"counters\":[],\"threads\":[",
                  meta(profile.recording),
                  libraries(profile));
  List list{text};
  std::unordered_map<int32_t, int> had_pid;
  for (const Thread* thread : busiest_first) {
    const int earlier = had_pid[thread->pid()]++;
    list.add(thread->json(earlier == 0 ? std::to_string(thread->pid())
                                       : fmt::format("{}.{}", thread->pid(), earlier)));
  }
  return text + "]}\n";
}

}  // namespace pgflame::convert
