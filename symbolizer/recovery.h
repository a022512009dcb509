// Names for functions of a stripped binary, proved by facts inside the binary itself.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"
#include "symbolizer/reference/references.h"

namespace pgflame::symbolizer {

// Gives names to unnamed functions of the table, with NameTier::kRecovered and the evidence; where
// only the source file is known, with NameTier::kPlaced. Known functions get their source file.
// Results are kept in `cache_dir` by build-id, unless it is empty.
void recover(const ElfImage& image, FunctionTable& functions, const std::string& cache_dir);

// The same with the given references and without a cache.
void recover_with(const ElfImage& image,
                  FunctionTable& functions,
                  std::span<const Reference> references);

// Those of the references that are the best witnesses for a PostgreSQL of this major version.
std::vector<Reference> witnesses_for(int major, std::span<const Reference> references);

// The major version of PostgreSQL that the binary says it is; 0 when it says nothing.
int postgres_major(const ElfImage& image);

}  // namespace pgflame::symbolizer
