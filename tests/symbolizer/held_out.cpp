// pgflame_held_out BINARY [REFERENCE...]
// Recovers the names of a server as if the references (13-gcc7, 15-gcc12, 14 for all of a major)
// did not exist, and prints "address size name tier evidence" of every function. Whoever measures
// recovery on a build that a reference was made from leaves that reference out.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "src/base/file.h"
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

Status print_names(const std::string& path, std::span<const std::string> excluded) {
  auto file = MappedFile::open(path);
  if (!file) return fail(std::move(file).error());
  auto image = ElfImage::parse(file->bytes());
  if (!image) return fail(std::move(image).error());
  if (image->section(".symtab") != nullptr) {
    return fail(ErrorKind::kUsage, "the binary is not stripped");
  }
  FunctionTable functions = FunctionTable::from_image(*image, function_bounds(*image));
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
    std::fputs("usage: pgflame_held_out BINARY [REFERENCE...]\n", stderr);
    return 2;
  }
  const std::vector<std::string> excluded(argv + 2, argv + argc);
  const auto done = pgflame::symbolizer::print_names(argv[1], excluded);
  if (!done) std::fprintf(stderr, "pgflame_held_out: %s\n", done.error().what.c_str());
  return done ? 0 : 1;
}
