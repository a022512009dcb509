#include "src/cli/redaction_key.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <sys/random.h>

#include <fcntl.h>
#include <unistd.h>

#include "src/base/file.h"

namespace pgflame::cli {
namespace {

std::string key_folder() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/') {
    return std::string(config) + "/pgflame";
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? std::string(home) + "/.config/pgflame" : std::string();
}

Error no_place(const std::string& path, int error) {
  Error failed = system_error("cannot write the redaction key " + path, error);
  failed.hint = "set XDG_CONFIG_HOME to a folder that can be written";
  return failed;
}

Result<report::RedactionKey> make_key(const std::string& path) {
  report::RedactionKey key{};
  if (::getrandom(key.data(), sizeof(key), 0) != ssize_t{sizeof(key)}) {
    return fail(system_error("cannot draw random numbers", errno));
  }
  const FileHandle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return fail(no_place(path, errno));
  if (::write(file.get(), key.data(), sizeof(key)) != ssize_t{sizeof(key)}) {
    return fail(no_place(path, errno));
  }
  return key;
}

}  // namespace

Result<report::RedactionKey> redaction_key() {
  const std::string folder = key_folder();
  if (folder.empty()) return fail(no_place("(no home folder)", ENOENT));
  const std::string path = folder + "/redaction.key";
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  if (!std::filesystem::exists(path, ignored)) return make_key(path);
  auto bytes = read_file(path, 4096);
  if (!bytes) return fail(std::move(bytes).error());
  report::RedactionKey key{};
  if (bytes->size() != sizeof(key)) {
    return fail(ErrorKind::kCorrupt, path + " is not a redaction key", "remove it");
  }
  std::memcpy(key.data(), bytes->data(), sizeof(key));
  return key;
}

}  // namespace pgflame::cli
