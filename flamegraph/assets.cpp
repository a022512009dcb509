#include "flamegraph/assets.h"

#include <array>
#include <cassert>
#include <span>

#include "src/base/embedded_file.h"

namespace pgflame::flamegraph {

std::span<const EmbeddedFile> asset_files();  // made by cmake/Embed.cmake

namespace {

// In the order in which they build on each other.
constexpr std::array<std::string_view, 7>
    kScripts{"base.js", "tree.js", "graph.js", "search.js", "link.js", "timeline.js", "page.js"};

std::string_view asset(std::string_view name) {
  for (const EmbeddedFile& file : asset_files()) {
    if (file.name == name) return file.text;
  }
  assert(false);
  return {};
}

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string out;
  for (;;) {
    const auto at = text.find(what);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += with;
    text.remove_prefix(at + what.size());
  }
}

}  // namespace

std::string style_sheet(std::string_view root_id) {
  return replaced(asset("page.css"), "&", "#" + std::string(root_id));
}

std::string script(std::string_view root_id) {
  std::string text = "(() => {\n\"use strict\";\n";
  for (const std::string_view name : kScripts)
    text += asset(name);
  return replaced(text, "pgflame-root", root_id) + "})();\n";
}

}  // namespace pgflame::flamegraph
