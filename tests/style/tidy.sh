#!/usr/bin/env bash
# clang-tidy on every source file that changed since it was last found clean.
#   tests/style/tidy.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
stamps=$build/tidy
mkdir -p "$stamps"

# A file is clean for as long as it, the rules and every header of ours stay the same.
headers=$(git ls-files -c -o --exclude-standard '*.h' '.clang-tidy' | sort | xargs sha256sum | sha256sum)
check() {
  local file=$1 stamp
  stamp=$stamps/$(echo "$headers $(sha256sum "$file")" | sha256sum | cut -c1-40)
  [ -e "$stamp" ] && return 0
  local said
  if said=$(clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option "$file" 2>/dev/null); then
    touch "$stamp"
  else
    echo "$said"
    return 1
  fi
}
export -f check
export build stamps headers
git ls-files -c -o --exclude-standard 'src/*.cpp' 'symbolizer/*.cpp' 'flamegraph/*.cpp' |
  while read -r file; do [ -e "$file" ] && echo "$file"; done |
  xargs -P "$(nproc)" -I{} bash -c 'check {}'
