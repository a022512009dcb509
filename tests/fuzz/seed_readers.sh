#!/usr/bin/env bash
# Writes the seeds of the readers' fuzz targets from the captures in tests/golden/input: small ones
# whole, of the others the first bytes.
#   tests/fuzz/seed_readers.sh PGFLAME
set -euo pipefail
cd "$(dirname "$0")/../.."
pgflame=$1
corpus=tests/fuzz/corpus
mkdir -p $corpus/{perf_data,perf_script,folded,svg}
for file in tests/golden/input/*.perf.data*; do
  [ -f "$file" ] || continue
  case $file in *.expected) continue ;; esac
  name=$(basename "$file" | sed 's/\.perf\.data.*//')
  { zstd -qdcf "$file" || true; } > "$corpus/perf_data/$name"
  [ "$(stat -c %s "$corpus/perf_data/$name")" -lt 20000 ] || truncate -s 6000 "$corpus/perf_data/$name"
  "$pgflame" convert "$file" --to perf-script 2> /dev/null | head -c 3000 > "$corpus/perf_script/$name" || true
  "$pgflame" convert "$file" --to folded 2> /dev/null | head -c 2000 > "$corpus/folded/$name" || true
done
printf 'main;a 1\nmain;a;b 2\n' > $corpus/folded/two-lines
"$pgflame" convert $corpus/folded/two-lines --to pprof -o "$corpus/small.pb.gz" --force
{
  printf '<svg><metadata id="pgflame-profile" data-format="pprof-gzip-base64">'
  base64 -w0 < "$corpus/small.pb.gz"
  printf '</metadata></svg>'
} > $corpus/svg/two-lines
base64 -w0 < "$corpus/small.pb.gz" > $corpus/svg/inside
rm "$corpus/small.pb.gz"
