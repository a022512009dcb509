#include "symbolizer/debuginfod.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <dlfcn.h>
#include <unistd.h>

namespace pgflame::symbolizer {
namespace {

using Clock = std::chrono::steady_clock;

// From elfutils/debuginfod.h, whose package need not be there to build.
struct Client;
using Progress = int (*)(Client*, long, long);

struct Request {
  Clock::time_point deadline;
  uint64_t max_bytes = 0;
};

}  // namespace

struct Debuginfod::Library {
  void* handle = nullptr;
  Client* (*begin)() = nullptr;
  void (*end)(Client*) = nullptr;
  int (*find_debug_file)(Client*, const unsigned char*, int, char**) = nullptr;
  int (*find_executable)(Client*, const unsigned char*, int, char**) = nullptr;
  void (*set_progress)(Client*, Progress) = nullptr;
  void (*set_user_data)(Client*, void*) = nullptr;
  void* (*get_user_data)(Client*) = nullptr;

  Library() = default;
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  // Never unloaded: it has initialised libcurl, which does not like to go.
  ~Library() = default;

  template <typename Pointer>
  bool load(const char* name, Pointer& into) {
    into = reinterpret_cast<Pointer>(::dlsym(handle, name));
    return into != nullptr;
  }

  bool load() {
    handle = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    return handle != nullptr && load("debuginfod_begin", begin) && load("debuginfod_end", end) &&
           load("debuginfod_find_debuginfo", find_debug_file) &&
           load("debuginfod_find_executable", find_executable) &&
           load("debuginfod_set_progressfn", set_progress) &&
           load("debuginfod_set_user_data", set_user_data) &&
           load("debuginfod_get_user_data", get_user_data);
  }
};

namespace {

// What the callback, which gets nothing but the client, reads its limits with.
void* (*user_data_of)(Client*) = nullptr;

// Called several times a second with what is done and what is to do; non-zero gives up.
int check_limits(Client* client, long done, long total) {
  const auto* request = static_cast<const Request*>(user_data_of(client));
  const auto bytes = static_cast<uint64_t>(std::max({done, total, 0L}));
  return Clock::now() > request->deadline || bytes > request->max_bytes ? 1 : 0;
}

}  // namespace

Debuginfod::Debuginfod(std::unique_ptr<Library> library, const DebuginfodLimits& limits)
    : library_(std::move(library)), limits_(limits) {}

Debuginfod::~Debuginfod() = default;

Result<std::shared_ptr<Debuginfod>> Debuginfod::open(const DebuginfodLimits& limits) {
  auto library = std::make_unique<Library>();
  if (!library->load()) {
    return fail(ErrorKind::kUnsupported,
                "DEBUGINFOD_URLS is set, but libdebuginfod.so.1 cannot be loaded",
                "install it (Debian: libdebuginfod1, RPM: elfutils-debuginfod-client)");
  }
  user_data_of = library->get_user_data;
  return std::shared_ptr<Debuginfod>(new Debuginfod(std::move(library), limits));
}

std::string Debuginfod::find(const std::string& build_id) {
  return ask(Wanted::kDebugFile, build_id);
}

std::string Debuginfod::find_executable(const std::string& build_id) {
  return ask(Wanted::kExecutable, build_id);
}

std::string Debuginfod::ask(Wanted wanted, const std::string& build_id) {
  const std::scoped_lock lock(mutex_);
  const auto allowed = std::min(limits_.per_file, limits_.total - spent_);
  if (build_id.empty() || allowed.count() <= 0) return {};
  Client* client = library_->begin();
  if (client == nullptr) return {};
  const auto start = Clock::now();
  Request request{start + allowed, limits_.max_bytes};
  library_->set_user_data(client, &request);
  library_->set_progress(client, check_limits);
  char* found = nullptr;
  // A length of zero says that the build-id is text.
  const auto find =
      wanted == Wanted::kDebugFile ? library_->find_debug_file : library_->find_executable;
  const int fd = find(client, reinterpret_cast<const unsigned char*>(build_id.c_str()), 0, &found);
  library_->end(client);
  spent_ += std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  std::string path = found == nullptr ? "" : found;
  std::free(found);
  if (fd < 0) return {};
  // What arrives at once is never asked about.
  const off_t size = ::lseek(fd, 0, SEEK_END);
  ::close(fd);
  return size >= 0 && static_cast<uint64_t>(size) <= limits_.max_bytes ? path : std::string{};
}

}  // namespace pgflame::symbolizer
