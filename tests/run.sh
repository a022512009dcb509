#!/usr/bin/env bash
# Installs what is missing, builds pgflame and runs every test. The second run only tests.
#   tests/run.sh          everything
#   tests/run.sh unit     one part: style, unit, asan, fuzz, live, browser
set -euo pipefail
cd "$(dirname "$0")/.."
parts=("${@:-}")
[ -n "${parts[0]}" ] || parts=(style unit asan fuzz live browser)

tests/install.sh all
mkdir -p build
failed=()

build() {  # build PRESET
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" > /dev/null
  cmake --build --preset "$1" | grep -vE '^ninja: no work to do' || test "${PIPESTATUS[0]}" -eq 0
}

part() {  # part NAME COMMAND...
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  if "$@" 2>&1 | tee "build/$name.log"; then
    echo "== $name: passed in $((SECONDS - start)) s"
  else
    echo "== $name: FAILED"
    failed+=("$name")
  fi
}

run_unit() { build release && ctest --preset release; }
# The fuzz preset is clang with AddressSanitizer and UndefinedBehaviorSanitizer: the unit tests run in
# it too, so that one sanitized build serves both.
run_asan() { build fuzz && ctest --preset fuzz; }
run_style() { build release && tests/style/run.sh build/release; }
run_fuzz() { build fuzz && tests/fuzz/run.sh build/fuzz; }
run_live() { build release && python3 tests/live/run.py build/release/src/cli/pgflame; }
run_browser() { build release && tests/browser/run.sh build/release/src/cli/pgflame; }

for name in "${parts[@]}"; do part "$name" "run_$name"; done

if [ "${#failed[@]}" -gt 0 ]; then
  # What matters stands at the end, however much the other parts printed.
  for name in "${failed[@]}"; do
    echo "== the end of build/$name.log"
    tail -n 60 "build/$name.log"
  done
  echo "FAILED: ${failed[*]}"
  exit 1
fi
echo "all parts passed: ${parts[*]}"
