#include "src/diagnose/diagnose.h"

namespace pgflame::diagnose {

Diagnosis diagnose(const Profile& /*profile*/, const Options& /*options*/) {
  return {};
}

}  // namespace pgflame::diagnose
