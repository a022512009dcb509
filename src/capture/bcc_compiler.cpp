#include "src/capture/bcc_compiler.h"

#include <cstring>
#include <filesystem>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/bcc/bcc_module.h"

namespace pgflame::capture {
namespace {

namespace fs = std::filesystem;

std::string kernel_release() {
  utsname host{};
  return ::uname(&host) == 0 ? host.release : "";
}

// Only who owns the executable could have put it there.
bool is_trustworthy(const fs::path& module, const fs::path& executable) {
  struct stat own {};
  struct stat found {};
  if (::stat(executable.c_str(), &own) != 0 || ::stat(module.c_str(), &found) != 0) return false;
  return (found.st_uid == 0 || found.st_uid == own.st_uid) &&
         (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

enum Outcome { kCompiled, kNotCompiled, kNotLoaded, kDoesNotFit };

Outcome load_and_compile(const std::string& module, const bcc::Request& request) {
  void* library = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const std::string_view reason = ::dlerror();
    return ::write(STDERR_FILENO, reason.data(), reason.size()) < 0 ? kDoesNotFit : kNotLoaded;
  }
  const auto compile = reinterpret_cast<bcc::Compile>(::dlsym(library, bcc::kCompile));
  if (compile == nullptr) return kDoesNotFit;
  return compile(request) ? kCompiled : kNotCompiled;
}

// In a child: the compiler takes 200 MB, which we would not get rid of, and prints.
Outcome compile_in_child(const std::string& module, const bcc::Request& request, int messages) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(messages, STDERR_FILENO);
    ::_exit(load_and_compile(module, request));
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return kNotCompiled;
  return static_cast<Outcome>(WEXITSTATUS(status));
}

std::string contents(const FileHandle& file) {
  ::lseek(file.get(), 0, SEEK_SET);
  return read_all(file, size_t{16} << 20).value_or("");
}

// The first error, without its place in a text that nobody has.
std::string first_error(std::string_view messages) {
  constexpr std::string_view kError = "error: ";
  for (const std::string_view line : split(messages, '\n')) {
    if (const size_t at = line.find(kError); at != std::string_view::npos)
      return std::string(line.substr(at + kError.size()));
  }
  return std::string(trim(messages.substr(0, messages.find('\n'))));
}

Error compile_error(Outcome outcome, const std::string& messages) {
  if (outcome == kNotLoaded) {
    return {ErrorKind::kUnsupported,
            fmt::format("the module for the bcc sampler cannot be loaded ({})", messages),
            "install libbpfcc (Debian: apt-get install libbpfcc)"};
  }
  if (outcome == kDoesNotFit) {
    return {ErrorKind::kUnsupported,
            fmt::format("{} is of another version", bcc::kModuleName),
            "install pgflame and its module together"};
  }
  return {ErrorKind::kUnsupported,
          fmt::format("the BPF programs cannot be compiled with the headers of this kernel ({})",
                      first_error(messages)),
          fmt::format("install the headers of exactly this kernel, {}", kernel_release())};
}

}  // namespace

BccPlaces usual_places() {
  BccPlaces places;
  places.headers = "/lib/modules/" + kernel_release() + "/build";
  places.library_folder = PGFLAME_LIBRARY_FOLDER;
  return places;
}

Result<std::string> find_bcc_module(const BccPlaces& places) {
  std::error_code ignored;
  if (!fs::exists(places.headers, ignored) && !fs::exists(places.packed_headers, ignored)) {
    return fail(
        ErrorKind::kUnsupported,
        fmt::format("{}, the headers of this kernel, does not exist", places.headers),
        fmt::format("install them (Debian: apt-get install linux-headers-{})", kernel_release()));
  }
  const fs::path executable = fs::canonical(places.executable, ignored);
  for (const fs::path& folder : {executable.parent_path(), fs::path(places.library_folder)}) {
    const fs::path module = folder / bcc::kModuleName;
    if (is_trustworthy(module, executable)) return module.string();
  }
  return fail(ErrorKind::kUnsupported,
              fmt::format("{}, the module for the bcc sampler, is not installed", bcc::kModuleName),
              fmt::format("put it into {}", executable.parent_path().string()));
}

Result<BccImage> compile_here(const std::string& definitions,
                              std::span<const std::string_view> names) {
  const auto module = find_bcc_module(usual_places());
  if (!module) return fail(module.error());
  const FileHandle code(::memfd_create("code", MFD_CLOEXEC));
  const FileHandle messages(::memfd_create("messages", MFD_CLOEXEC));
  const std::string directory = directory_source(names);
  const bcc::Request request{definitions.c_str(), directory.c_str(), code.get()};
  const Outcome outcome = compile_in_child(*module, request, messages.get());
  if (outcome != kCompiled) return fail(compile_error(outcome, contents(messages)));
  const std::string bytes = contents(code);
  std::vector<bpf_insn> instructions(bytes.size() / sizeof(bpf_insn));
  std::memcpy(instructions.data(), bytes.data(), instructions.size() * sizeof(bpf_insn));
  return BccImage::parse(std::move(instructions), names.size());
}

}  // namespace pgflame::capture
