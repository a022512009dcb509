// The maps and variables of the programs, made without loading the programs they came with.
#pragma once

#include <string>

#include "src/base/error.h"

struct bpf_object;

namespace pgflame::capture {

// Makes the maps of an object that is not loaded and gives them to it. Read-only variables can be
// changed until seal_variables().
Status make_maps(bpf_object* object);
Status seal_variables(bpf_object* object);

// Definitions in C of the names of all maps and variables, by the maps' descriptors.
Result<std::string> map_definitions(const bpf_object* object);

}  // namespace pgflame::capture
