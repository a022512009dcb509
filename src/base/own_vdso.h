// The vDSO: code that the kernel maps into every process (vdso(7)). It is in no file.
#pragma once

#include <cstdint>
#include <vector>

namespace pgflame {

// The ELF image that is mapped into this process, the same as in all others of this kernel and
// word size. Empty when there is none.
std::vector<uint8_t> own_vdso_bytes();

}  // namespace pgflame
