#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {

Named name(Profile profile, const Options& /*options*/) {
  return {std::move(profile), {}};
}

}  // namespace pgflame::symbolizer
