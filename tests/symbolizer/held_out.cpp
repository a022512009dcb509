// pgflame_held_out BINARY [--bounds UNSTRIPPED] [REFERENCE...]
// Recovers the names of a server as if the references (13-gcc7, 15-gcc12, 14 for all of a major)
// did not exist, and prints "address size name tier evidence" of every function. Whoever measures
// recovery on a build that a reference was made from leaves that reference out. --bounds is for
// builds without .eh_frame: where functions begin and end is taken from that file's .symtab.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "src/base/file.h"
#include "src/base/rows.h"
#include "symbolizer/recovery.h"

namespace pgflame::symbolizer {
namespace {

std::vector<Reference> references_without(std::span<const std::string> excluded) {
  std::vector<Reference> kept;
  for (const Reference& reference : references()) {
    const std::string major = std::to_string(reference.major);
    const std::string full = fmt::format("{}-{}", major, reference.compiler);
    const bool out = std::any_of(excluded.begin(), excluded.end(), [&](const std::string& text) {
      return text == major || text == full;
    });
    if (!out) kept.push_back(reference);
  }
  return kept;
}

std::vector<FunctionBounds> bounds_of_symbols(const std::string& path) {
  std::vector<FunctionBounds> bounds;
  auto file = MappedFile::open(path);
  auto image = file ? ElfImage::parse(file->bytes()) : fail(std::move(file).error());
  if (!image) return bounds;
  for (const ElfSymbol& symbol : image->symbols(".symtab")) {
    if (symbol.defined() && symbol.is_code() && symbol.size > 0)
      bounds.push_back({symbol.address, symbol.address + symbol.size});
  }
  std::ranges::sort(bounds, {}, &FunctionBounds::start);
  drop_repeated(bounds, &FunctionBounds::start);
  return bounds;
}

Status print_names(const std::string& path,
                   const std::string& unstripped,
                   std::span<const std::string> excluded) {
  auto file = MappedFile::open(path);
  if (!file) return fail(std::move(file).error());
  auto image = ElfImage::parse(file->bytes());
  if (!image) return fail(std::move(image).error());
  if (image->section(".symtab") != nullptr) {
    return fail(ErrorKind::kUsage, "the binary is not stripped");
  }
  FunctionTable functions = FunctionTable::from_image(
      *image, unstripped.empty() ? function_bounds(*image) : bounds_of_symbols(unstripped));
  const auto product = recognise(*image, functions);
  if (!product) return fail(ErrorKind::kUnsupported, "there are no references of this program");
  recover_with(*image, functions, *product, witnesses_for(*product, references_without(excluded)));
  for (const FunctionRange& range : functions.ranges()) {
    fmt::print("{:x}\t{}\t{}\t{}\t{}\n",
               range.start,
               range.end - range.start,
               without_clone_suffix(range.name),
               name_of(range.tier),
               range.evidence);
  }
  return {};
}

}  // namespace
}  // namespace pgflame::symbolizer

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: pgflame_held_out BINARY [--bounds UNSTRIPPED] [REFERENCE...]\n", stderr);
    return 2;
  }
  std::vector<std::string> excluded(argv + 2, argv + argc);
  std::string unstripped;
  if (excluded.size() >= 2 && excluded[0] == "--bounds") {
    unstripped = excluded[1];
    excluded.erase(excluded.begin(), excluded.begin() + 2);
  }
  const auto done = pgflame::symbolizer::print_names(argv[1], unstripped, excluded);
  if (!done) std::fprintf(stderr, "pgflame_held_out: %s\n", done.error().what.c_str());
  return done ? 0 : 1;
}
