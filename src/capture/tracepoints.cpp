#include "src/capture/tracepoints.h"

#include <array>
#include <cerrno>

#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/capture/perf_event.h"
#include "src/capture/proc.h"

namespace pgflame::capture {
namespace {

Result<std::string> read_description(const TracepointField& of, std::string_view file) {
  constexpr std::array<std::string_view, 2> kFolders{"/sys/kernel/tracing",
                                                     "/sys/kernel/debug/tracing"};
  for (const std::string_view folder : kFolders) {
    if (auto text = read_file(fmt::format("{}/events/{}/{}/{}", folder, of.group, of.event, file)))
      return text;
  }
  return fail(
      ErrorKind::kUnsupported,
      fmt::format(
          "the kernel's description of the tracepoint {}:{} cannot be read", of.group, of.event),
      "run as root, with tracefs mounted: mount -t tracefs tracefs /sys/kernel/tracing");
}

}  // namespace

Result<size_t> field_offset(std::string_view format, std::string_view field) {
  constexpr std::string_view kOffset = "offset:";
  for (const std::string_view line : split(format, '\n')) {
    const size_t at = line.find(fmt::format(" {};", field));
    const size_t offset = line.find(kOffset);
    if (at == std::string_view::npos || offset == std::string_view::npos) continue;
    const std::string_view rest = line.substr(offset + kOffset.size());
    if (const auto number = parse_u64(rest.substr(0, rest.find(';')))) return *number;
  }
  return fail(ErrorKind::kUnsupported,
              fmt::format("a tracepoint of this kernel has no field {}", field),
              "use --sampler perf");
}

Result<std::string> offset_definitions(const std::vector<TracepointField>& fields) {
  std::string text;
  for (const TracepointField& field : fields) {
    const auto format = read_description(field, "format");
    if (!format) return fail(format.error());
    const auto offset = field_offset(*format, field.field);
    if (!offset) return fail(offset.error());
    text += fmt::format("#define OFFSET_{}_{} {}\n", field.event, field.field, *offset);
  }
  return text;
}

Result<FileHandle> attach_to_tracepoint(std::string_view group,
                                        std::string_view event,
                                        int program) {
  const auto id = read_description({group, event, ""}, "id");
  if (!id) return fail(id.error());
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.config = parse_u64(trim(*id)).value_or(0);
  attributes.sample_period = 1;
  // The program sees the tracepoint on every CPU, whichever one the event is opened on.
  auto handle = open_on_cpu(attributes, online_cpus().front());
  if (!handle) return handle;
  if (::ioctl(handle->get(), PERF_EVENT_IOC_SET_BPF, program) != 0 ||
      ::ioctl(handle->get(), PERF_EVENT_IOC_ENABLE, 0) != 0) {
    return fail(system_error(
        fmt::format("cannot attach a BPF program to the tracepoint {}:{}", group, event), errno));
  }
  return handle;
}

}  // namespace pgflame::capture
