#include "src/context/client_library.h"

#include <string>

#include <dlfcn.h>

namespace pgflame::context {
namespace {

constexpr const char* kFile = "libpq.so.5";
constexpr const char* kHint =
    "install it (apt-get install libpq5, dnf install libpq), or leave --dsn out";

// Takes functions of a library until one is missing.
class Taker {
 public:
  explicit Taker(void* library) : library_(library) {}

  template <typename Function>
  Taker& take(const char* name, Function& function) {
    if (missing_ != nullptr) return *this;
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    if (function == nullptr) missing_ = name;
    return *this;
  }
  const char* missing() const { return missing_; }

 private:
  void* library_;
  const char* missing_ = nullptr;
};

Result<ClientLibrary> load() {
  void* const file = ::dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (file == nullptr) {
    const char* const cause = ::dlerror();
    return fail(ErrorKind::kNotFound,
                "cannot ask the database: PostgreSQL's client library cannot be loaded: " +
                    std::string(cause == nullptr ? kFile : cause),
                kHint);
  }
  ClientLibrary all;
  Taker taker(file);
  taker.take("PQclear", all.clear)
      .take("PQconnectdbParams", all.connect)
      .take("PQconsumeInput", all.consume_input)
      .take("PQerrorMessage", all.error_message)
      .take("PQfinish", all.finish)
      .take("PQflush", all.flush)
      .take("PQgetResult", all.get_result)
      .take("PQgetlength", all.get_length)
      .take("PQgetvalue", all.get_value)
      .take("PQisBusy", all.is_busy)
      .take("PQnfields", all.fields)
      .take("PQntuples", all.tuples)
      .take("PQresultErrorMessage", all.result_error_message)
      .take("PQresultStatus", all.result_status)
      .take("PQsendQueryParams", all.send_query)
      .take("PQsetNoticeProcessor", all.set_notice_processor)
      .take("PQsetSingleRowMode", all.set_single_row_mode)
      .take("PQsetnonblocking", all.set_nonblocking)
      .take("PQsocket", all.socket)
      .take("PQstatus", all.status);
  if (taker.missing() != nullptr) {
    return fail(ErrorKind::kNotFound,
                "cannot ask the database: " + std::string(kFile) + " has no " + taker.missing(),
                kHint);
  }
  return all;
}

}  // namespace

Result<const ClientLibrary*> client_library() {
  static const Result<ClientLibrary> loaded = load();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

}  // namespace pgflame::context
