// The functions that run plan nodes, by the name EXPLAIN gives the node.
#pragma once

#include <string_view>

namespace pgflame::postgres {

// "ExecSeqScan" -> "Seq Scan", "MultiExecHash" -> "Hash", "" for anything else. `function` is a
// base name (function_names.h). Source: src/backend/executor/node*.c, majors 13 to 18.
std::string_view plan_node(std::string_view function);

}  // namespace pgflame::postgres
