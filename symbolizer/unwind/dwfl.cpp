// The comparison unwinder on elfutils' libdwfl. One Dwfl per distinct address space, never per
// sample: setting one up costs a hundred times more than a walk.
#include <cstring>
#include <memory>
#include <set>
#include <unordered_map>

#include <elfutils/libdwfl.h>
#include <sys/mman.h>

#include <unistd.h>

#include "src/base/hash_index.h"
#include "src/base/own_vdso.h"
#include "symbolizer/unwind/offline.h"
#include "symbolizer/unwind/step.h"

namespace pgflame::unwind {
namespace {

constexpr pid_t kThread = 1;  // libdwfl wants a number; a dump has only one thread

struct Walk {
  Dump dump;
  UserStack stack;
  bool below_signal_frame = false;  // the next frame is the one that a signal interrupted
};

pid_t next_thread(Dwfl* /*dwfl*/, void* walk, void** thread) {
  if (*thread != nullptr) return 0;
  *thread = walk;
  return kThread;
}

bool get_thread(Dwfl* /*dwfl*/, pid_t /*tid*/, void* walk, void** thread) {
  *thread = walk;
  return true;
}

// libdwfl passes the pointer given to dwfl_attach_state, which points at the current walk.
bool read_memory(Dwfl* /*dwfl*/, Dwarf_Addr address, Dwarf_Word* result, void* walk) {
  __u64 value = 0;
  if (pgf_read_word(&(*static_cast<Walk**>(walk))->dump.memory, address, &value) != 0) return false;
  *result = value;
  return true;
}

bool set_registers(Dwfl_Thread* thread, void* walk) {
  const Dump& dump = (*static_cast<Walk**>(walk))->dump;
  const unsigned count = dump.frame.machine == PGF_AARCH64 ? 32
                         : dump.frame.machine == PGF_I386  ? 8
                                                           : 16;
  std::array<Dwarf_Word, 33> words{};
  std::copy_n(dump.memory.registers.begin(), count, words.begin());
  // On x86 the pc is the register after the general ones.
  const bool x86 = dump.frame.machine != PGF_AARCH64;
  if (x86) words[count] = dump.frame.pc;
  dwfl_thread_state_register_pc(thread, dump.frame.pc);
  return dwfl_thread_state_registers(thread, 0, count + (x86 ? 1 : 0), words.data());
}

constexpr Dwfl_Thread_Callbacks kThreadCallbacks{next_thread,
                                                 get_thread,
                                                 read_memory,
                                                 set_registers,
                                                 nullptr,
                                                 nullptr};

int add_frame(Dwfl_Frame* frame, void* walk) {
  auto& [dump, stack, below_signal_frame] = *static_cast<Walk*>(walk);
  const bool innermost = stack.addresses.empty();
  Dwarf_Addr pc = 0;
  bool activation = false;
  if (!dwfl_frame_pc(frame, &pc, &activation)) return DWARF_CB_ABORT;
  stack.addresses.push_back(below_signal_frame ? pc + 1 : pc);
  // libdwfl calls both the signal's frame and the interrupted one an activation, and the innermost
  // as well: when that is the signal's (two instructions) the address is not the walkers'.
  below_signal_frame = activation && !innermost && !below_signal_frame;
  return stack.addresses.size() < PGF_MAX_USER_FRAMES ? DWARF_CB_OK : DWARF_CB_ABORT;
}

int find_nothing(Dwfl_Module*,
                 void**,
                 const char*,
                 Dwarf_Addr,
                 const char*,
                 const char*,
                 GElf_Word,
                 char**) {
  return -1;
}

constexpr Dwfl_Callbacks kCallbacks{dwfl_build_id_find_elf, find_nothing, nullptr, nullptr};

// An open file with these contents; -1 when there can be none.
int file_of(const std::vector<uint8_t>& bytes) {
  const int file = ::memfd_create("module", MFD_CLOEXEC);
  if (file < 0) return -1;
  if (::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) return file;
  ::close(file);
  return -1;
}

// One address space as libdwfl knows it.
class Session {
 public:
  Session() : dwfl_(dwfl_begin(&kCallbacks)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { dwfl_end(dwfl_); }

  // `descriptor`: of the file, -1 when it is to be opened by its path.
  bool report(const std::string& path, int descriptor, uint64_t bias) {
    return dwfl_report_elf(dwfl_, path.c_str(), path.c_str(), descriptor, bias, false) != nullptr;
  }

  void walk(Walk& walk) {
    current_ = &walk;
    if (!attached_) {
      dwfl_report_end(dwfl_, nullptr, nullptr);
      attached_ = dwfl_attach_state(dwfl_, nullptr, kThread, &kThreadCallbacks, &current_);
    }
    const int done = dwfl_getthread_frames(dwfl_, kThread, add_frame, &walk);
    walk.stack.end = done == 0 ? StackEnd::kRoot : StackEnd::kNoUnwindInfo;
  }

 private:
  Dwfl* dwfl_ = nullptr;
  Walk* current_ = nullptr;
  bool attached_ = false;
};

class DwflUnwinder {
 public:
  explicit DwflUnwinder(FileOptions options) : options_(std::move(options)) {}

  UserStack walk(const Profile& profile, const AddressSpace& space, const UserDump& captured) {
    auto dump = read_dump(captured);
    if (!dump) return {{}, StackEnd::kNoStack};
    Walk walk{*dump, {}, false};
    session_of(profile, space).walk(walk);
    return std::move(walk.stack);
  }

 private:
  Session& session_of(const Profile& profile, const AddressSpace& space) {
    uint64_t key = 0;
    for (const AddressSpace::Range& range : space.ranges())
      key = hash_mix(hash_mix(hash_mix(key, range.start), range.end), range.mapping.value);
    const auto [known, fresh] = sessions_.try_emplace(key);
    if (!fresh) return *known->second;
    known->second = std::make_unique<Session>();
    // A module's code comes before its data, which lies at another distance from the file offset.
    std::set<ModuleId> reported;
    for (const AddressSpace::Range& range : space.ranges()) {
      const ModuleId module = profile.mappings[range.mapping].module;
      if (!module.valid() || reported.contains(module)) continue;
      if (report(profile, range.mapping, *known->second)) reported.insert(module);
    }
    return *known->second;
  }

  bool report(const Profile& profile, MappingId id, Session& session) const {
    const Mapping& mapping = profile.mappings[id];
    const Module& module = profile.modules[mapping.module];
    if (module.kind == ModuleKind::kVdso) return report_vdso(module, mapping, session);
    const auto path = find_file(profile, mapping.module, options_);
    if (!path) return false;
    const auto image = ElfImage::open(*path);
    if (!image) return false;
    const auto address = image->segments().address_of(mapping.file_offset);
    return address && session.report(*path, -1, mapping.start - *address);
  }

  // Without it libdwfl would go on by the frame pointer, which skips the vDSO's caller.
  static bool report_vdso(const Module& module, const Mapping& mapping, Session& session) {
    const auto image = vdso_of(module);
    const auto address = image ? image->segments().address_of(0) : std::nullopt;
    const int file = address ? file_of(own_vdso_bytes()) : -1;
    if (file < 0) return false;
    const bool reported = session.report(module.path, file, mapping.start - *address);
    if (!reported) ::close(file);  // else it is libdwfl's
    return reported;
  }

  FileOptions options_;
  std::unordered_map<uint64_t, std::unique_ptr<Session>> sessions_;
};

}  // namespace

Unwinder dwfl_unwinder(const FileOptions& options) {
  auto unwinder = std::make_shared<DwflUnwinder>(options);
  return [unwinder](const Profile& profile, const AddressSpace& space, const UserDump& dump) {
    return unwinder->walk(profile, space, dump);
  };
}

}  // namespace pgflame::unwind
