#include "src/bcc/bcc_module.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include <sys/mman.h>

#include <bcc/bcc_common.h>
#include <unistd.h>

#include "src/base/embedded_file.h"

namespace pgflame::bcc {

std::span<const EmbeddedFile> sources();

namespace {

constexpr std::string_view kDefinitions = "defined_by_user_space.h";

// One file instead of many: the text with each of our headers in the place of its first #include.
void expand(std::string_view name,
            const Request& request,
            std::set<std::string_view>& done,
            std::string& text) {
  if (!done.insert(name).second) return;
  if (name == kDefinitions) {
    text += request.definitions;
    return;
  }
  const auto file = std::ranges::find(sources(), name, &EmbeddedFile::name);
  if (file == sources().end()) return;
  constexpr std::string_view kInclude = "#include \"";
  std::string_view left = file->text;
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    if (line.starts_with(kInclude)) {
      const std::string_view rest = line.substr(kInclude.size());
      expand(rest.substr(0, rest.find('"')), request, done, text);
    } else if (!line.starts_with("#pragma once")) {
      text.append(line).push_back('\n');
    }
  }
}

// libbpfcc rewrites functions of the main file (it takes pointers for the kernel's), and only lets
// those be found. All but the directory are therefore in another file.
bool compile(const Request& request) {
  std::string text = "#define PGFLAME_BCC\n";
  std::set<std::string_view> done;
  expand("sampler.bcc.c", request, done, text);
  const int body = ::memfd_create("pgflame", MFD_CLOEXEC);
  if (::write(body, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return false;
  const std::string main =
      "#include \"/proc/self/fd/" + std::to_string(body) + "\"\n" + request.directory;
  std::array<const char*, 2> flags{"-fno-jump-tables", "-w"};
  void* module = bpf_module_create_c_from_string(
      main.c_str(), 0, flags.data(), static_cast<int>(flags.size()), true, nullptr);
  if (module == nullptr) return false;
  // Where the section ends libbpfcc does not tell; write() stops at the end of its memory.
  constexpr size_t kMost = size_t{4} << 20;
  return ::write(request.image, bpf_function_start(module, "image"), kMost) > 0;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) bool pgflame_bcc_compile(const Request& request) {
  return compile(request);
}

}  // namespace pgflame::bcc
