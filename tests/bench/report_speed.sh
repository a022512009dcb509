#!/usr/bin/env bash
# How fast a capture becomes a report, against perf's own tools in the same run.
#   tests/bench/report_speed.sh PGFLAME [CAPTURE]
# Without a capture it records 15 s of a mixed load at 4999 Hz and repeats its samples four times.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pgflame=$(realpath "$1")
work=$(mktemp -d /tmp/pgflame-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
if [ $# -gt 1 ]; then
  capture=$(realpath "$2")
else
  python3 "$here/record_load.py" "$work/short.data" 15
  python3 "$here/multiply_capture.py" "$work/short.data" "$work/perf.data" 4
  rm "$work/short.data"
  capture=$work/perf.data
fi
cd "$work"
echo "$(stat -c %s "$capture") bytes"

measure() {  # measure RUNS COMMAND...: the best of RUNS in seconds, and the peak memory in KiB
  local runs=$1 best='' line
  shift
  for _ in $(seq "$runs"); do
    line=$(/usr/bin/time -f '%e %M' "$@" 2>&1 > /dev/null | tail -1)
    if [ -z "$best" ] || awk -v a="${line% *}" -v b="${best% *}" 'BEGIN { exit !(a < b) }'; then
      best=$line
    fi
  done
  echo "$best"
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / (b > 0 ? b : 0.01) }'; }

read -r script _ < <(measure 1 perf script -i "$capture")
read -r report _ < <(measure 1 perf report --stdio -g none -i "$capture")
read -r ours memory < <(measure 3 "$pgflame" report "$capture" -o "$work/out" --force)
read -r reading _ < <(measure 3 "$pgflame" convert "$capture" --raw --to folded -o "$work/raw" --force)
echo "perf script            $script s"
echo "perf report -g none    $report s"
echo "pgflame report         $ours s, $((memory / 1024)) MiB, $(ratio "$script" "$ours") times faster than perf script, $(ratio "$report" "$ours") times faster than perf report"
echo "pgflame convert --raw  $reading s"

perf script -i "$capture" > "$work/script.txt" 2> /dev/null
"$pgflame" convert "$capture" --raw --to pprof -o "$work/capture.pb.gz" --force
for file in script.txt raw capture.pb.gz; do
  size=$(stat -c %s "$file")
  read -r seconds memory < <(measure 3 "$pgflame" report "$file" -o "$work/out" --force)
  echo "pgflame report $file: $size bytes in $seconds s, $(awk -v a="$size" -v b="$seconds" 'BEGIN { printf "%.0f", a / b / 1e6 }') MB/s, $((memory / 1024)) MiB"
done
