// The functions that run plan nodes, by the name EXPLAIN gives the node.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgflame::postgres {

// A kind of plan node; the other values are those that these functions return.
enum class PlanNode : uint8_t { kNone = 0, kAnyScan = 1 };

// "ExecSeqScan" -> Seq Scan, "MultiExecHash" -> Hash, kNone for anything else. `function` is a base
// name (function_names.h). Source: src/backend/executor/node*.c, majors 13 to 18.
PlanNode plan_node(std::string_view function);

// The loop of most scan nodes (src/backend/executor/execScan.c). Compilers let a node's own
// function end with a jump to it, and it with a jump to what delivers the rows when nothing is to
// be checked: then that frame is the only one of the node.
constexpr std::string_view kScanLoop = "ExecScan";

// The scan that a function delivers rows to: "SeqNext" -> Seq Scan.
PlanNode scan_fed_by(std::string_view function);

bool is_scan(PlanNode node);
std::string_view name_of(PlanNode node);  // "Seq Scan"; "Scan" for kAnyScan, "" for kNone

}  // namespace pgflame::postgres
