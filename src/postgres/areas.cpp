#include "src/postgres/areas.h"

namespace pgflame::postgres {

std::string_view id_of(Area /*area*/) {
  return "other";
}
std::string_view title_of(Area /*area*/) {
  return "Other";
}
Area area_of(const Profile& /*profile*/, FunctionId /*function*/) {
  return Area::kOther;
}

}  // namespace pgflame::postgres
