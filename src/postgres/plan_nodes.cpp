#include "src/postgres/plan_nodes.h"

#include <unordered_map>

namespace pgflame::postgres {

std::string_view plan_node(std::string_view function) {
  static const std::unordered_map<std::string_view, std::string_view> nodes{
      {"ExecAgg", "Aggregate"},
      {"ExecAppend", "Append"},
      {"ExecAppendAsyncGetNext", "Append"},
      {"MultiExecBitmapAnd", "BitmapAnd"},
      {"MultiExecBitmapOr", "BitmapOr"},
      {"ExecBitmapHeapScan", "Bitmap Heap Scan"},
      {"MultiExecBitmapIndexScan", "Bitmap Index Scan"},
      {"ExecCteScan", "CTE Scan"},
      {"ExecCustomScan", "Custom Scan"},
      {"ExecForeignScan", "Foreign Scan"},
      {"ExecFunctionScan", "Function Scan"},
      {"ExecGather", "Gather"},
      {"ExecGatherMerge", "Gather Merge"},
      {"ExecGroup", "Group"},
      {"MultiExecHash", "Hash"},
      {"ExecHashJoin", "Hash Join"},
      {"ExecParallelHashJoin", "Hash Join"},
      {"ExecIncrementalSort", "Incremental Sort"},
      {"ExecIndexScan", "Index Scan"},
      {"ExecIndexOnlyScan", "Index Only Scan"},
      {"ExecLimit", "Limit"},
      {"ExecLockRows", "LockRows"},
      {"ExecMaterial", "Materialize"},
      {"ExecMemoize", "Memoize"},
      {"ExecMergeAppend", "Merge Append"},
      {"ExecMergeJoin", "Merge Join"},
      {"ExecModifyTable", "ModifyTable"},
      {"ExecNamedTuplestoreScan", "Named Tuplestore Scan"},
      {"ExecNestLoop", "Nested Loop"},
      {"ExecProjectSet", "ProjectSet"},
      {"ExecRecursiveUnion", "Recursive Union"},
      {"ExecResult", "Result"},
      {"ExecResultCache", "Memoize"},
      {"ExecSampleScan", "Sample Scan"},
      {"ExecSeqScan", "Seq Scan"},
      // 18 has variants by what the scan must do (nodeSeqscan.c).
      {"ExecSeqScanWithQual", "Seq Scan"},
      {"ExecSeqScanWithProject", "Seq Scan"},
      {"ExecSeqScanWithQualProject", "Seq Scan"},
      {"ExecSeqScanEPQ", "Seq Scan"},
      {"ExecSetOp", "SetOp"},
      {"ExecSort", "Sort"},
      {"ExecSubPlan", "SubPlan"},
      {"ExecSetParamPlan", "InitPlan"},
      {"ExecSubqueryScan", "Subquery Scan"},
      {"ExecTableFuncScan", "Table Function Scan"},
      {"ExecTidScan", "Tid Scan"},
      {"ExecTidRangeScan", "Tid Range Scan"},
      {"ExecUnique", "Unique"},
      {"ExecValuesScan", "Values Scan"},
      {"ExecWindowAgg", "WindowAgg"},
      {"ExecWorkTableScan", "WorkTable Scan"},
  };
  const auto found = nodes.find(function);
  return found == nodes.end() ? std::string_view{} : found->second;
}

}  // namespace pgflame::postgres
