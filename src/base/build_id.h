// The build-id of an ELF file: the linker's fingerprint of its contents, a GNU note of type 3.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "src/base/file.h"

namespace pgflame {

// In lower-case hex; empty when the bytes are no ELF file or have no readable build-id. Program
// headers are looked at first (a core image or vDSO has no sections), then sections. Any bytes may
// be passed; only ELF32 and ELF64 in the host's byte order are understood.
std::string build_id_of_elf(std::span<const uint8_t> image);

// Of a sequence of ELF notes, such as /sys/kernel/notes.
std::string build_id_of_notes(std::span<const uint8_t> notes);

// Of a file on disk, reading only the headers and the notes. Empty when there is none.
std::string build_id_of_file(const std::string& path);
std::string build_id_of_file(const FileHandle& file);

}  // namespace pgflame
