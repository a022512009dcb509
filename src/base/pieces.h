// Contents too large to be held at once go on in pieces.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/base/file.h"

namespace pgflame {

// Takes the next piece, which is gone afterwards. Its failure ends the making of more.
using PieceSink = std::function<Status(std::string_view)>;

// As write_file_atomically, for what `make` puts into its sink. Nothing is written when it fails.
Status write_pieces_atomically(const std::string& path,
                               const std::function<Status(const PieceSink&)>& make,
                               Overwrite overwrite,
                               Flush flush = Flush::kYes,
                               Readers readers = Readers::kGroup);

}  // namespace pgflame
