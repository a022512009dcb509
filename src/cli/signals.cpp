#include "src/cli/signals.h"

#include <atomic>
#include <csignal>

namespace pgflame::cli {
namespace {

std::atomic<bool> stop_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

void request_stop(int /*signal*/) {
  stop_flag = true;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = request_stop;
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    ::sigaction(number, &action, nullptr);
  action.sa_handler = SIG_IGN;  // a reader that went away must not cost us the report
  ::sigaction(SIGPIPE, &action, nullptr);
}

bool stop_requested() {
  return stop_flag;
}

}  // namespace pgflame::cli
