#include "src/postgres/plan_nodes.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

namespace pgflame::postgres {
namespace {

struct Row {
  std::string_view function;
  std::string_view node;
};

constexpr std::string_view kAnyScan = "Scan";

constexpr std::array kNodes{
    Row{"ExecAgg", "Aggregate"},
    Row{"ExecAppend", "Append"},
    Row{"ExecAppendAsyncGetNext", "Append"},
    Row{"MultiExecBitmapAnd", "BitmapAnd"},
    Row{"MultiExecBitmapOr", "BitmapOr"},
    Row{"ExecBitmapHeapScan", "Bitmap Heap Scan"},
    Row{"MultiExecBitmapIndexScan", "Bitmap Index Scan"},
    Row{"ExecCteScan", "CTE Scan"},
    Row{"ExecCustomScan", "Custom Scan"},
    Row{"ExecForeignScan", "Foreign Scan"},
    Row{"ExecFunctionScan", "Function Scan"},
    Row{"ExecGather", "Gather"},
    Row{"ExecGatherMerge", "Gather Merge"},
    Row{"ExecGroup", "Group"},
    Row{"MultiExecHash", "Hash"},
    Row{"ExecHashJoin", "Hash Join"},
    Row{"ExecParallelHashJoin", "Hash Join"},
    Row{"ExecIncrementalSort", "Incremental Sort"},
    Row{"ExecIndexScan", "Index Scan"},
    Row{"ExecIndexOnlyScan", "Index Only Scan"},
    Row{"ExecLimit", "Limit"},
    Row{"ExecLockRows", "LockRows"},
    Row{"ExecMaterial", "Materialize"},
    Row{"ExecMemoize", "Memoize"},
    Row{"ExecMergeAppend", "Merge Append"},
    Row{"ExecMergeJoin", "Merge Join"},
    Row{"ExecModifyTable", "ModifyTable"},
    Row{"ExecNamedTuplestoreScan", "Named Tuplestore Scan"},
    Row{"ExecNestLoop", "Nested Loop"},
    Row{"ExecProjectSet", "ProjectSet"},
    Row{"ExecRecursiveUnion", "Recursive Union"},
    Row{"ExecResult", "Result"},
    Row{"ExecResultCache", "Memoize"},
    Row{"ExecSampleScan", "Sample Scan"},
    Row{"ExecSeqScan", "Seq Scan"},
    // 18 has variants by what the scan must do (nodeSeqscan.c).
    Row{"ExecSeqScanWithQual", "Seq Scan"},
    Row{"ExecSeqScanWithProject", "Seq Scan"},
    Row{"ExecSeqScanWithQualProject", "Seq Scan"},
    Row{"ExecSeqScanEPQ", "Seq Scan"},
    Row{"ExecSetOp", "SetOp"},
    Row{"ExecSort", "Sort"},
    Row{"ExecSubPlan", "SubPlan"},
    Row{"ExecSetParamPlan", "InitPlan"},
    Row{"ExecSubqueryScan", "Subquery Scan"},
    Row{"ExecTableFuncScan", "Table Function Scan"},
    Row{"ExecTidScan", "Tid Scan"},
    Row{"ExecTidRangeScan", "Tid Range Scan"},
    Row{"ExecUnique", "Unique"},
    Row{"ExecValuesScan", "Values Scan"},
    Row{"ExecWindowAgg", "WindowAgg"},
    Row{"ExecWorkTableScan", "WorkTable Scan"},
};

// What the scan loop calls for the next row.
constexpr std::array kAccess{
    Row{"BitmapHeapNext", "Bitmap Heap Scan"},
    Row{"CteScanNext", "CTE Scan"},
    Row{"ForeignNext", "Foreign Scan"},
    Row{"FunctionNext", "Function Scan"},
    Row{"IndexNext", "Index Scan"},
    Row{"IndexNextWithReorder", "Index Scan"},
    Row{"IndexOnlyNext", "Index Only Scan"},
    Row{"NamedTuplestoreScanNext", "Named Tuplestore Scan"},
    Row{"SampleNext", "Sample Scan"},
    Row{"SeqNext", "Seq Scan"},
    Row{"SubqueryNext", "Subquery Scan"},
    Row{"TableFuncNext", "Table Function Scan"},
    Row{"TidNext", "Tid Scan"},
    Row{"TidRangeNext", "Tid Range Scan"},
    Row{"ValuesNext", "Values Scan"},
    Row{"WorkTableScanNext", "WorkTable Scan"},
};

class Nodes {
 public:
  Nodes() {
    for (const Row& row : kNodes)
      functions_.emplace(row.function, number(row.node));
    for (const Row& row : kAccess)
      access_.emplace(row.function, number(row.node));
  }

  using ByFunction = std::unordered_map<std::string_view, PlanNode>;
  const ByFunction& functions() const { return functions_; }
  const ByFunction& access() const { return access_; }
  std::string_view name(PlanNode node) const { return names_[static_cast<size_t>(node)]; }

 private:
  PlanNode number(std::string_view name) {
    const auto found = std::ranges::find(names_, name);
    const auto at = static_cast<uint8_t>(found - names_.begin());
    if (found == names_.end()) names_.push_back(name);
    return static_cast<PlanNode>(at);
  }

  std::vector<std::string_view> names_{"", kAnyScan};
  ByFunction functions_;
  ByFunction access_;
};

const Nodes& nodes() {
  static const Nodes known;
  return known;
}

PlanNode find(const Nodes::ByFunction& functions, std::string_view function) {
  const auto found = functions.find(function);
  return found == functions.end() ? PlanNode::kNone : found->second;
}

}  // namespace

PlanNode plan_node(std::string_view function) {
  return find(nodes().functions(), function);
}

PlanNode scan_fed_by(std::string_view function) {
  return find(nodes().access(), function);
}

bool is_scan(PlanNode node) {
  return name_of(node).ends_with(kAnyScan);
}

std::string_view name_of(PlanNode node) {
  return nodes().name(node);
}

}  // namespace pgflame::postgres
