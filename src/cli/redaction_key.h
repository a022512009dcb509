// The key of --redact. It stays on this host and under this user.
#pragma once

#include "src/base/error.h"
#include "src/report/redact.h"

namespace pgflame::cli {

// Read from $XDG_CONFIG_HOME/pgflame/redaction.key or ~/.config/pgflame/redaction.key; made there,
// readable for this user only, when it does not exist.
Result<report::RedactionKey> redaction_key();

}  // namespace pgflame::cli
