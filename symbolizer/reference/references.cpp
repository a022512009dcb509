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

#define PGFLAME_INCLUDE_REFERENCE(module, major, compiler)                  \
  PGFLAME_INCLUDE_BINARY(pgflame_reference_##module##_##major##_##compiler, \
                         #module "-" #major "-" #compiler ".zst");

// Every reference, as arguments of another macro.
#define PGFLAME_EXTENSION(use, module)                                                    \
  use(module, 13, gcc7) use(module, 14, gcc7) use(module, 15, gcc7) use(module, 16, gcc7) \
      use(module, 17, gcc7) use(module, 18, gcc7)
#define PGFLAME_REFERENCES(use)                                                                    \
  use(postgres, 13, gcc7) use(postgres, 13, gcc12) use(postgres, 14, gcc7) use(postgres, 15, gcc7) \
      use(postgres, 15, gcc12) use(postgres, 16, gcc7) use(postgres, 17, gcc7)                     \
          use(postgres, 17, gcc12) use(postgres, 18, gcc7) use(postgres, 18, gcc12)                \
              PGFLAME_EXTENSION(use, plpgsql) PGFLAME_EXTENSION(use, pg_stat_statements)           \
                  PGFLAME_EXTENSION(use, pg_trgm) PGFLAME_EXTENSION(use, postgres_fdw)

PGFLAME_REFERENCES(PGFLAME_INCLUDE_REFERENCE)

namespace pgflame::symbolizer {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

#define PGFLAME_REFERENCE(module, major, compiler)                     \
  Reference{#module,                                                   \
            major,                                                     \
            #compiler,                                                 \
            between(pgflame_reference_##module##_##major##_##compiler, \
                    pgflame_reference_##module##_##major##_##compiler##_end)},

const std::array kReferences{PGFLAME_REFERENCES(PGFLAME_REFERENCE)};

}  // namespace

std::span<const Reference> references() {
  return kReferences;
}

}  // namespace pgflame::symbolizer
