#include <string>

#include <doctest/doctest.h>

#include "src/diagnose/diagnose.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

using testing::profile_from_folded;

std::string primary_of(const std::string& stack) {
  const Diagnosis diagnosis = diagnose(profile_from_folded("_start;main;" + stack + " 1"));
  REQUIRE(diagnosis.activities.size() == 1);
  return diagnosis.activities[0].id;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("each sample has the activity of its innermost telling frame") {
    struct Case {
      const char* stack;
      const char* activity;
    };
    for (const Case& c : {
             Case{"ExecSeqScan;ExecInterpExpr;tts_buffer_heap_getsomeattrs", "DEFORM"},
             Case{"ExecSeqScan;ExecInterpExpr;slot_getsomeattrs_int;tts_buffer_heap_getsomeattrs."
                  "constprop.0",
                  "DEFORM"},
             Case{"ExecSeqScan;slot_deform_tuple", "DEFORM"},
             Case{"ExecSeqScan;ExecInterpExpr", "QUAL"},
             Case{"ExecHashJoin;ExecScanHashBucket;ExecInterpExpr;texteq;bcTruelen", "HASHJOIN"},
             Case{"ExecHashJoin;ExecSeqScan;ExecInterpExpr;int4lt", "QUAL"},
             Case{"ExecHashJoin;MultiExecHash;ExecHashTableInsert;palloc", "HASHJOIN"},
             Case{"ReadBuffer_common;BufferAlloc;BufTableLookup;hash_search_with_hash_value",
                  "DYNA-BUF"},
             Case{"LockAcquireExtended;hash_search_with_hash_value", "DYNA-LOCK"},
             Case{"RelationIdGetRelation;hash_search", "DYNA-CACHE"},
             Case{"ExecAgg;lookup_hash_entries;LookupTupleHashEntry;tuplehash_insert", "HASHAGG"},
             Case{"ExecAgg;agg_retrieve_hash_table_in_memory;ExecStoreMinimalTuple", "HASHAGG"},
             Case{"PostgresMain;pq_getbyte;pq_recvbuf;secure_read;WaitEventSetWait;epoll_wait",
                  "ROUND-TRIP"},
             Case{"PostgresMain;exec_simple_query;ProcSleep;WaitLatch;WaitEventSetWait;epoll_wait",
                  "CLIENT-WAIT"},
             Case{"ExecInterpExpr;lower;str_tolower;internal_utf8_loop", "COLLATE"},
             Case{"ExecInterpExpr;xml_in;iconv;__gconv;internal_utf8_loop", "QUAL"},
             Case{"PostgresMain;pq_getbyte;pq_recvbuf;secure_read;recv", "ROUND-TRIP"},
             Case{"PostgresMain;SocketBackend;pq_getmessage;pq_recvbuf;secure_read;recv",
                  "CLIENT-WAIT"},
             Case{"PostgresMain;pq_getbyte;secure_read;ProcessClientReadInterrupt;WaitLatch;"
                  "WaitEventSetWait",
                  "CLIENT-WAIT"},
             Case{"PostgresMain;finish_xact_command;SyncRepWaitForLSN;WaitLatch;WaitEventSetWait",
                  "CLIENT-WAIT"},
             Case{"PostgresMain;ReadyForQuery;secure_write;WaitEventSetWait", "CLIENT-WAIT"},
             Case{"heap_update;LockBuffer;LWLockAcquire;LWLockQueueSelf", "LWLOCK"},
             Case{"exec_simple_query;something_nobody_knows", "SESSION"},
             Case{"ExecAgg;ExecMergeJoin;MJEvalInnerValues", "EXECUTOR"},
             Case{"RI_FKey_check_ins;ri_PerformCheck;SPI_execute_snapshot;_SPI_execute_plan", "FK"},
             Case{"exec_stmt_block;SPI_execute", "PLPGSQL"},
             Case{"_SPI_execute_plan;GetCachedPlan;RevalidateCachedQuery", "PLAN-CACHE"},
             Case{"GetCachedPlan;BuildCachedPlan;standard_planner;subquery_planner", "PLAN"},
             Case{"ExecInitQual;ExecCreateExprSetupSteps;expression_tree_walker_impl",
                  "EXEC-START"},
             Case{"StartupXLOG;PerformWalRecovery;DecodeXLogRecord", "REPLAY"},
             Case{"subquery_planner;grouping_planner;apply_scanjoin_target_to_paths", "PLAN"},
             Case{"subquery_planner;palloc0;AllocSetAlloc;asm_exc_page_fault", "PLAN"},
             Case{"ExecSort;tuplesort_performsort;qsort_ssup;varstrfastcmp_c;memcmp", "SORT"},
             Case{"ExecSort;tuplesort_performsort;qsort_tuple;varlenafastcmp_locale;strcoll_l",
                  "COLLATE"},
             Case{"tuplesort_performsort;mergeruns;LogicalTapeRead;BufFileReadCommon;FileRead;"
                  "pread64",
                  "SPILL"},
             Case{"tuplesort_performsort;mergeruns;mergeonerun;tuplesort_heap_replace_top",
                  "SPILL"},
             Case{"ExecSort;tuplesort_gettupleslot;tuplesort_gettuple_common;"
                  "tuplesort_heap_replace_top;comparetup_heap",
                  "SPILL"},
             Case{"ExecSort;tuplesort_puttupleslot;puttuple_common;tuplesort_heap_replace_top",
                  "SORT"},
             Case{"ExecSort;tuplesort_puttupleslot;varstr_abbrev_convert", "SORT"},
             Case{"ExecSort;tuplesort_puttupleslot;varstr_abbrev_convert;pg_strnxfrm", "COLLATE"},
             Case{"heap_insert;XLogInsert;XLogRecordAssemble;XLogCompressBackupBlock;"
                  "pglz_compress",
                  "WAL-INSERT"},
             Case{"ExecInterpExpr;pg_detoast_datum;detoast_attr;pglz_decompress", "TOAST"},
             Case{"ReadBuffer_common;smgrread;mdread;FileRead;pread64;vfs_read", "BUFMISS"},
             Case{"btinsert;_bt_doinsert;_bt_search;_bt_compare", "BT-WRITE"},
             Case{"ReadBuffer_common;smgrread;mdread;FileRead;pread64;vfs_read;_copy_to_iter",
                  "BUFMISS"},
             Case{"printtup;socket_putmessage;internal_flush;secure_write;send;do_syscall_64;"
                  "_copy_from_iter",
                  "OUTPUT"},
             Case{"copyObjectImpl;_copyOpExpr", "LISTS"},
             Case{"heap_update;RelationGetBufferForTuple", "MODIFY"},
             Case{"get_relation_info;RelationGetIndexList", "CATALOG"},
             Case{"lazy_scan_prune;heap_prepare_freeze_tuple", "VACUUM"},
             Case{"vacuum;analyze_rel;do_analyze_rel;compute_scalar_stats;qsort_interruptible",
                  "ANALYZE"},
             Case{"btbuild;_bt_parallel_scan_and_sort;tuplesort_performsort;qsort_tuple", "SORT"},
             Case{"btbuild;_bt_leafbuild;_bt_buildadd", "BT-WRITE"},
             Case{"ExecInterpExpr;similarity;generate_trgm;pg_qsort", "TRIGRAM"},
             Case{"IndexNext;index_getnext_slot;index_fetch_heap;heap_hot_search_buffer",
                  "INDEX-FETCH"},
             Case{"pg_logical_slot_peek_changes;XLogReadRecord;XLogDecodeNextRecord", "LOGICAL"},
             Case{"ExecInterpExpr;numeric_add;pg_detoast_datum", "NUMERIC"},
             Case{"IndexNext;btgettuple;_bt_search;_bt_compare", "BTREE"},
             Case{"PostgresMain;exec_simple_query;printtup;int4out", "OUTPUT"},
             Case{"ServerLoop;BackendStartup;fork_process;copy_process", "CONNECT"},
             Case{"PostmasterMain;ServerLoop;BackendStartup;PostgresMain;nobody", "SESSION"},
             Case{"nobody;knows", "UNCLASSIFIED"},
         }) {
      CAPTURE(c.stack);
      CHECK(primary_of(c.stack) == c.activity);
    }
  }
}

}  // namespace pgflame::diagnose
