#include "src/profile/database_json.h"

#include <nlohmann/json.hpp>

namespace pgflame {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Setting, name, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Counter, name, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(StatementUse,
                                                query_id,
                                                text_id,
                                                database,
                                                text,
                                                calls,
                                                rows,
                                                exec_us,
                                                shared_hit,
                                                shared_read,
                                                shared_dirtied,
                                                temp_read,
                                                temp_written,
                                                wal_bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TableColumn,
                                                name,
                                                type,
                                                ordinal,
                                                not_null,
                                                fixed_width)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TableUse,
                                                schema,
                                                name,
                                                pages,
                                                seq_scans,
                                                seq_rows,
                                                index_scans,
                                                index_rows,
                                                inserted,
                                                updated,
                                                hot_updated,
                                                deleted,
                                                live,
                                                dead,
                                                last_vacuum,
                                                last_analyze,
                                                parent_schema,
                                                parent,
                                                columns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(IoUse,
                                                backend_type,
                                                object,
                                                context,
                                                reads,
                                                writes,
                                                extends,
                                                hits,
                                                evictions,
                                                fsyncs)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SessionCount,
                                                at_end,
                                                backend_type,
                                                state,
                                                wait_class,
                                                wait_event,
                                                count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Blocker,
                                                at_end,
                                                pid,
                                                waiters,
                                                waits,
                                                state,
                                                user,
                                                application,
                                                transaction_age_us,
                                                text,
                                                lock_type,
                                                schema,
                                                relation,
                                                wanted_mode,
                                                held_mode)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(OldTransaction,
                                                pid,
                                                backend_type,
                                                state,
                                                age_us,
                                                text)

void to_json(nlohmann::json& json, const DatabaseContext& context) {
  json = {{"problems", context.problems},
          {"version", context.version},
          {"major", context.major},
          {"port", context.port},
          {"database", context.database},
          {"interval_us", context.interval_us},
          {"has_statements", context.has_statements},
          {"settings", context.settings},
          {"counters", context.counters},
          {"statements", context.statements},
          {"tables", context.tables},
          {"io", context.io},
          {"sessions", context.sessions},
          {"blockers", context.blockers},
          {"transactions", context.transactions}};
}

void from_json(const nlohmann::json& json, DatabaseContext& context) {
  const auto read = [&json](const char* key, auto& field) {
    if (const auto at = json.find(key); at != json.end()) at->get_to(field);
  };
  read("problems", context.problems);
  read("version", context.version);
  read("major", context.major);
  read("port", context.port);
  read("database", context.database);
  read("interval_us", context.interval_us);
  read("has_statements", context.has_statements);
  read("settings", context.settings);
  read("counters", context.counters);
  read("statements", context.statements);
  read("tables", context.tables);
  read("io", context.io);
  read("sessions", context.sessions);
  read("blockers", context.blockers);
  read("transactions", context.transactions);
}

}  // namespace pgflame
