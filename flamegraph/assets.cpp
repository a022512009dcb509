#include "flamegraph/assets.h"

#include <cassert>
#include <span>

#include "src/base/embedded_file.h"

namespace pgflame::flamegraph {

std::span<const EmbeddedFile> asset_files();  // made by cmake/Embed.cmake

namespace {

constexpr std::string_view kPlaceholder = "pgflame-root";

std::string asset_with_id(std::string_view name, std::string_view root_id) {
  std::string_view asset;
  for (const EmbeddedFile& file : asset_files()) {
    if (file.name == name) asset = file.text;
  }
  assert(!asset.empty());
  std::string text;
  for (;;) {
    const auto at = asset.find(kPlaceholder);
    text += asset.substr(0, at);
    if (at == std::string_view::npos) return text;
    text += root_id;
    asset.remove_prefix(at + kPlaceholder.size());
  }
}

}  // namespace

std::string style_sheet(std::string_view root_id) {
  return asset_with_id("page.css", root_id);
}

std::string script(std::string_view root_id) {
  // The two files share one function scope, so that nothing leaks into the reader's page.
  return "(() => {\n\"use strict\";\n" + asset_with_id("model.js", root_id) +
         asset_with_id("page.js", root_id) + "})();\n";
}

}  // namespace pgflame::flamegraph
