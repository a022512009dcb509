// Compares walks that the kernel made with libdwfl's walk over a copy of the same stack.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bpf/unwind_table.h"
#include "src/capture/mapped_files.h"
#include "src/capture/proc.h"
#include "src/profile/builder.h"
#include "src/profile/user_stack.h"

namespace pgflame::capture {

class UnwindCheck {
 public:
  UnwindCheck();

  void compare(const pgf_verify_record& record);

  // "Of 2000 stacks compared with libdwfl 1998 are equal, ..."; empty when none were compared.
  std::string summary() const;

 private:
  void read_maps(int32_t pid);
  ModuleId module_of(int32_t pid, const MapsLine& line);

  std::shared_ptr<ModuleFiles> inodes_;  // libdwfl is given no other file than the mapped one
  Unwinder libdwfl_;
  ProfileBuilder builder_;
  MappedFiles files_;
  AddressSpace space_;
  std::string maps_;  // what space_ was made of
  uint64_t compared_ = 0;
  uint64_t equal_ = 0;
  uint64_t no_information_ = 0;  // ours ends in code without unwind information, as it should
  uint64_t cut_ = 0;             // libdwfl's ends where the copy does, or in code made at run time
  std::string difference_;       // the first one
};

}  // namespace pgflame::capture
