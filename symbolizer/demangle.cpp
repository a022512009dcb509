#include "symbolizer/demangle.h"

#include <algorithm>
#include <csetjmp>
#include <optional>

#define HAVE_DECL_BASENAME 1  // else the next header declares it otherwise than <cstring>
#include <libiberty/demangle.h>

namespace pgflame::symbolizer {
namespace {

constexpr size_t kMaxMangled = 4096;
// A name of a hundred bytes can stand for gigabytes: types refer back to types that refer back.
constexpr size_t kMaxReadable = size_t{64} << 10;

using Demangler = int (*)(const char* mangled,
                          int options,
                          demangle_callbackref callback,
                          void* opaque);

struct Output {
  std::string text;
  bool too_long = false;
  std::jmp_buf give_up{};
};

bool is_ascii(std::string_view piece) {
  return std::ranges::all_of(piece, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Nothing in this frame or in the demangler's frames needs a destructor: the demangler works on the
// stack, but for identifiers that are not ASCII, which it frees once they are written.
void take(const char* bytes, size_t size, void* opaque) {
  auto& output = *static_cast<Output*>(opaque);
  output.too_long = output.too_long || size > kMaxReadable - output.text.size();
  if (!output.too_long) output.text.append(bytes, size);
  // NOLINTNEXTLINE(cert-err52-cpp): the only way to stop it
  if (output.too_long && is_ascii({bytes, size})) std::longjmp(output.give_up, 1);
}

bool run(Demangler demangler, const char* mangled, Output& output) {
  // NOLINTNEXTLINE(cert-err52-cpp)
  if (setjmp(output.give_up) != 0) return false;
  return demangler(mangled, DMGL_PARAMS | DMGL_ANSI, &take, &output) != 0 && !output.too_long;
}

std::optional<std::string> read(Demangler demangler, const std::string& mangled) {
  Output output;
  if (!run(demangler, mangled.c_str(), output) || output.text.empty()) return std::nullopt;
  return std::move(output.text);
}

}  // namespace

std::string demangle(std::string_view name) {
  std::string plain(name);
  const bool is_cxx = name.starts_with("_Z");
  if (name.size() > kMaxMangled || (!is_cxx && !name.starts_with("_R"))) return plain;
  // Legacy names of Rust are C++ names as well, with a hash as their last part.
  auto readable = read(&rust_demangle_callback, plain);
  if (!readable && is_cxx) readable = read(&cplus_demangle_v3_callback, plain);
  return readable.value_or(plain);
}

}  // namespace pgflame::symbolizer
