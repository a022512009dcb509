#include "src/capture/bpf_load_error.h"

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include <bpf/libbpf.h>

#include <fmt/format.h>
#include <unistd.h>

#include "src/capture/privileges.h"

namespace pgflame::capture {
namespace {

// libbpf prints reasons line by line; the last warning is the one worth telling.
std::string& last_warning() {
  static std::string text;
  return text;
}

int keep_warning(enum libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  std::array<char, 512> line{};
  const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
  if (size > 0) last_warning() = line.data();
  return 0;
}

}  // namespace

void keep_libbpf_messages() {
  libbpf_set_print(keep_warning);
}

Error load_error(int error_number) {
  if (error_number == EPERM || error_number == EACCES) {
    return permission_error("the kernel refused to load BPF programs");
  }
  if (::access("/sys/kernel/btf/vmlinux", F_OK) != 0) {
    return {ErrorKind::kUnsupported,
            "this kernel has no BTF, a description of its own types (/sys/kernel/btf/vmlinux)",
            "use a kernel built with CONFIG_DEBUG_INFO_BTF"};
  }
  std::string reason = last_warning();
  while (!reason.empty() && reason.back() == '\n')
    reason.pop_back();
  return {ErrorKind::kUnsupported,
          fmt::format("BPF programs cannot be loaded here ({}{}{})",
                      std::strerror(error_number),
                      reason.empty() ? "" : ": ",
                      reason),
          "the bpf sampler needs Linux 5.12 or newer"};
}

}  // namespace pgflame::capture
