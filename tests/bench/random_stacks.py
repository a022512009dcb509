#!/usr/bin/env python3
"""Different stacks below those of a server, folded.

    tests/bench/random_stacks.py COUNT
"""
import random
import sys

random.seed(7)
loop = "_start;main;PostmasterMain;ServerLoop;BackendRun;PostgresMain;exec_simple_query;"
run = loop + "PortalRun;PortalRunSelect;standard_ExecutorRun;"
paths = [run + path for path in (
    "ExecAgg;agg_retrieve_direct;fetch_input_tuple;ExecSeqScan;ExecScan;ExecInterpExpr;slot_getsomeattrs_int",
    "ExecHashJoin;ExecScanHashBucket;ExecInterpExpr;texteq", "ExecHashJoin;MultiExecHash;ExecSeqScan;ExecScan",
    "ExecModifyTable;ExecUpdate;heap_update;XLogInsert", "ExecIndexScan;ExecScan;IndexNext;btgettuple")]
paths.append(loop + "pg_plan_queries;standard_planner;subquery_planner;query_planner")
for i in range(int(sys.argv[1])):
    extra = ";".join(f"callee_{random.randrange(400)}" for _ in range(random.randint(1, 12)))
    print(f"{random.choice(paths)};{extra};leaf_{i % 900} {random.randint(1, 3)}")
