#!/usr/bin/env bash
# Draws the README's pictures again: light, dark and comparison, from made-up reports.
#   samples/pictures.sh build/release/src/cli/pgflame
set -euo pipefail
binary=$(realpath "${1:?path of pgflame}")
make_samples=$(realpath "$(dirname "$binary")/../../tests/report/pgflame_make_samples")
pictures=$(realpath "$(dirname "$0")")/pictures
cd "$(dirname "$0")/../tests/browser"
[ -d node_modules/playwright-core ] || npm ci --no-audit --no-fund --silent
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$make_samples" "$work"
mkdir -p "$pictures"
PGFLAME_SAMPLES=$work PGFLAME_PICTURES=$pictures node pictures.mjs
