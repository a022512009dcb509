#include <algorithm>

#include <doctest/doctest.h>

#include "src/base/file.h"
#include "symbolizer/debug_package.h"
#include "symbolizer/demangle.h"
#include "symbolizer/missing_symbols.h"
#include "symbolizer/module_symbols.h"
#include "tests/support/folder.h"

namespace pgflame::symbolizer {
namespace {

TEST_SUITE_BEGIN("symbolizer");

TEST_CASE("mangled names become what the programmer wrote, others stay") {
  struct Case {
    const char* mangled;
    const char* readable;
  };
  const Case cases[] = {
      {"heap_getnext", "heap_getnext"},
      {"_ZN5boost7archive4loadEi", "boost::archive::load(int)"},
      {"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"},
      {"_ZN58_$LT$alloc..string..String$u20$as$u20$core..fmt..Write$GT$9write_str"
       "17h0123456789abcdefE",
       "<alloc::string::String as core::fmt::Write>::write_str"},
      {"_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"},
      {"_RNCNvCs1234_7mycrate4main0", "mycrate::main::{closure#0}"},
      {"_RNvMNtCs1234_7mycrate3fooNtB2_3Bar3baz", "<mycrate::foo::Bar>::baz"},
      {"_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>"},
      {"_RNvNtCs1234_7mycrate3foo", "_RNvNtCs1234_7mycrate3foo"},
      {"_Zgarbage", "_Zgarbage"},
      {"_R", "_R"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.mangled);
    CHECK(demangle(row.mangled) == row.readable);
  }
}

std::string base(size_t number, size_t of, std::string_view digits) {
  std::string text;
  for (; number != 0; number /= of)
    text.insert(text.begin(), digits[number % of]);
  return text;
}

// f(A, P<A, A>, P<P<A, A>, P<A, A>>, ...): each type holds the one before it twice.
std::string bomb_in_cxx(int depth) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string name = "_Z1f1A1PIS_S_E";
  for (size_t i = 1; i <= static_cast<size_t>(depth); ++i) {
    const std::string last = "S" + base(i, 36, kDigits) + "_";
    name += "S0_I" + last + last + "E";
  }
  return name;
}

// The same with tuples.
std::string bomb_in_rust(int depth) {
  constexpr std::string_view kDigits =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string path = "INvC1a1fTuuE";
  for (size_t place = 8; depth > 0; --depth) {
    const std::string last = "B" + base(place - 1, 62, kDigits) + "_";
    place = path.size();
    path += "T" + last + last + "E";
  }
  return "_R" + path + "E";
}

TEST_CASE("a short name that stands for gigabytes stays as it is") {
  CHECK(demangle(bomb_in_cxx(2)) ==
        "f(A, P<A, A>, P<P<A, A>, P<A, A> >, P<P<P<A, A>, P<A, A> >, "
        "P<P<A, A>, P<A, A> > >)");
  CHECK(demangle(bomb_in_rust(1)) == "a::f::<((), ()), (((), ()), ((), ()))>");
  for (const std::string& name : {bomb_in_cxx(60), bomb_in_rust(60)}) {
    CAPTURE(name);
    CHECK(demangle(name) == name);
  }
  const std::string deep = "_Z1f" + std::string(4000, 'P') + "i";
  CHECK(demangle(deep) == deep);
}

TEST_CASE("the package with the symbols follows from where the file is") {
  CHECK(debug_package("/usr/lib/postgresql/15/bin/postgres") == "postgresql-15-dbgsym");
  CHECK(debug_package("/usr/lib/postgresql/16/lib/postgis-3.so") ==
        "postgresql-16-postgis-3-dbgsym");
  CHECK(debug_package("/usr/lib/postgresql/15/lib/ltree.so") == "postgresql-15-dbgsym");
  CHECK(debug_package("/usr/lib/postgresql/15/lib/utf8_and_gbk.so") == "postgresql-15-dbgsym");
  CHECK(debug_package("/usr/lib/postgresql/15/lib/hstore_plperl.so") ==
        "postgresql-plperl-15-dbgsym");
  CHECK(debug_package("/usr/lib/postgresql/15/lib/timescaledb-2.11.so").empty());
  CHECK(debug_package("/usr/pgsql-17/bin/postgres") == "postgresql17-debuginfo");
  CHECK(debug_package("/usr/pgsql-17/lib/pg_cron.so").empty());
  CHECK(debug_package("/usr/bin/postgres") == "postgresql-server-debuginfo");
  CHECK(debug_package("/usr/lib64/pgsql/plpgsql.so") == "postgresql-server-debuginfo");
  CHECK(debug_package("/usr/lib64/pgsql/pgcrypto.so") == "postgresql-contrib-debuginfo");
  CHECK(debug_package("/usr/lib64/pgsql/pg_cron.so").empty());
  CHECK(debug_package("/usr/lib/x86_64-linux-gnu/libc.so.6") == "libc6-dbg");
  CHECK(debug_package("/usr/lib64/libc.so.6") == "glibc-debuginfo");
  CHECK(debug_package("/usr/lib/x86_64-linux-gnu/libicui18n.so.72.1") == "libicu72-dbgsym");
  CHECK(debug_package("/opt/unheard/of.so").empty());
  CHECK(debug_package("postgres").empty());
}

TEST_CASE("what is installed tells the package of any other file") {
  const Folder folder;
  const auto list = [&](const char* name, const char* contents) {
    REQUIRE(write_file_atomically(folder / name, contents, Overwrite::kAllow));
  };
  list("postgresql-15-cron.list", "/.\n/usr/lib/postgresql/15/lib/pg_cron.so\n");
  list("libfoo1:amd64.list", "/lib/x86_64-linux-gnu/libfoo.so.1\n");
  list("other.md5sums", "/usr/lib/other.so\n");
  // Thousands are not looked into when the name of one is like that of the file.
  list("a-copy.list", "/usr/lib/x86_64-linux-gnu/libFoo-7.so.1\n");
  list("libfoo7:amd64.list", "/usr/lib/x86_64-linux-gnu/libFoo-7.so.1\n");
  const auto package = [&](std::string_view path) {
    return installed_debug_package(path, folder.path());
  };
  CHECK(package("/usr/lib/postgresql/15/lib/pg_cron.so") == "postgresql-15-cron-dbgsym");
  CHECK(package("/usr/lib/x86_64-linux-gnu/libfoo.so.1") == "libfoo1-dbgsym");
  CHECK(package("/usr/lib/x86_64-linux-gnu/libFoo-7.so.1") == "libfoo7-dbgsym");
  CHECK(package("/usr/lib/postgresql/15/lib/pg_cro").empty());
  CHECK(package("/usr/lib/other.so").empty());
  CHECK(installed_debug_package("/usr/lib/other.so", folder / "none").empty());
}

TEST_CASE("the functions of this kernel's vDSO have names") {
  const auto vdso = load_own_vdso();
  REQUIRE(vdso->image);
  const auto is_clock = [](const FunctionRange& range) {
    return range.name.ends_with("clock_gettime") && range.tier == NameTier::kExported;
  };
  CHECK(std::ranges::any_of(vdso->functions.ranges(), is_clock));
}

TEST_CASE("modules without names are listed by how many samples end in them") {
  Profile profile;
  const ModuleId libc = profile.modules.add({ModuleKind::kFile, "/lib/libc.so.6", "ab"});
  const ModuleId server = profile.modules.add({ModuleKind::kFile, "/pg/postgres", "cd"});
  Function unnamed;
  unnamed.name = "[unnamed] libc.so.6+0x10";
  unnamed.module = libc;
  unnamed.unnamed = Unnamed::kNoSymbols;
  Function named;
  named.name = "heap_getnext";
  named.module = server;
  named.tier = NameTier::kExported;
  for (const Function& function : {unnamed, named}) {
    profile.lines.push_back({profile.functions.add(function), 0});
    Location location;
    location.first_line = static_cast<uint32_t>(profile.lines.size() - 1);
    location.line_count = 1;
    const LocationId id = profile.locations.add(location);
    if (profile.stacks.empty()) profile.stacks.add({});
    Sample sample;
    sample.stack = profile.stacks.add({id, kEmptyStack});
    sample.count = 7;
    profile.samples.push_back(sample);
  }
  const auto missing = missing_symbols(profile, running_by_leaf(profile));
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].module == "/lib/libc.so.6");
  CHECK(missing[0].samples == 7);
  CHECK(missing[0].package == "libc6-dbg");
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
