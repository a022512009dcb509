// Lines of `perf script`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pgflame::input {

// "postgres  4440/4440 [001]  5820.169689:    2004008 cpu-clock: rest"; most parts may be missing.
struct ScriptHeader {
  std::string_view comm;
  std::string_view process;  // everything up to and with the pid, equal for equal processes
  int32_t pid = 0;
  uint64_t time = 0;  // nanoseconds, 0 unknown
  std::optional<uint64_t> period;
  std::string_view event;  // empty when not printed
  std::string_view rest;   // behind the event: the only frame, or a tracepoint's fields
};
std::optional<ScriptHeader> parse_script_header(std::string_view line);

// "	  7fa14145c050 exec_simple_query+0x1a (/usr/lib/postgresql/15/bin/postgres)"
struct ScriptFrame {
  uint64_t address = 0;  // 0: not printed
  std::string_view name;
  std::string_view module;
  bool inlined = false;  // the function of the next line contains it
};
std::optional<ScriptFrame> parse_script_frame(std::string_view line);

// "  libc-start.c:360 (inlined)": where the frame of the line before is in its source.
struct ScriptSource {
  bool inlined = false;  // that frame
};
std::optional<ScriptSource> parse_script_source(std::string_view line);

// "postgres  4440 [001]  5820.169689: PERF_RECORD_COMM: postgres:4440/4440": no sample. `header`:
// what the line was parsed to.
bool is_other_record(std::string_view line, const std::optional<ScriptHeader>& header);

// Whether the line can be the name of a process that perf prints alone.
bool is_script_comm(std::string_view line);

// Whether the text begins like the output of perf script.
bool looks_like_script(std::string_view start);

}  // namespace pgflame::input
