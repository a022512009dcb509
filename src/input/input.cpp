#include "src/input/input.h"

#include <algorithm>
#include <array>

#include <sys/stat.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "src/input/bpftrace.h"
#include "src/input/byte_stream.h"
#include "src/input/folded.h"
#include "src/input/perf_data.h"
#include "src/input/perf_header.h"
#include "src/input/perf_script.h"
#include "src/input/sample_filter.h"
#include "src/input/script_line.h"
#include "src/input/spill.h"
#include "src/input/svg.h"
#include "src/profile/gzip.h"
#include "src/profile/pprof.h"

namespace pgflame::input {
namespace {

constexpr size_t kMaxInMemory = size_t{1} << 30;

bool is_directory(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<Opened> from_pprof(std::string_view bytes, Format format, const Options& options) {
  auto profile = read_pprof(bytes, options.event);
  if (!profile) return fail(std::move(profile).error());
  Opened opened;
  opened.format = format;
  opened.profile = std::move(*profile);
  const Status filtered = filter_profile(opened.profile, options);
  if (!filtered) return fail(filtered.error());
  opened.events = {opened.profile.recording.event.name};
  return opened;
}

Result<Opened> read_profile(ByteStream stream, Format format, const Options& options) {
  const auto bytes = read_whole(stream, kMaxInMemory, options.temporary_folder);
  if (!bytes) return fail(bytes.error());
  Result<Opened> opened;
  if (format == Format::kSvg) {
    const auto inside = profile_inside_svg(as_text(*bytes));
    if (!inside) return fail(inside.error());
    opened = from_pprof(*inside, format, options);
  } else {
    opened = from_pprof(as_text(*bytes), format, options);
  }
  if (opened && stream.truncated()) opened->profile.recording.truncated_input = true;
  return opened;
}

// Text has no control characters but the ones that break lines and columns.
bool is_text(std::string_view start) {
  return std::ranges::none_of(start, [](unsigned char c) {
    return c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != 0x1b;
  });
}

Result<Opened> read_any(ByteStream stream, const Options& options) {
  constexpr size_t kEnoughToTell = 16384;
  const auto start = stream.peek(kEnoughToTell);
  if (!start) return fail(start.error());
  if (start->empty()) {
    return stream.truncated() ? fail(ErrorKind::kCorrupt,
                                     "it is cut so early that nothing of it can be unpacked",
                                     "copy it again, completely")
                              : fail(ErrorKind::kCorrupt, "there is nothing in it");
  }
  if (is_perf_data(*start)) return read_perf_data(std::move(stream), options);
  const std::string_view text = as_text(*start);
  if (is_text(text) && looks_like_bpftrace(text)) return read_bpftrace(stream, options);
  if (is_text(text) && looks_like_script(text)) return read_perf_script(stream, options);
  // Compressed once more than the stream sees.
  if (is_gzip(text) || looks_like_pprof(text))
    return read_profile(std::move(stream), Format::kPprof, options);
  if (is_text(text)) {
    if (looks_like_svg(text)) return read_profile(std::move(stream), Format::kSvg, options);
    if (looks_folded(text)) return read_folded(stream, options);
  }
  return fail(ErrorKind::kUnsupported,
              "this is none of the formats pgflame reads",
              "it reads perf.data, perf script text, folded stacks, pprof and pgflame's own SVG");
}

template <typename Items>
void append_filter(std::string& text, std::string_view option, const Items& items) {
  if (items.empty()) return;
  text += fmt::format("{}{} {}", text.empty() ? "" : " ", option, fmt::join(items, ","));
}

void note_on_filters(Recording& recording, const Options& options) {
  const std::string filters = filters_of(options);
  if (!filters.empty() && recording.losses[static_cast<size_t>(Loss::kFiltered)] > 0)
    recording.notes.push_back("this report is of a part of the capture: " + filters);
}

}  // namespace

std::string filters_of(const Options& options) {
  std::string text;
  append_filter(text, "--comm", options.comms);
  append_filter(text, "--pid", options.pids);
  if (!options.time.empty()) append_filter(text, "--time", std::array{options.time});
  if (options.exclude_idle) text += text.empty() ? "--exclude-idle" : " --exclude-idle";
  return text;
}

Result<Opened> open(const std::string& path, const Options& options) {
  const std::string name = path == "-" ? "standard input" : path;
  Result<Opened> opened;
  if (path != "-" && is_directory(path)) {
    opened = read_perf_directory(path, options);
  } else {
    auto stream = ByteStream::open(path);
    if (!stream) return fail(std::move(stream).error());
    opened = read_any(std::move(*stream), options);
  }
  if (!opened && opened.error().kind != ErrorKind::kUsage) {
    return fail(std::move(opened).error().within(name));
  }
  if (opened) note_on_filters(opened->profile.recording, options);
  return opened;
}

}  // namespace pgflame::input
