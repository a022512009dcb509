#include "src/input/input.h"

#include <sys/stat.h>

#include "src/input/byte_stream.h"
#include "src/input/perf_data.h"
#include "src/input/perf_header.h"
#include "src/input/sample_filter.h"
#include "src/profile/gzip.h"
#include "src/profile/pprof.h"

namespace pgflame::input {
namespace {

constexpr size_t kMaxInMemory = size_t{1} << 30;

bool is_directory(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<Opened> read_pprof_stream(ByteStream stream, const Options& options) {
  const auto bytes = stream.read_all(kMaxInMemory);
  if (!bytes) return fail(bytes.error());
  auto profile = read_pprof(as_text(*bytes));
  if (!profile) return fail(std::move(profile).error());
  Opened opened;
  opened.format = Format::kPprof;
  opened.profile = std::move(*profile);
  opened.profile.recording.truncated_input |= stream.truncated();
  const Status filtered = filter_profile(opened.profile, options);
  if (!filtered) return fail(filtered.error());
  opened.events = {opened.profile.recording.event.name};
  return opened;
}

Result<Opened> read_any(ByteStream stream, const Options& options) {
  constexpr size_t kEnoughToTell = 4096;
  const auto start = stream.peek(kEnoughToTell);
  if (!start) return fail(start.error());
  if (start->empty()) return fail(ErrorKind::kCorrupt, "the file is empty");
  if (is_perf_data(*start)) return read_perf_data(std::move(stream), options);
  return read_pprof_stream(std::move(stream), options);
}

}  // namespace

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
  return opened;
}

}  // namespace pgflame::input
