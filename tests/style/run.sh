#!/usr/bin/env bash
# Formatting, folder dependencies, clang-tidy, and that a second build does nothing.
#   tests/style/run.sh BUILD_FOLDER
set -uo pipefail
cd "$(dirname "$0")/../.."
status=0
git ls-files -c -o --exclude-standard '*.cpp' '*.h' 'bpf/*.c' |
  while read -r file; do [ -e "$file" ] && echo "$file"; done |
  xargs clang-format --dry-run --Werror || status=1
python3 tests/style/includes.py || status=1
tests/style/tidy.py "$1" || status=1
cmake --build "$1" | grep -q 'no work to do' || { echo "a second build is not a no-op"; status=1; }
exit $status
