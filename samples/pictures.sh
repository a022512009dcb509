#!/usr/bin/env bash
# Takes the README's pictures again: light, dark and comparison, of a real load on a throwaway
# PostgreSQL 15. Run it as root.
#   samples/pictures.sh build/release/src/cli/pgflame
set -euo pipefail
binary=$(realpath "${1:?path of pgflame}")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/pictures.py" "$binary" "$work"
cd "$here/../tests/browser"
[ -d node_modules/playwright-core ] || npm ci --no-audit --no-fund --silent
mkdir -p "$here/pictures"
PGFLAME_SAMPLES=$work PGFLAME_PICTURES=$here/pictures node pictures.mjs
