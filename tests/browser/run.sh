#!/usr/bin/env bash
# Tests the report in a real browser: headless Chromium, driven by playwright-core.
#   tests/browser/run.sh build/release/src/cli/pgflame
set -euo pipefail
binary=$(realpath "${1:?path of pgflame}")
make_samples=$(realpath "$(dirname "$binary")/../../tests/report/pgflame_make_samples")
cd "$(dirname "$0")"
[ -d node_modules/playwright-core ] && [ -d node_modules/axe-core ] &&
  [ -d node_modules/speedscope ] && [ -d node_modules/@firefox-devtools ] ||
  npm ci --no-audit --no-fund --silent
samples=$(mktemp -d)
trap 'rm -rf "$samples"' EXIT
"$make_samples" "$samples"
for svg in "$samples"/*.svg; do xmllint --huge --noout "$svg"; done
PGFLAME_SAMPLES=$samples PGFLAME_BINARY=$binary \
  node --test --test-concurrency=1 --test-reporter=spec report.test.mjs static.test.mjs \
    speedscope.test.mjs firefox.test.mjs
