#!/usr/bin/env bash
# Installs what is missing, builds pgflame, starts a throwaway PostgreSQL 15 under a mixed load,
# records it for ten seconds and leaves pgflame-demo.svg and pgflame-demo.pb.gz in the current
# folder. Everything it starts is gone when it ends, also when it is interrupted.
#   samples/demo.sh [seconds]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

if [ "$(id -u)" -ne 0 ]; then
  echo "demo.sh: it installs packages and samples another user's processes" >&2
  echo "hint: run it as root" >&2
  exit 1
fi
"$here/tests/install.sh" demo
[ -f "$here/build/release/build.ninja" ] || (cd "$here" && cmake --preset release > /dev/null)
cmake --build "$here/build/release" --target pgflame
exec python3 "$here/samples/demo.py" "$here/build/release/src/cli/pgflame" "${1:-10}"
