#include "symbolizer/jit_files.h"

#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/profile/this_boot.h"
#include "symbolizer/jit_symbols.h"

namespace pgflame::symbolizer {
namespace {

constexpr size_t kMaxJitFile = size_t{256} << 20;
constexpr size_t kMaxStatus = size_t{64} << 10;

bool is_jitdump(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.starts_with("jit-") && name.ends_with(".dump");
}

// The very file that was mapped, else what is at its path.
std::optional<std::string> read_dump(ModuleId id, const Module& module, const Options& options) {
  const ModuleFile* mapped = options.files == nullptr ? nullptr : options.files->of(id);
  if (mapped != nullptr && mapped->file.valid()) {
    const auto file = open_regular_file(fmt::format("/proc/self/fd/{}", mapped->file.get()));
    auto bytes = file ? read_all(*file, kMaxJitFile) : fail(file.error());
    if (bytes) return std::move(*bytes);
  }
  auto bytes = read_strange_file(options.symfs + module.path, kMaxJitFile);
  return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
}

// The processes' own numbers by this host's. One that is gone is taken to have had the same.
std::map<int32_t, int32_t> own_pids(const std::set<int32_t>& pids) {
  std::map<int32_t, int32_t> own;
  for (const int32_t pid : pids) {
    const auto status = read_file(fmt::format("/proc/{}/status", pid), kMaxStatus);
    const int32_t number = status ? own_pid_of_status(*status) : 0;
    own[pid] = number != 0 ? number : pid;
  }
  return own;
}

// The process that knows itself by a number; 0 when several do, itself when none does.
int32_t process_with(int32_t number, const std::map<int32_t, int32_t>& own) {
  int32_t found = 0;
  for (const auto& [pid, its_own] : own) {
    if (its_own != number) continue;
    if (found != 0) return 0;
    found = pid;
  }
  return found != 0 ? found : number;
}

}  // namespace

int32_t own_pid_of_status(std::string_view status) {
  constexpr std::string_view kKey = "\nNSpid:";
  const size_t at = status.find(kKey);
  if (at == std::string_view::npos) return 0;
  std::string_view numbers = status.substr(at + kKey.size());
  numbers = trim(numbers.substr(0, numbers.find('\n')));
  const auto pid = parse_u64(numbers.substr(numbers.find_last_of(" \t") + 1));
  return pid && *pid <= INT32_MAX ? static_cast<int32_t>(*pid) : 0;
}

std::map<int32_t, std::vector<FunctionTable>> read_jit_files(const Profile& profile,
                                                             const Options& options,
                                                             const std::set<int32_t>& pids) {
  std::map<int32_t, std::vector<FunctionTable>> tables;
  const auto own = options.this_host ? own_pids(pids) : std::map<int32_t, int32_t>{};
  const bool left_here = !options.this_host && is_of_this_boot(profile.recording, this_host());
  for (size_t i = 0; i < profile.modules.size(); ++i) {
    const ModuleId id = profile.modules.id_at(i);
    if (!is_jitdump(profile.modules[id].path)) continue;
    const auto bytes = read_dump(id, profile.modules[id], options);
    if (!bytes) continue;
    JitDump dump = parse_jitdump({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()});
    const int32_t pid = process_with(dump.pid, own);
    if (pid != 0) tables[pid].push_back(std::move(dump.functions));
  }
  for (const int32_t pid : pids) {
    // Of an older capture another process may have the number by now: /proc is not asked.
    const auto number = own.find(pid);
    Result<std::string> text = fail(ErrorKind::kNotFound, "no perf map");
    if (number != own.end()) {
      text = read_strange_file(fmt::format("/proc/{}/root/tmp/perf-{}.map", pid, number->second),
                               kMaxJitFile);
    }
    if (!text && (number != own.end() || left_here)) {
      text = read_strange_file(fmt::format("/tmp/perf-{}.map", pid), kMaxJitFile);
    }
    if (text) tables[pid].push_back(parse_perf_map(std::move(*text)));
  }
  return tables;
}

}  // namespace pgflame::symbolizer
