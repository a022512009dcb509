// Speedscope and the profile's own tables.
#include <array>

#include <fmt/format.h>

#include "src/convert/json_list.h"
#include "src/convert/writers.h"
#include "src/profile/cluster_index.h"

namespace pgflame::convert {
namespace {

std::string_view speedscope_unit(const Profile& profile) {
  return profile.recording.event.unit == WeightUnit::kNanoseconds ? "nanoseconds" : "none";
}

// Frames of speedscope are functions, then one for each location without names.
struct SpeedscopeFrames {
  std::string text;
  std::vector<size_t> of_unnamed_location;
};

SpeedscopeFrames speedscope_frames(const Profile& profile) {
  SpeedscopeFrames frames;
  List list(frames.text);
  for (const Function& function : profile.functions) {
    std::string frame = "{\"name\":" + json_string(function.name);
    if (!function.file.empty()) frame += ",\"file\":" + json_string(function.file);
    list.add(frame + '}');
  }
  size_t next = profile.functions.size();
  for (const Location& location : profile.locations) {
    frames.of_unnamed_location.push_back(next);
    if (location.line_count > 0) continue;
    list.add("{\"name\":" + json_string(unnamed_frame(profile, location)) + '}');
    ++next;
  }
  return frames;
}

std::string speedscope_stack(const Profile& profile,
                             const SpeedscopeFrames& frames,
                             StackId stack) {
  std::string text = "[";
  List list(text);
  const std::vector<LocationId> path = locations_of(profile, stack);
  for (auto id = path.rbegin(); id != path.rend(); ++id) {
    const Location& location = profile.locations[*id];
    if (location.line_count == 0) list.add(std::to_string(frames.of_unnamed_location[id->value]));
    for (uint32_t i = location.line_count; i-- > 0;)
      list.add(std::to_string(profile.lines[location.first_line + i].function.value));
  }
  return text + ']';
}

template <typename Rows, typename Describe>
void add_table(std::string& text, std::string_view name, const Rows& rows, Describe&& describe) {
  text += fmt::format("\"{}\":[", name);
  List list(text);
  for (const auto& row : rows) {
    list.add("\n");
    text += describe(row);
  }
  text += "],\n";
}

int64_t number(uint32_t id) {
  return id == UINT32_MAX ? -1 : int64_t{id};
}

std::string recording_json(const Profile& profile) {
  const Recording& recording = profile.recording;
  std::string losses;
  List list(losses);
  for (size_t i = 0; i < kLossCount; ++i) {
    list.add(fmt::format("\"{}\":{}", name_of(static_cast<Loss>(i)), recording.losses[i]));
  }
  return fmt::format(
      "{{\"host\":{},\"kernel\":{},\"event\":{},\"start_unix_ns\":{},\"duration_ns\":{},"
      "\"truncated_input\":{},\"losses\":{{{}}}}}",
      json_string(recording.host),
      json_string(recording.kernel),
      json_string(recording.event.name),
      recording.start_unix_ns,
      recording.duration_ns,
      recording.truncated_input,
      losses);
}

std::string lines_json(const Profile& profile, const Location& location) {
  std::string text;
  List list(text);
  for (uint32_t i = 0; i < location.line_count; ++i) {
    const Line& line = profile.lines[location.first_line + i];
    list.add(fmt::format("[{},{}]", line.function.value, line.line));
  }
  return text;
}

void add_code_tables(std::string& text, const Profile& profile) {
  constexpr std::array<std::string_view, 6> kKinds{
      "file", "kernel", "vdso", "jit", "anonymous", "unknown"};
  add_table(text, "modules", profile.modules, [&](const Module& row) {
    return fmt::format("{{\"kind\":\"{}\",\"path\":{},\"build_id\":\"{}\"}}",
                       kKinds[static_cast<size_t>(row.kind)],
                       json_string(row.path),
                       row.build_id);
  });
  add_table(text, "mappings", profile.mappings, [](const Mapping& row) {
    return fmt::format("{{\"start\":{},\"end\":{},\"file_offset\":{},\"module\":{}}}",
                       row.start,
                       row.end,
                       row.file_offset,
                       number(row.module.value));
  });
  add_table(text, "functions", profile.functions, [](const Function& row) {
    return fmt::format("{{\"name\":{},\"file\":{},\"module\":{},\"tier\":\"{}\"}}",
                       json_string(row.name),
                       json_string(row.file),
                       number(row.module.value),
                       name_of(row.tier));
  });
  add_table(text, "locations", profile.locations, [&](const Location& row) {
    return fmt::format("{{\"mapping\":{},\"address\":{},\"lines\":[{}]}}",
                       number(row.mapping.value),
                       row.address,
                       lines_json(profile, row));
  });
  add_table(text, "stacks", profile.stacks, [](const StackNode& row) {
    return fmt::format("[{},{}]", number(row.location.value), number(row.caller.value));
  });
}

// Which of several clusters each belongs to.
void add_backends(std::string& text, const Profile& profile) {
  const ClusterIndex clusters(profile);
  uint32_t next = 0;
  add_table(text, "backends", profile.backends, [&](const Backend& row) {
    const std::string_view cluster = clusters.name_of(clusters.row_of(BackendId{next++}));
    return fmt::format("{{\"pid\":{},\"comm\":{},\"type\":{},\"database\":{},\"user\":{}{}}}",
                       row.pid,
                       json_string(row.comm),
                       json_string(row.type),
                       json_string(row.database),
                       json_string(row.user),
                       cluster.empty() ? std::string() : ",\"cluster\":" + json_string(cluster));
  });
}

}  // namespace

std::string write_speedscope(const Profile& profile) {
  const SpeedscopeFrames frames = speedscope_frames(profile);
  std::string samples;
  std::string weights;
  List sample_list(samples);
  List weight_list(weights);
  uint64_t total = 0;
  for (const Sample& sample : profile.samples) {
    if (sample.state != State::kRunning) continue;
    sample_list.add(speedscope_stack(profile, frames, sample.stack));
    weight_list.add(std::to_string(sample.weight));
    total += sample.weight;
  }
  const std::string name = json_string(profile.recording.event.name);
  return fmt::format(
      "{{\"$schema\":\"https://www.speedscope.app/"
      "file-format-schema.json\",\"exporter\":\"pgflame\","
      "\"name\":{0},\"activeProfileIndex\":0,\"shared\":{{\"frames\":[{1}]}},\"profiles\":[{{"
      "\"type\":\"sampled\",\"name\":{0},\"unit\":\"{2}\",\"startValue\":0,\"endValue\":{3},"
      "\"samples\":[{4}],\"weights\":[{5}]}}]}}\n",
      name,
      frames.text,
      speedscope_unit(profile),
      total,
      samples,
      weights);
}

std::string write_json(const Profile& profile) {
  std::string text = "{\"recording\":" + recording_json(profile) + ",\n";
  add_code_tables(text, profile);
  add_backends(text, profile);
  add_table(text, "samples", profile.samples, [](const Sample& row) {
    return fmt::format(
        "{{\"stack\":{},\"backend\":{},\"state\":\"{}\",\"end\":\"{}\",\"second\":{},"
        "\"query_id\":{},\"wait_event\":{},\"count\":{},\"weight\":{}}}",
        row.stack.value,
        number(row.backend.value),
        name_of(row.state),
        name_of(row.end),
        row.second,
        row.query_id,
        row.wait_event,
        row.count,
        row.weight);
  });
  text.erase(text.size() - 2);  // the last table's comma
  return text + "}\n";
}

}  // namespace pgflame::convert
