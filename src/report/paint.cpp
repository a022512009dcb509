#include "src/report/paint.h"

#include "src/postgres/areas.h"
#include "src/report/palette.h"

namespace pgflame::report {
namespace {

using flamegraph::FrameTree;
using flamegraph::NodeId;
using postgres::Area;

std::string_view module_name(const Profile& profile, const Function& function) {
  if (!function.module.valid()) return {};
  const std::string_view path = profile.modules[function.module].path;
  return path.substr(path.rfind('/') + 1);
}

std::string describe_function(const Profile& profile, const Function& function) {
  std::string text{module_name(profile, function)};
  const auto add = [&](std::string_view part) {
    if (part.empty()) return;
    if (!text.empty()) text += " · ";
    text += part;
  };
  add(function.file);
  if (function.tier == NameTier::kRecovered) add("name recovered from the binary");
  if (function.tier == NameTier::kPlaced) add("only its source file is known");
  if (function.unnamed != Unnamed::kNamed) add(explain(function.unnamed));
  return text;
}

flamegraph::Paint common_paint() {
  flamegraph::Paint paint;
  paint.classes = colour_classes();
  paint.merged_class = class_of_merged();
  return paint;
}

}  // namespace

flamegraph::Paint stack_paint(const Profile& profile, const FrameTree& tree) {
  flamegraph::Paint paint = common_paint();
  std::vector<size_t> classes(profile.functions.size());
  for (uint32_t i = 0; i < classes.size(); ++i)
    classes[i] = class_of_area(postgres::area_of(profile, FunctionId{i}));
  paint.class_of = [&profile, &tree, classes = std::move(classes)](NodeId node) {
    const FunctionId function = tree.nodes[node].function;
    if (!function.valid() || is_base(tree, node)) return class_of_area(Area::kMain);
    if (function.value < tree.first_label) return classes[function.value];
    const std::string_view name = name_of(profile, tree, node);
    return class_of_wait(name.substr(0, name.find(':')));
  };
  paint.detail = [&profile, &tree](NodeId node) {
    const FunctionId function = tree.nodes[node].function;
    if (!function.valid() || function.value >= tree.first_label) return std::string();
    return describe_function(profile, profile.functions[function]);
  };
  return paint;
}

flamegraph::Paint plan_paint(const Profile& plan, const FrameTree& tree) {
  flamegraph::Paint paint = common_paint();
  paint.class_of = [&plan, &tree](NodeId node) {
    const FunctionId function = tree.nodes[node].function;
    if (!function.valid() || is_base(tree, node)) return class_of_area(Area::kMain);
    const std::string& area = plan.functions[function].file;
    if (area.empty()) return class_of_area(Area::kExecutor);
    return class_of_area(postgres::area_by_id(area).value_or(Area::kOther));
  };
  paint.detail = [&plan, &tree](NodeId node) -> std::string {
    const FunctionId function = tree.nodes[node].function;
    if (!function.valid() || is_base(tree, node)) return {};
    return plan.functions[function].file.empty() ? "plan node" : "what it did";
  };
  return paint;
}

}  // namespace pgflame::report
