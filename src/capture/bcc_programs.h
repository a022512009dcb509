// The programs of bpf/ compiled on this host and loaded, for hosts without BTF.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"
#include "src/base/file.h"

struct bpf_object;

namespace pgflame::capture {

class BccPrograms {
 public:
  struct Wanted {
    bool waits = false;
    bool tables = false;  // the walker that uses them
  };

  // Also makes the maps of `object`, which stays unloaded: its maps and variables are used as if it
  // had been loaded. `headers_hold` is its variable of that name.
  static Result<BccPrograms> load(bpf_object* object,
                                  Wanted wanted,
                                  volatile uint8_t& headers_hold);

  // From here on targets are followed; samples are taken by the sampling event.
  Status attach();

  // -1: not loaded.
  int descriptor(std::string_view program) const;
  std::vector<int> descriptors() const;

  // What the headers don't say truly, and what follows from it: sentences.
  std::vector<std::string> notes() const;

 private:
  std::map<std::string, FileHandle, std::less<>> programs_;
  std::vector<FileHandle> attached_;
  uint8_t headers_hold_ = 0;
};

// What is told about a set of enum header_fact.
std::vector<std::string> notes_on_headers(uint8_t headers_hold);

}  // namespace pgflame::capture
