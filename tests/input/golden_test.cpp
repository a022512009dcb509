// Every file in tests/golden/input is opened and described in text; the description is compared
// with NAME.expected beside it. PGFLAME_BLESS=1 rewrites the expectations.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/input/input.h"

using namespace pgflame;
namespace fs = std::filesystem;

namespace {

std::string frame_text(const Profile& profile, LocationId id) {
  const Location& location = profile.locations[id];
  std::string names;
  for (uint32_t i = 0; i < location.line_count; ++i) {
    const Function& function = profile.functions[profile.lines[location.first_line + i].function];
    names = (i > 0 ? function.name + ";" : function.name) + names;
  }
  if (!names.empty()) return names;
  if (!location.mapping.valid()) return format_hex(location.address);
  const Mapping& mapping = profile.mappings[location.mapping];
  const Module& module = profile.modules[mapping.module];
  return fmt::format("{}+{:#x}",
                     fs::path(module.path).filename().string(),
                     location.address - mapping.start + mapping.file_offset);
}

std::string stack_text(const Profile& profile, const Sample& sample) {
  std::string text;
  for (StackId at = sample.stack; at != kEmptyStack; at = profile.stacks[at].caller) {
    text = frame_text(profile, profile.stacks[at].location) + (text.empty() ? "" : ";") + text;
  }
  const Backend& backend = profile.backends[sample.backend];
  return fmt::format("{}/{};{} [{}]", backend.comm, backend.pid, text, name_of(sample.end));
}

std::string modules_text(const Profile& profile) {
  std::set<std::string> used;
  for (const Location& location : profile.locations) {
    if (!location.mapping.valid()) continue;
    const Module& module = profile.modules[profile.mappings[location.mapping].module];
    used.insert(fmt::format(
        "module {} {} {}\n", static_cast<int>(module.kind), module.path, module.build_id));
  }
  std::string text;
  for (const std::string& line : used)
    text += line;
  return text;
}

std::string recording_text(const Recording& recording) {
  std::string text = fmt::format(
      "host {} kernel {} arch {} cpus {}\nevent {} unit {} rate {} unwinder {}\n"
      "start {} duration {} whole_host {} truncated {}\ncommand {}\n",
      recording.host,
      recording.kernel,
      recording.architecture,
      recording.cpus,
      recording.event.name,
      static_cast<int>(recording.event.unit),
      recording.event.rate_hz,
      recording.unwinder,
      recording.start_unix_ns,
      recording.duration_ns,
      recording.whole_host,
      recording.truncated_input,
      recording.command_line);
  for (size_t i = 0; i < kLossCount; ++i) {
    if (recording.losses[i] == 0) continue;
    text += fmt::format("{}: {}\n", name_of(static_cast<Loss>(i)), recording.losses[i]);
  }
  for (const std::string& note : recording.notes)
    text += "note " + note + "\n";
  return text;
}

std::string describe(const input::Opened& opened) {
  const Profile& profile = opened.profile;
  std::string text = fmt::format("format {}\n", static_cast<int>(opened.format));
  for (const std::string& event : opened.events)
    text += "has event " + event + "\n";
  text += recording_text(profile.recording);
  std::map<std::string, std::pair<uint64_t, uint64_t>> stacks;
  for (const Sample& sample : profile.samples) {
    auto& [count, weight] = stacks[stack_text(profile, sample)];
    count += sample.count;
    weight += sample.weight;
  }
  const Accounting total = account(profile);
  text += fmt::format("captured {} weight {} lost {} stacks {}\n",
                      total.captured,
                      total.weight,
                      total.lost,
                      stacks.size());
  text += modules_text(profile);
  std::vector<std::pair<std::string, std::pair<uint64_t, uint64_t>>> rows(stacks.begin(),
                                                                          stacks.end());
  std::ranges::stable_sort(rows, std::greater{}, [](const auto& row) { return row.second; });
  constexpr size_t kShown = 6;
  for (size_t i = 0; i < std::min(rows.size(), kShown); ++i) {
    text += fmt::format("{} {} {}\n", rows[i].first, rows[i].second.first, rows[i].second.second);
  }
  return text;
}

}  // namespace

TEST_SUITE("input") {
  TEST_CASE("every kind of capture is read as expected") {
    const fs::path folder = fs::path(PGFLAME_SOURCE_DIR) / "tests/golden/input";
    size_t cases = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string path = entry.path().string();
      if (path.ends_with(".expected")) continue;
      CAPTURE(path);
      ++cases;
      const auto opened = input::open(path, {});
      std::string actual;
      if (opened) {
        actual = describe(*opened);
      } else {
        actual = "error " + opened.error().what + "\nhint " + opened.error().hint + "\n";
      }
      // Messages begin with the file's path.
      if (const auto at = actual.find(path); at != std::string::npos) {
        actual.replace(at, path.size(), "FILE");
      }
      if (std::getenv("PGFLAME_BLESS") != nullptr) {
        std::ofstream(path + ".expected") << actual;
        continue;
      }
      const auto expected = read_file(path + ".expected");
      REQUIRE(expected.has_value());
      CHECK(actual == *expected);
    }
    CHECK(cases > 0);
  }
}
