#include "src/base/error.h"

#include <cerrno>
#include <system_error>

namespace pgflame {
namespace {

ErrorKind kind_of(int errno_value) {
  switch (errno_value) {
    case EPERM:
    case EACCES:
      return ErrorKind::kPermission;
    case ENOENT:
    case ESRCH:
    case ENOTDIR:
      return ErrorKind::kNotFound;
    case ENOSYS:
    case EOPNOTSUPP:
      return ErrorKind::kUnsupported;
    default:
      return ErrorKind::kSystem;
  }
}

}  // namespace

Error system_error(std::string_view action, int errno_value) {
  std::string what{action};
  what += ": ";
  what += std::generic_category().message(errno_value);
  return Error{kind_of(errno_value), std::move(what), {}};
}

}  // namespace pgflame
