// pgflame_reference: makes the reference programs, and measures recovery against the truth.
//   pgflame_reference extract BINARY            > program
//   pgflame_reference match BINARY PROGRAM...     matches as tab-separated text
#include <fstream>
#include <iostream>
#include <set>
#include <unordered_map>

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include "src/base/file.h"
#include "symbolizer/function_table.h"
#include "symbolizer/list_symbols.h"
#include "symbolizer/recovery/matcher.h"
#include "symbolizer/recovery/reference.h"
#include "symbolizer/recovery/votes.h"

namespace pgflame::symbolizer {
namespace {

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

Program load(const std::string& path, bool strip) {
  static std::vector<std::unique_ptr<MappedFile>> files;
  double t0 = now();
  auto file = MappedFile::open(path);
  files.push_back(std::make_unique<MappedFile>(std::move(*file)));
  auto image = ElfImage::parse(files.back()->bytes());
  auto bounds = function_bounds(*image);
  auto table = FunctionTable::from_image(*image, bounds);
  double t1 = now();
  if (strip) {
    std::set<uint64_t> exported;
    for (auto& s : image->symbols(".dynsym"))
      if (s.defined() && s.is_code()) exported.insert(s.address);
    // as if stripped
    for (auto& r : table.ranges())
      if (r.evidence != "PLT stub" && !exported.contains(r.start)) {
        r.name = {};
        r.entry = r.start;
      }
  }
  Program p = read_program(*image, table);
  fmt::print(stderr, "{}: table {:.3f} program {:.3f}\n", path, t1 - t0, now() - t1);
  return p;
}

std::unordered_map<uint64_t, std::string> files_of(const std::string& path) {
  std::unordered_map<uint64_t, std::string> files;
  int fd = ::open(path.c_str(), O_RDONLY);
  Dwarf* dw = dwarf_begin(fd, DWARF_C_READ);
  if (!dw) return files;
  Dwarf_CU* cu = nullptr;
  Dwarf_Die die, sub;
  uint8_t type;
  while (dwarf_get_units(dw, cu, &cu, nullptr, &type, &die, &sub) == 0) {
    const char* name = dwarf_diename(&die);
    if (!name) continue;
    std::string file = name;
    file = file.substr(file.rfind('/') + 1);
    Dwarf_Die child;
    if (dwarf_child(&die, &child) != 0) continue;
    do {
      Dwarf_Addr low;
      if (dwarf_tag(&child) == DW_TAG_subprogram && dwarf_lowpc(&child, &low) == 0)
        files[low] = file;
    } while (dwarf_siblingof(&child, &child) == 0);
  }
  dwarf_end(dw);
  ::close(fd);
  return files;
}

int extract(const std::string& path, const std::string& names_from) {
  Program p = load(path, false);
  std::unordered_map<std::string, uint32_t> ids;
  auto id = [&](const std::string& f) {
    auto [it, is_new] = ids.try_emplace(f, uint32_t(p.files.size()));
    if (is_new) p.files.push_back(f);
    return it->second;
  };
  auto files = files_of(path);
  for (auto& f : p.functions)
    if (auto it = files.find(f.start); it != files.end()) f.file = id(it->second);
  if (!names_from.empty()) {
    auto bytes = read_file(names_from);
    auto other = read_reference(*bytes);
    std::unordered_map<std::string, std::string> by_name;
    for (auto& f : other->functions)
      if (f.file) {
        auto [it, n] = by_name.try_emplace(f.name, other->files[f.file]);
        if (!n && it->second != other->files[f.file]) it->second = "";
      }
    for (auto& f : p.functions)
      if (!f.file)
        if (auto it = by_name.find(f.name); it != by_name.end() && !it->second.empty())
          f.file = id(it->second);
  }
  // A function between two of one file belongs to it.
  for (size_t i = 0; i < p.functions.size(); ++i) {
    if (p.functions[i].file) continue;
    uint32_t before = i ? p.functions[i - 1].file : 0, after = 0;
    for (size_t j = i + 1; j < p.functions.size() && !after; ++j)
      after = p.functions[j].file;
    if (before == after) p.functions[i].file = before;
  }
  std::cout << write_reference(p);
  return 0;
}

int match(const std::string& path, std::vector<std::string> references) {
  Program target = load(path, true);
  std::vector<bool> named(target.functions.size());
  std::vector<Testimony> testimonies;
  int own = 0;
  for (auto& r : references) {
    auto bytes = read_file(r);
    double t0=now();
    auto reference = read_reference(*bytes);
    double t1=now();
    Testimony t; t.matches = match_programs(target, *reference); t.program = std::move(*reference);
    t.major = atoi(r.substr(r.rfind('-')+1).c_str()); if (!own) own = t.major; t.same_major = t.major == own; t.older = t.major < own;
    fmt::print(stderr, "{}: read {:.3f} match {:.3f}\n", r, t1-t0, now()-t1);
    for (uint32_t i = 0; i < t.matches.size(); ++i) named[i] = named[i] || t.matches[i].by_name || !target.functions[i].name.empty();
    testimonies.push_back(std::move(t));
  }
  auto verdicts = judge(target, testimonies);
  for (uint32_t i = 0; i < verdicts.size(); ++i) {
    if (named[i]) continue;
    fmt::print("{:x}\t{}\t{}\t0\t{}", target.functions[i].start, target.functions[i].size, verdicts[i].tier == NameTier::kRecovered ? verdicts[i].name : "-", verdicts[i].evidence);
    for (auto& t : testimonies) { auto& m = t.matches[i]; fmt::print(" {}:{:.0f}", m.reference == kNoFunction ? "-" : t.program.functions[m.reference].name, m.bits); }
    fmt::print("\n");
  }
  for (auto& f : target.fragments) fmt::print("{:x}\t0\tfragment:{:x}\t0\t0\n", f.start, target.functions[f.function].start);
  return 0;
}
}  // namespace
}  // namespace pgflame::symbolizer
int main(int argc, char** argv) {
  std::string c = argv[1];
  if (c == "list") {
    pgflame::symbolizer::Options o;
    if (argc > 3) o.cache_dir = argv[3];
    double t0 = pgflame::symbolizer::now();
    auto rows = pgflame::symbolizer::list_symbols(argv[2], o);
    fmt::print(stderr, "list {:.3f}\n", pgflame::symbolizer::now() - t0);
    if (!rows) {
      fmt::print(stderr, "{}\n", rows.error().what);
      return 1;
    }
    for (auto& r : *rows)
      fmt::print("{:x}\t{}\t{}\t{}\t{}\t{}\n",
                 r.vaddr,
                 r.size,
                 r.name,
                 pgflame::name_of(r.tier),
                 r.evidence,
                 r.file);
    return 0;
  }
  if (c == "extract") return pgflame::symbolizer::extract(argv[2], argc > 3 ? argv[3] : "");
  return pgflame::symbolizer::match(argv[2], {argv + 3, argv + argc});
}
