// Names for functions of a stripped binary, proved by facts inside the binary itself.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/elf_image.h"
#include "symbolizer/function_table.h"
#include "symbolizer/reference/references.h"

namespace pgflame::symbolizer {

// Gives names to unnamed functions of the table, with NameTier::kRecovered and the evidence; where
// only the source file is known, with NameTier::kPlaced. Known functions get their source file.
// Results are kept in `cache_dir` by build-id, unless it is empty.
void recover(const ElfImage& image, FunctionTable& functions, const std::string& cache_dir);

// False where recover() changes nothing, whatever is asked of it: the file is neither one of
// PostgreSQL's nor a C library, and chooses no variants of its functions.
bool may_recover(const ElfImage& image, const ElfImage* debug);

// A program that there are references of, and its version.
struct Product {
  std::string_view module;  // "postgres", "plpgsql", ...
  int major = 0;            // of PostgreSQL
};

// Nothing when the file is none of them, or does not say its version.
std::optional<Product> recognise(const ElfImage& image, const FunctionTable& functions);

// Those of the references that are the best witnesses for it.
std::vector<Reference> witnesses_for(const Product& product, std::span<const Reference> references);

// As `recover`, with the given references and without a cache.
void recover_with(const ElfImage& image,
                  FunctionTable& functions,
                  const Product& product,
                  std::span<const Reference> references);

}  // namespace pgflame::symbolizer
