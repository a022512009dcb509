#include "src/cli/app.h"

int main(int argc, char** argv) {
  return pgflame::cli::run(argc, argv);
}
