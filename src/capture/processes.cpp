#include "src/capture/processes.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/build_id.h"
#include "src/base/file.h"
#include "src/capture/proc.h"
#include "src/capture/process_title.h"
#include "src/capture/session_names.h"

namespace pgflame::capture {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;
// A backend sets its title once it knows user and database, a few milliseconds after its birth.
constexpr uint64_t kFirstTitleLook = 5 * kMillisecond;
constexpr uint64_t kLastTitleWait = 2000 * kMillisecond;
// Bogus addresses of broken stacks must not make us read maps all the time.
constexpr uint64_t kMapsPause = 500 * kMillisecond;
// Where statements are compiled, their code comes and goes within milliseconds.
constexpr uint64_t kMapsPauseOfCompilers = 20 * kMillisecond;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kLowestUserAddress = 65536;  // vm.mmap_min_addr
constexpr uint64_t kKernelStart = uint64_t{1} << 63;
constexpr std::string_view kDeleted = " (deleted)";

std::string kernel_build_id() {
  const auto notes = read_file("/sys/kernel/notes", size_t{64} << 10);
  if (!notes) return {};
  return build_id_of_notes({reinterpret_cast<const uint8_t*>(notes->data()), notes->size()});
}

}  // namespace

void Processes::add_cluster(const Cluster& cluster, const std::optional<TagLayout>& layout) {
  clusters_[cluster.postmaster] = cluster;
  layouts_[cluster.postmaster] = layout;
}

void Processes::add(int32_t pid, int32_t postmaster) {
  if (rows_.contains(pid)) return;
  Row row;
  row.postmaster = postmaster;
  row.since_ns = monotonic_now();
  row.backend.pid = pid;
  row.backend.postmaster = postmaster;
  const auto stat = read_stat(pid);
  if (!stat) return;  // gone already
  row.backend.comm = stat->comm;
  row.backend.start_time = stat->start_ns;
  expect_title(row);
  read_maps(pid, row);
  read_title(pid, row);
  rows_.emplace(pid, std::move(row));
}

void Processes::fork(int32_t parent, int32_t pid, uint64_t time_ns) {
  const auto known = rows_.find(parent);
  if (known == rows_.end()) return;
  Row row;
  row.postmaster = known->second.postmaster;
  row.space = known->second.space;
  row.since_ns = time_ns;
  row.backend.pid = pid;
  row.backend.postmaster = row.postmaster;
  row.backend.comm = known->second.backend.comm;
  row.backend.start_time = static_cast<int64_t>(time_ns);
  expect_title(row);
  rows_.insert_or_assign(pid, std::move(row));
}

void Processes::expect_title(Row& row) {
  row.title_wait_ns = kFirstTitleLook;
  row.title_due_ns = row.since_ns + kFirstTitleLook;
}

void Processes::exec(int32_t pid) {
  const auto found = rows_.find(pid);
  if (found == rows_.end()) return;
  Row& row = found->second;
  read_maps(pid, row);
  if (const auto stat = read_stat(pid)) row.backend.comm = stat->comm;
  read_title(pid, row);
  row.title_due_ns = 0;  // some other program now, which has no title to wait for
}

void Processes::exit(int32_t pid) {
  const auto found = rows_.find(pid);
  if (found == rows_.end()) return;
  keep_numbers(found->second);
  rows_.erase(found);
}

void Processes::learn(int32_t pid, const Tags& tags) {
  const auto found = rows_.find(pid);
  if (!tags.has_backend || found == rows_.end()) return;
  found->second.database = tags.database;
  found->second.user = tags.user;
  found->second.type = tags.backend_type;
}

void Processes::keep_numbers(const Row& row) {
  const Backend& backend = row.backend;
  if (row.database != 0 && !backend.database.empty()) {
    names_[row.postmaster].databases.try_emplace(row.database, backend.database);
  }
  if (row.user != 0 && !backend.user.empty()) {
    names_[row.postmaster].users.try_emplace(row.user, backend.user);
  }
  // Background workers share a number, whatever their type is called.
  const bool is_session = !backend.user.empty() && !backend.database.empty();
  if (row.type && is_session && !backend.type.empty()) {
    names_[row.postmaster].types.try_emplace(*row.type, backend.type);
  }
  const bool incomplete = backend.database.empty() || backend.user.empty() || backend.type.empty();
  if (incomplete && row.id.valid() && row.type) {
    unnamed_.push_back({row.id, row.postmaster, row.database, row.user, row.type});
  }
}

void Processes::fill_in_names() {
  for (const auto& [pid, row] : rows_)
    keep_numbers(row);
  const auto fill = [](const auto& names, uint32_t number, std::string& name) {
    const auto known = names.find(number);
    if (name.empty() && known != names.end()) name = known->second;
  };
  for (const Unnamed& row : unnamed_) {
    Backend& backend = builder_.profile().backends[row.id];
    const NamesOfCluster& names = names_[row.postmaster];
    fill(names.databases, row.database, backend.database);
    fill(names.users, row.user, backend.user);
    if (row.type) fill(names.types, *row.type, backend.type);
  }
  unnamed_.clear();
  note_unclear_titles();
}

void Processes::note_unclear_titles() {
  const auto& backends = builder_.profile().backends;
  const auto unclear = std::ranges::count_if(backends, [](const Backend& backend) {
    return backend.user.empty() && backend.type == "client backend" && !backend.title.empty();
  });
  if (unclear == 0) return;
  builder_.profile().recording.notes.push_back(fmt::format(
      "The user and database of {} sessions are not known: the names contain blanks, and "
      "nothing told where in the process title one ends and the other begins.",
      unclear));
}

std::vector<int32_t> Processes::pids() const {
  std::vector<int32_t> pids;
  pids.reserve(rows_.size());
  for (const auto& [pid, row] : rows_)
    pids.push_back(pid);
  std::ranges::sort(pids);
  return pids;
}

int32_t Processes::postmaster_of(int32_t pid) const {
  const auto found = rows_.find(pid);
  return found == rows_.end() ? 0 : found->second.postmaster;
}

int Processes::major_of(int32_t pid) const {
  const auto found = clusters_.find(postmaster_of(pid));
  return found == clusters_.end() ? 0 : found->second.major;
}

uint64_t Processes::since_ns(int32_t pid) const {
  const auto found = rows_.find(pid);
  return found == rows_.end() ? 0 : found->second.since_ns;
}

const Backend* Processes::find(int32_t pid) const {
  const auto found = rows_.find(pid);
  return found == rows_.end() ? nullptr : &found->second.backend;
}

BackendId Processes::backend(int32_t pid) {
  const auto found = rows_.find(pid);
  if (found == rows_.end()) return {};
  Row& row = found->second;
  if (!row.id.valid()) row.id = builder_.backend(row.backend);
  return row.id;
}

LocationId Processes::locate(int32_t pid, uint64_t address, uint64_t now_ns) {
  const auto found = rows_.find(pid);
  if (found == rows_.end()) return builder_.location({}, address);
  Row& row = found->second;
  MappingId mapping = row.space ? row.space->find(address) : MappingId{};
  const uint64_t pause = row.compiles ? kMapsPauseOfCompilers : kMapsPause;
  if (!mapping.valid() && (!row.own_maps || now_ns > row.maps_read_ns + pause)) {
    row.maps_read_ns = now_ns;
    read_maps(pid, row);
    mapping = row.space ? row.space->find(address) : MappingId{};
  }
  if (!mapping.valid() && row.compiles && address >= kLowestUserAddress && address < kKernelStart)
    mapping = code_that_is_gone(address);
  return builder_.location(mapping, address);
}

// What ran there is in no file that is mapped, in a process with LLVM in it: it was compiled, and
// its statement had ended when the maps were read.
MappingId Processes::code_that_is_gone(uint64_t address) {
  const uint64_t page = address / kPage * kPage;
  return builder_.mapping({page, page + kPage, 0, builder_.module({ModuleKind::kJit, "", ""})});
}

LocationId Processes::locate_kernel(uint64_t address) {
  if (!kernel_.valid()) {
    const ModuleId module = builder_.module({ModuleKind::kKernel, "[kernel]", kernel_build_id()});
    kernel_ = builder_.mapping({kKernelStart, UINT64_MAX, 0, module});
  }
  return builder_.location(kernel_, address);
}

void Processes::read_maps(int32_t pid, Row& row) {
  const auto text = read_file(proc_path(pid, "maps"), size_t{64} << 20);
  if (!text || text->empty()) return;  // gone: what its parent had still holds
  auto space = std::make_shared<AddressSpace>();
  const std::vector<MapsLine> lines = parse_maps(*text);
  const bool in_maker =
      std::ranges::any_of(lines, [](const MapsLine& line) { return makes_code(line.path); });
  for (const MapsLine& line : lines) {
    if (!line.executable) continue;
    space->add(line.start, line.end, mapping_of(pid, line, in_maker));
    row.compiles = row.compiles || line.path.find("llvmjit") != std::string_view::npos;
  }
  row.own_maps = true;
  row.space = std::move(space);
}

MappingId Processes::mapping_of(int32_t pid, const MapsLine& line, bool in_maker) {
  const ModuleKind kind = kind_of_code(line.path, in_maker);
  std::string_view path = line.path;
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  const ModuleId module = kind == ModuleKind::kFile
                              ? files_.module_of(pid, line)
                              : builder_.module({kind, std::string(path), {}});
  return builder_.mapping({line.start, line.end, line.file_offset, module});
}

ModuleFiles Processes::take_files() {
  files_.mark_replaced();
  return std::move(files_).take();
}

// The process that the neighbour's pid namespace calls `inside`; 0 when it is not known.
int32_t Processes::pid_on_host(int32_t inside, const Row& neighbour) {
  if (inside == 0) return 0;
  const auto asked = [](int32_t pid, Row& row) {
    if (row.namespace_pid == 0) row.namespace_pid = namespace_pid(pid);
    return row.namespace_pid;
  };
  const auto postmaster = rows_.find(neighbour.postmaster);
  const bool is_ours = postmaster == rows_.end() ||
                       asked(postmaster->first, postmaster->second) == postmaster->first;
  if (is_ours) return inside;
  for (auto& [pid, row] : rows_) {
    if (row.postmaster == neighbour.postmaster && asked(pid, row) == inside) return pid;
  }
  return 0;
}

void Processes::read_title(int32_t pid, Row& row) {
  const std::string text = read_command_line(pid);
  if (text.empty()) return;
  Backend& backend = row.backend;
  const auto title = parse_process_title(text, clusters_[row.postmaster].name);
  if (title) {
    backend.title = title->fixed;
    backend.type = title->type;
    backend.database = title->database;
    backend.user = title->user;
    backend.leader = pid_on_host(title->leader, row);
    const auto& layout = layouts_[row.postmaster];
    // A walsender may have no database, so that not even two words are clear.
    const bool unclear = title->user.empty() || title->type == "walsender";
    if (layout && unclear && !title->names.empty()) {
      if (auto names = session_names(pid, *layout, title->names)) {
        backend.user = std::move(names->user);
        backend.database = std::move(names->database);
      }
    }
    const bool has_session = !backend.user.empty() || title->leader != 0;
    if (layout && has_session) backend.application = application_of(pid, *layout);
  } else if (pid == row.postmaster) {
    backend.title = text;
    backend.type = "postmaster";
  }
  if (!backend.type.empty()) {
    row.title_due_ns = 0;
    titled_.push_back(pid);
  }
  if (row.id.valid()) builder_.profile().backends[row.id] = backend;
}

bool Processes::refresh_titles(uint64_t now_ns) {
  bool more = false;
  for (auto& [pid, row] : rows_) {
    if (row.title_due_ns == 0) continue;
    if (row.title_due_ns <= now_ns) {
      read_title(pid, row);
      if (row.title_due_ns == 0) continue;
      row.title_wait_ns = std::min(row.title_wait_ns * 2, kLastTitleWait);
      row.title_due_ns = now_ns + row.title_wait_ns;
    }
    more = more || row.title_wait_ns < 100 * kMillisecond;
  }
  return more;
}

void Processes::read_all_titles() {
  for (auto& [pid, row] : rows_)
    read_title(pid, row);
}

}  // namespace pgflame::capture
