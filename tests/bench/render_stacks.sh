#!/usr/bin/env bash
# How fast 60 000 different stacks become a report, and in how much memory; against flamegraph.pl
# (Debian: libdevel-nytprof-perl) in the same run.
#   tests/bench/render_stacks.sh PGFLAME [STACKS]
# Seconds on the wall clock (and of CPU time), the median of five runs, on the same folded file.
set -euo pipefail
pgflame=$(realpath "$1")
stacks=${2:-60000}
work=$(mktemp -d /tmp/pgflame-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
python3 "$(dirname "$0")/random_stacks.py" "$stacks" > "$work/stacks.folded"
echo "$stacks stacks, $(sort -u "$work/stacks.folded" | wc -l) different, $(stat -c %s "$work/stacks.folded") bytes"

measure() {  # measure COMMAND...: median seconds, CPU seconds and the peak memory in KiB
  for _ in 1 2 3 4 5; do
    /usr/bin/time -f '%e %U %S %M' "$@" 2>&1 > "$work/out" | tail -1
  done | awk '{ print $1, $2 + $3, $4 }' | sort -n | sed -n 3p
}
report() { measure "$pgflame" report "$work/stacks.folded" -o "$work/page" --force "$@"; }
read -r seconds cpu memory < <(report)
echo "pgflame report             $seconds s ($cpu s CPU), $((memory / 1024)) MiB, $(stat -c %s "$work/page.svg") bytes"
read -r bare bare_cpu bare_memory < <(report --no-embed)
echo "pgflame report --no-embed  $bare s ($bare_cpu s CPU), $((bare_memory / 1024)) MiB, $(stat -c %s "$work/page.svg") bytes"
read -r reading reading_cpu reading_memory < <(measure "$pgflame" convert "$work/stacks.folded" --to folded)
echo "reading and writing alone  $reading s ($reading_cpu s CPU), $((reading_memory / 1024)) MiB"
flamegraph=$(command -v flamegraph.pl || echo /usr/share/perl5/Devel/NYTProf/flamegraph.pl)
read -r theirs their_cpu their_memory < <(measure perl "$flamegraph" "$work/stacks.folded")
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }
echo "flamegraph.pl              $theirs s ($their_cpu s CPU), $((their_memory / 1024)) MiB, $(stat -c %s "$work/out") bytes:" \
  "$(ratio "$theirs" "$seconds") times the time, $(ratio "$their_memory" "$memory") times the memory"
