#include "src/input/given_frames.h"

#include <array>
#include <string>

#include "src/input/fingerprint.h"
#include "src/profile/address_space.h"

namespace pgflame::input {

FunctionId GivenFrames::function(std::string_view name, std::string_view module) {
  return rows_[row(name, module)].function;
}

LocationId GivenFrames::frame(std::string_view name, std::string_view module) {
  const uint32_t number = row(name, module);
  if (!rows_[number].location.valid()) {
    const std::array<Line, 1> lines{Line{rows_[number].function, 0}};
    rows_[number].location = builder_.named_location({}, 0, lines);
  }
  return rows_[number].location;
}

ModuleId GivenFrames::module(std::string_view path) {
  if (path.empty() || path == "[unknown]" || path == "unknown") return {};
  Module row;
  row.path = path;
  row.kind = kind_of_mapping(path);
  // Modules of the kernel are written in brackets, or with their file.
  const bool kernel = row.kind == ModuleKind::kKernel || path.ends_with(".ko") ||
                      path.find("/vmlinux") != std::string_view::npos || path == "vmlinux" ||
                      path.starts_with("bpf_prog_");
  if (kernel) row = Module{ModuleKind::kKernel, "[kernel]", ""};
  // "/tmp/perf-123.map": names of code made at run time.
  if (path.starts_with("/tmp/perf-") && path.ends_with(".map")) row.kind = ModuleKind::kJit;
  return builder_.module(row);
}

void GivenFrames::note_overflow(Recording& recording) const {
  if (!overflowed_) return;
  recording.notes.push_back("the names in the input take more than " +
                            std::to_string(max_bytes_ >> 20) +
                            " MiB; frames whose names came later are shown without one");
}

uint32_t GivenFrames::row(std::string_view name, std::string_view module) {
  const uint64_t hash = hash_text(name, hash_text(module, 0));
  const uint32_t found = index_.find(hash, [&](uint32_t number) {
    return rows_[number].name == name && rows_[number].module == module;
  });
  if (found != HashIndex::kAbsent) return found;
  const size_t bytes = sizeof(Row) + sizeof(Function) + 2 * (name.size() + module.size());
  if (bytes_ + bytes > max_bytes_ && !name.empty()) {
    overflowed_ = true;
    return this->row({}, {});
  }
  bytes_ += bytes;
  Row fresh;
  fresh.name = name;
  fresh.module = module;
  Function function;
  function.module = this->module(module);
  if (name.empty() || name == "[unknown]") {
    const std::string_view file = module.substr(module.rfind('/') + 1);
    function.name = function.module.valid() ? "[unnamed] " + std::string(file) : "[unnamed]";
    function.unnamed = Unnamed::kUnknownToInput;
  } else if (name.starts_with("[unnamed]")) {  // our own words
    function.name = name;
    function.unnamed = Unnamed::kUnknownToInput;
  } else {
    function.name = name;
    function.tier = NameTier::kGiven;
  }
  fresh.function = builder_.function(function);
  const auto number = static_cast<uint32_t>(rows_.size());
  rows_.push_back(std::move(fresh));
  index_.insert(hash, number);
  return number;
}

}  // namespace pgflame::input
