// SIGINT, SIGTERM and SIGHUP end a recording; they never end it without a report.
#pragma once

namespace pgflame::cli {

// From now on these signals only set a flag.
void catch_stop_signals();
bool stop_requested();

}  // namespace pgflame::cli
