// PostgreSQL's client library, loaded when a database is asked for the first time: hosts without it
// can record and report all the same, and no run pays for the dozen libraries behind it.
#pragma once

#include <libpq-fe.h>

#include "src/base/error.h"

namespace pgflame::context {

// The functions that are used, without their "PQ".
struct ClientLibrary {
  decltype(&PQclear) clear = nullptr;
  decltype(&PQconnectdbParams) connect = nullptr;
  decltype(&PQconsumeInput) consume_input = nullptr;
  decltype(&PQerrorMessage) error_message = nullptr;
  decltype(&PQfinish) finish = nullptr;
  decltype(&PQflush) flush = nullptr;
  decltype(&PQgetResult) get_result = nullptr;
  decltype(&PQgetlength) get_length = nullptr;
  decltype(&PQgetvalue) get_value = nullptr;
  decltype(&PQisBusy) is_busy = nullptr;
  decltype(&PQnfields) fields = nullptr;
  decltype(&PQntuples) tuples = nullptr;
  decltype(&PQresultErrorMessage) result_error_message = nullptr;
  decltype(&PQresultStatus) result_status = nullptr;
  decltype(&PQsendQueryParams) send_query = nullptr;
  decltype(&PQsetNoticeProcessor) set_notice_processor = nullptr;
  decltype(&PQsetSingleRowMode) set_single_row_mode = nullptr;
  decltype(&PQsetnonblocking) set_nonblocking = nullptr;
  decltype(&PQsocket) socket = nullptr;
  decltype(&PQstatus) status = nullptr;
};

// The same one each time; it stays loaded. Error: it is not installed, or lacks a function.
Result<const ClientLibrary*> client_library();

}  // namespace pgflame::context
