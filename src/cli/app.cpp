#include "src/cli/app.h"

namespace pgflame::cli {

int run(int /*argc*/, char** /*argv*/) {
  return 0;
}

}  // namespace pgflame::cli
