// Debug files and programs from debuginfod servers, by elfutils' client library, which is loaded
// when it is there. It reads DEBUGINFOD_URLS and its further variables itself (man 7
// debuginfod-client-config); whoever opens one has seen that the first is set.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "src/base/error.h"

namespace pgflame::symbolizer {

struct DebuginfodLimits {
  std::chrono::milliseconds per_file{30'000};
  std::chrono::milliseconds total{90'000};  // then the rest goes without
  uint64_t max_bytes = uint64_t{1} << 30;   // of one file
};

class Debuginfod {
 public:
  // Fails when the client library is not installed.
  static Result<std::shared_ptr<Debuginfod>> open(const DebuginfodLimits& limits);

  Debuginfod(const Debuginfod&) = delete;
  Debuginfod& operator=(const Debuginfod&) = delete;
  ~Debuginfod();

  // Where the library has put the debug file of a build-id; empty when no server gave it within the
  // limits. The build-id of what is there is not checked. Threads wait for each other.
  std::string find(const std::string& build_id);
  // The same of the program or library itself.
  std::string find_executable(const std::string& build_id);

 private:
  struct Library;
  enum class Wanted : uint8_t { kDebugFile, kExecutable };
  std::string ask(Wanted wanted, const std::string& build_id);
  Debuginfod(std::unique_ptr<Library> library, const DebuginfodLimits& limits);

  std::unique_ptr<Library> library_;
  DebuginfodLimits limits_;
  std::mutex mutex_;
  std::chrono::milliseconds spent_{0};
};

}  // namespace pgflame::symbolizer
