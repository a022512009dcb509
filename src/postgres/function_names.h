// Function names as tables and rules spell them.
#pragma once

#include <string_view>

namespace pgflame::postgres {

// Cuts off what compilers, linkers and other tools append: "fn.constprop.0", "fn.isra.1",
// "fn.part.2.cold", "fn.lto_priv.3", "fn@@GLIBC_2.34", "fn@plt", "fn+0x1f", "fn_[k]". Placed names
// ("nbtsearch.c:static+0x4f") keep their file part. The result is a part of `name`.
std::string_view base_name(std::string_view name);

}  // namespace pgflame::postgres
