#include "symbolizer/reference/references.h"

#include <array>

// The assembler takes the files in as they are; a C++ array of that size compiles for minutes.
// NOLINTBEGIN(bugprone-macro-parentheses): the symbol is text of the assembler.
#define PGFLAME_INCLUDE_BINARY(symbol, file)                            \
  __asm__(".pushsection .rodata,\"a\",%progbits\n" #symbol              \
          ":\n"                                                         \
          ".incbin \"" PGFLAME_REFERENCE_DIR "/" file "\"\n" #symbol    \
          "_end:\n"                                                     \
          ".popsection\n");                                             \
  extern "C" const char symbol[] __attribute__((visibility("hidden"))); \
  extern "C" const char symbol##_end[] __attribute__((visibility("hidden")))
// NOLINTEND(bugprone-macro-parentheses)

PGFLAME_INCLUDE_BINARY(pgflame_reference_13_gcc7, "postgres-13-gcc7.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_13_gcc12, "postgres-13-gcc12.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_14_gcc7, "postgres-14-gcc7.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_15_gcc7, "postgres-15-gcc7.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_15_gcc12, "postgres-15-gcc12.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_16_gcc7, "postgres-16-gcc7.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_17_gcc7, "postgres-17-gcc7.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_17_gcc12, "postgres-17-gcc12.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_18_gcc7, "postgres-18-gcc7.zst");
PGFLAME_INCLUDE_BINARY(pgflame_reference_18_gcc12, "postgres-18-gcc12.zst");

namespace pgflame::symbolizer {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

#define PGFLAME_REFERENCE(major, compiler)                    \
  Reference {                                                 \
    major, #compiler,                                         \
        between(pgflame_reference_##major##_##compiler,       \
                pgflame_reference_##major##_##compiler##_end) \
  }

const std::array<Reference, 10> kReferences{{
    PGFLAME_REFERENCE(13, gcc7),
    PGFLAME_REFERENCE(13, gcc12),
    PGFLAME_REFERENCE(14, gcc7),
    PGFLAME_REFERENCE(15, gcc7),
    PGFLAME_REFERENCE(15, gcc12),
    PGFLAME_REFERENCE(16, gcc7),
    PGFLAME_REFERENCE(17, gcc7),
    PGFLAME_REFERENCE(17, gcc12),
    PGFLAME_REFERENCE(18, gcc7),
    PGFLAME_REFERENCE(18, gcc12),
}};

}  // namespace

std::span<const Reference> references() {
  return kReferences;
}

}  // namespace pgflame::symbolizer
