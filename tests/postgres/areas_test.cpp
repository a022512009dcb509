#include "src/postgres/areas.h"

#include <doctest/doctest.h>

#include "src/postgres/function_names.h"
#include "src/profile/builder.h"

namespace pgflame::postgres {
namespace {

struct Case {
  std::string_view module;
  ModuleKind kind;
  std::string_view name;
  NameTier tier;
  std::string_view file;
  std::string_view area;
};

std::string_view area_id(const Case& c) {
  ProfileBuilder builder;
  Function function;
  function.name = c.name;
  function.file = c.file;
  function.tier = c.tier;
  function.module = builder.module(Module{c.kind, std::string(c.module), ""});
  const FunctionId id = builder.function(function);
  return id_of(area_of(builder.profile(), id));
}

constexpr auto kFile = ModuleKind::kFile;
constexpr std::string_view kPostgres = "/usr/lib/postgresql/15/bin/postgres";
constexpr std::string_view kLibc = "/usr/lib/x86_64-linux-gnu/libc.so.6";

}  // namespace

TEST_SUITE("postgres") {
  TEST_CASE("a function belongs to the area its source file implements") {
    for (const Case& c : {
             Case{kPostgres, kFile, "slot_deform_heap_tuple", NameTier::kFull, "", "tuple"},
             Case{kPostgres, kFile, "hash_search", NameTier::kExported, "", "hash"},
             Case{kPostgres, kFile, "LWLockAcquire", NameTier::kExported, "", "lock"},
             Case{kPostgres, kFile, "ExecInterpExpr", NameTier::kRecovered, "", "expression"},
             Case{kPostgres, kFile, "_bt_compare", NameTier::kExported, "", "index"},
             Case{kPostgres, kFile, "standard_planner", NameTier::kExported, "", "planner"},
             Case{kPostgres, kFile, "XLogInsertRecord", NameTier::kExported, "", "wal"},
             Case{kPostgres, kFile, "PinBuffer.isra.0", NameTier::kFull, "", "buffer"},
             Case{kPostgres, kFile, "tts_new_thing", NameTier::kFull, "", "tuple"},
             Case{kPostgres, kFile, "x+0x4f", NameTier::kPlaced, "nbtsearch.c", "index"},
             Case{kPostgres, kFile, "[unnamed] postgres+0x1", NameTier::kNone, "", "unnamed"},
             Case{kLibc, kFile, "hash_search", NameTier::kFull, "", "other"},
             Case{kLibc, kFile, "__memcpy_avx_unaligned", NameTier::kFull, "", "other"},
             Case{"libLLVM-14.so.1", kFile, "anything", NameTier::kExported, "", "jit"},
             Case{"libcrypto.so.3", kFile, "EVP_x", NameTier::kExported, "", "network"},
             Case{"[kernel]", ModuleKind::kKernel, "clear_page", NameTier::kFull, "", "kernel"},
             Case{"", ModuleKind::kJit, "evalexpr_0_1", NameTier::kFull, "", "jit"},
             Case{"", ModuleKind::kUnknown, "hash_search", NameTier::kGiven, "", "hash"},
         }) {
      CAPTURE(c.name);
      CAPTURE(c.module);
      CHECK(area_id(c) == c.area);
    }
  }

  TEST_CASE("every area's id leads back to it") {
    for (size_t i = 0; i < kAreaCount; ++i) {
      const auto area = static_cast<Area>(i);
      CHECK(area_by_id(id_of(area)) == area);
      CHECK_FALSE(title_of(area).empty());
    }
    CHECK_FALSE(area_by_id("no such area"));
  }

  TEST_CASE("compilers', linkers' and tools' suffixes are cut off names") {
    for (const auto& [written, base] : std::initializer_list<std::pair<const char*, const char*>>{
             {"hash_search.constprop.0", "hash_search"},
             {"PinBuffer.isra.12.cold", "PinBuffer"},
             {"AllocSetAlloc.part.0", "AllocSetAlloc"},
             {"malloc@@GLIBC_2.2.5", "malloc"},
             {"strcoll_l@plt", "strcoll_l"},
             {"LWLockAcquire+0x1f", "LWLockAcquire"},
             {"do_syscall_64_[k]", "do_syscall_64"},
             {"cmp.17", "cmp"},
             {"qsort_tuple", "qsort_tuple"},
             {"[unknown]", "[unknown]"},
             {"nbtsearch.c:static+0x4f", "nbtsearch.c:static"},
         }) {
      CHECK(base_name(written) == base);
    }
  }
}

}  // namespace pgflame::postgres
