// pgflame_reference BINARY [REFERENCE] > PROGRAM
// Writes the facts of a server that has its symbol table. Source files come from its DWARF; for
// one without, from the uncompressed reference of a build that had it, by name.
#include <cstdio>
#include <string>
#include <unordered_map>

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "src/base/file.h"
#include "symbolizer/function_table.h"
#include "symbolizer/recovery/reference.h"

namespace pgflame::symbolizer {
namespace {

class FileNumbers {
 public:
  explicit FileNumbers(Program& program) : program_(program) {}

  uint32_t of(const std::string& file) {
    const auto [row, is_new] =
        numbers_.try_emplace(file, static_cast<uint32_t>(program_.files.size()));
    if (is_new) program_.files.push_back(file);
    return row->second;
  }

 private:
  Program& program_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

void add_functions_of(Dwarf_Die& unit, std::unordered_map<uint64_t, std::string>& files) {
  const char* name = dwarf_diename(&unit);
  Dwarf_Die child;
  if (name == nullptr || dwarf_child(&unit, &child) != 0) return;
  const std::string path = name;
  do {
    Dwarf_Addr start = 0;
    if (dwarf_tag(&child) != DW_TAG_subprogram || dwarf_lowpc(&child, &start) != 0) continue;
    files[start] = path.substr(path.rfind('/') + 1);
  } while (dwarf_siblingof(&child, &child) == 0);
}

// By the address of the function.
std::unordered_map<uint64_t, std::string> files_from_dwarf(const std::string& path) {
  std::unordered_map<uint64_t, std::string> files;
  auto file = open_for_reading(path);
  Dwarf* dwarf = file ? dwarf_begin(file->get(), DWARF_C_READ) : nullptr;
  if (dwarf == nullptr) return files;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die entry;
  while (dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &entry, nullptr) == 0)
    add_functions_of(entry, files);
  dwarf_end(dwarf);
  return files;
}

// An exported function and a static one of the same name are two.
std::string key_of(const ProgramFunction& function) {
  return (function.exported ? "+" : "-") + function.name;
}

// By key_of the function; empty for names that several files have.
std::unordered_map<std::string, std::string> files_from_reference(const Program& reference) {
  std::unordered_map<std::string, std::string> files;
  for (const ProgramFunction& function : reference.functions) {
    if (function.file == 0) continue;
    const std::string& file = reference.files[function.file];
    const auto [row, is_new] = files.try_emplace(key_of(function), file);
    if (!is_new && row->second != file) row->second.clear();
  }
  return files;
}

// A function between two of one file is of that file.
void fill_gaps(Program& program) {
  for (size_t i = 1; i < program.functions.size(); ++i) {
    if (program.functions[i].file != 0) continue;
    size_t next = i;
    while (next < program.functions.size() && program.functions[next].file == 0)
      ++next;
    const uint32_t before = program.functions[i - 1].file;
    if (next == program.functions.size() || program.functions[next].file != before) continue;
    program.functions[i].file = before;
  }
}

Status write_program(const std::string& path, const std::string& reference_path) {
  auto file = MappedFile::open(path);
  if (!file) return fail(std::move(file).error());
  auto image = ElfImage::parse(file->bytes());
  if (!image) return fail(std::move(image).error());
  Program program =
      read_program(*image, FunctionTable::from_image(*image, function_bounds(*image)));
  FileNumbers numbers(program);
  const auto by_address = files_from_dwarf(path);
  std::unordered_map<std::string, std::string> by_name;
  if (!reference_path.empty()) {
    auto bytes = read_file(reference_path);
    if (!bytes) return fail(std::move(bytes).error());
    auto reference = read_reference(*bytes);
    if (!reference) return fail(std::move(reference).error());
    by_name = files_from_reference(*reference);
  }
  for (ProgramFunction& function : program.functions) {
    const auto address = by_address.find(function.start);
    const auto name = by_name.find(key_of(function));
    if (address != by_address.end()) {
      function.file = numbers.of(address->second);
    } else if (name != by_name.end() && !name->second.empty()) {
      function.file = numbers.of(name->second);
    }
  }
  fill_gaps(program);
  const std::string out = write_reference(program);
  if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size()) {
    return fail(ErrorKind::kSystem, "cannot write");
  }
  return {};
}

}  // namespace
}  // namespace pgflame::symbolizer

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: pgflame_reference BINARY [REFERENCE] > PROGRAM\n", stderr);
    return 2;
  }
  const auto done = pgflame::symbolizer::write_program(argv[1], argc > 2 ? argv[2] : "");
  if (!done) std::fprintf(stderr, "pgflame_reference: %s\n", done.error().what.c_str());
  return done ? 0 : 1;
}
