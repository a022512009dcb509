#include "src/postgres/settings.h"

#include <array>

namespace pgflame::postgres {

std::span<const std::string_view> asked_settings() {
  static constexpr std::array<std::string_view, 40> kSettings{"autovacuum",
                                                              "autovacuum_max_workers",
                                                              "autovacuum_vacuum_cost_limit",
                                                              "autovacuum_vacuum_scale_factor",
                                                              "bgwriter_delay",
                                                              "bgwriter_lru_maxpages",
                                                              "checkpoint_completion_target",
                                                              "checkpoint_timeout",
                                                              "commit_delay",
                                                              "compute_query_id",
                                                              "data_checksums",
                                                              "default_statistics_target",
                                                              "default_toast_compression",
                                                              "effective_cache_size",
                                                              "fsync",
                                                              "full_page_writes",
                                                              "gin_pending_list_limit",
                                                              "hash_mem_multiplier",
                                                              "huge_pages",
                                                              "io_method",
                                                              "jit",
                                                              "jit_above_cost",
                                                              "logical_decoding_work_mem",
                                                              "maintenance_work_mem",
                                                              "max_connections",
                                                              "max_locks_per_transaction",
                                                              "max_parallel_workers_per_gather",
                                                              "max_wal_size",
                                                              "parallel_setup_cost",
                                                              "plan_cache_mode",
                                                              "random_page_cost",
                                                              "shared_buffers",
                                                              "synchronous_commit",
                                                              "temp_buffers",
                                                              "track_io_timing",
                                                              "wal_buffers",
                                                              "wal_compression",
                                                              "wal_level",
                                                              "wal_sync_method",
                                                              "work_mem"};
  return kSettings;
}

}  // namespace pgflame::postgres
