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

# take NAME COMMAND...: runs it once, and keeps "wall cpu KiB": seconds, seconds of user and system time,
# peak memory. (The clock of time itself has steps of 10 ms.)
take() {
  local name=$1 begin end
  shift
  begin=$EPOCHREALTIME
  /usr/bin/time -f '%U %S %M' -o "$work/time" "$@" > /dev/null 2>&1
  end=$EPOCHREALTIME
  tail -1 "$work/time" | awk -v wall="$begin $end" '
    { split(wall, at, " "); print at[2] - at[1], $1 + $2, $3 }' >> "$work/$name.taken"
}
# median NAME: the median of each column of what was taken.
median() {
  local column
  for column in 1 2 3; do
    cut -d' ' -f$column "$work/$1.taken" | sort -g | awk '{ at[NR] = $1 } END { printf "%s ", at[int((NR + 1) / 2)] }'
  done
  echo
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / (b > 0 ? b : 0.01) }'; }
seconds() { printf '%.3f s wall, %.2f s CPU' "$1" "$2"; }

# In rounds, so that what else the machine does meets them all.
for _ in 1 2 3 4 5; do
  take script perf script -i "$capture"
  take report perf report --stdio -g none -i "$capture"
  for _ in 1 2 3 4 5; do take ours "$pgflame" report "$capture" -o "$work/out" --force; done
  take raw "$pgflame" convert "$capture" --raw --to folded -o "$work/raw" --force
done
read -r script script_cpu _ < <(median script)
read -r report report_cpu _ < <(median report)
read -r ours cpu memory < <(median ours)
read -r reading reading_cpu _ < <(median raw)
echo "perf script            $(seconds "$script" "$script_cpu")"
echo "perf report -g none    $(seconds "$report" "$report_cpu")"
echo "pgflame report         $(seconds "$ours" "$cpu"), $((memory / 1024)) MiB, SVG of $(stat -c %s "$work/out.svg") bytes"
echo "  $(ratio "$script" "$ours") times faster than perf script, $(ratio "$report" "$ours") times faster than perf report; in CPU time $(ratio "$script_cpu" "$cpu") and $(ratio "$report_cpu" "$cpu") times"
echo "pgflame convert --raw  $(seconds "$reading" "$reading_cpu")"

perf script -i "$capture" > "$work/script.txt" 2> /dev/null
"$pgflame" convert "$capture" --raw --to pprof -o "$work/capture.pb.gz" --force
"$pgflame" convert "$capture" --to folded -o "$work/named" --force
python3 "$here/repeat_folded.py" "$work/named" 120000000 > "$work/folded.txt"
python3 "$here/random_stacks.py" 60000 > "$work/stacks.folded"
"$pgflame" convert "$work/stacks.folded" --to pprof -o "$work/stacks.pb.gz" --force
for file in script.txt folded.txt raw capture.pb.gz stacks.pb.gz; do
  size=$(stat -c %s "$file")
  for _ in 1 2 3 4 5; do take "$file" "$pgflame" report "$file" -o "$work/out" --force; done
  read -r wall cpu memory < <(median "$file")
  echo "pgflame report $file: $size bytes in $(seconds "$wall" "$cpu"), $(awk -v a="$size" -v b="$wall" 'BEGIN { printf "%.0f", a / b / 1e6 }') MB/s, $((memory / 1024)) MiB"
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
