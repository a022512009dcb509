// The package that has the debug symbols of a file.
#pragma once

#include <string>
#include <string_view>

namespace pgflame::symbolizer {

// By the paths Debian, PGDG and the RPM distributions install to; empty when these do not tell: a
// library in the server's folder may be anybody's extension.
std::string debug_package(std::string_view path);

// By the lists of what is installed on this Debian host; empty when no package has the file.
std::string installed_debug_package(std::string_view path,
                                    const std::string& dpkg_info = "/var/lib/dpkg/info");

}  // namespace pgflame::symbolizer
