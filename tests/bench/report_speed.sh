#!/usr/bin/env bash
# How fast a capture becomes a report, against perf's own tools in the same run: medians. Then what other
# formats of it, folded stacks of many such loads, and 60 000 different stacks take.
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

# measure RUNS COMMAND...: "wall cpu KiB", each the median of RUNS: seconds, seconds of user and
# system time, peak memory.
measure() {
  local runs=$1
  shift
  for _ in $(seq "$runs"); do
    /usr/bin/time -f '%e %U %S %M' -o "$work/time" "$@" > /dev/null 2>&1
    tail -1 "$work/time"
  done | awk '
    function median(values, count,  i, j, v) {
      for (i = 2; i <= count; ++i)
        for (j = i; j > 1 && values[j - 1] > values[j]; --j) {
          v = values[j]; values[j] = values[j - 1]; values[j - 1] = v
        }
      return values[int((count + 1) / 2)]
    }
    { wall[NR] = $1; cpu[NR] = $2 + $3; memory[NR] = $4 }
    END { print median(wall, NR), median(cpu, NR), median(memory, NR) }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / (b > 0 ? b : 0.01) }'; }

read -r script script_cpu _ < <(measure 3 perf script -i "$capture")
read -r report report_cpu _ < <(measure 3 perf report --stdio -g none -i "$capture")
read -r ours cpu memory < <(measure 5 "$pgflame" report "$capture" -o "$work/out" --force)
read -r reading reading_cpu _ < <(measure 5 "$pgflame" convert "$capture" --raw --to folded -o "$work/raw" --force)
echo "perf script            $script s wall, $script_cpu s CPU"
echo "perf report -g none    $report s wall, $report_cpu s CPU"
echo "pgflame report         $ours s wall, $cpu s CPU, $((memory / 1024)) MiB, SVG of $(stat -c %s "$work/out.svg") bytes"
echo "  $(ratio "$script" "$ours") times faster than perf script, $(ratio "$report" "$ours") times faster than perf report; in CPU time $(ratio "$script_cpu" "$cpu") and $(ratio "$report_cpu" "$cpu") times"
echo "pgflame convert --raw  $reading s wall, $reading_cpu s CPU"

perf script -i "$capture" > "$work/script.txt" 2> /dev/null
"$pgflame" convert "$capture" --raw --to pprof -o "$work/capture.pb.gz" --force
"$pgflame" convert "$capture" --to folded -o "$work/named" --force
python3 "$here/repeat_folded.py" "$work/named" 120000000 > "$work/folded.txt"
python3 "$here/random_stacks.py" 60000 > "$work/stacks.folded"
"$pgflame" convert "$work/stacks.folded" --to pprof -o "$work/stacks.pb.gz" --force
for file in script.txt folded.txt raw capture.pb.gz stacks.pb.gz; do
  size=$(stat -c %s "$file")
  read -r seconds cpu memory < <(measure 3 "$pgflame" report "$file" -o "$work/out" --force)
  echo "pgflame report $file: $size bytes in $seconds s wall, $cpu s CPU, $(awk -v a="$size" -v b="$seconds" 'BEGIN { printf "%.0f", a / b / 1e6 }') MB/s, $((memory / 1024)) MiB"
done
rm "$work/script.txt" "$work/folded.txt"

# A capture that goes on: time grows with the bytes, memory with the different stacks.
size=$(stat -c %s "$capture")
for times in 1 10; do
  /usr/bin/time -f '%e %U %S %M' -o "$work/time" "$pgflame" report - -o "$work/out" --force \
    < <(python3 "$here/stream_capture.py" "$capture" $((size * times))) > /dev/null
  read -r wall user system memory < <(tail -1 "$work/time")
  echo "stream of $times times the capture: $wall s wall, $user + $system s CPU, $((memory / 1024)) MiB"
done
