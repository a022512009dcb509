#!/usr/bin/env bash
# Runs every fuzz target for a while, two at a time, from its committed seeds and, where those are
# programs, an installed extension module of PostgreSQL. Without SECONDS_EACH it is the gate: 20 s from
# the same random numbers each time, so that it judges the change and not the luck of the day. With it, other numbers each time: that is how new faults are looked for.
#   tests/fuzz/run.sh BUILD_FOLDER [SECONDS_EACH] [NAME...]
set -uo pipefail
cd "$(dirname "$0")/../.."
build=$1
seconds=${2:-20}
random=$(($# > 1 ? 0 : 1))  # libFuzzer takes 0 for a new seed
shift $(($# > 2 ? 2 : $#))
cmake --build "$build" --target fuzzers | grep -v 'no work to do'

fuzz() {
  local target=$1 name work log
  name=$(basename "$target" _fuzz)
  work=$build/fuzz-work/$name
  log=$work.log
  mkdir -p "$work" "tests/fuzz/corpus/$name"
  local seeds=("$work" "tests/fuzz/corpus/$name")
  case $name in elf | recovery) seeds+=("$build/fuzz-work/modules") ;; esac
  if "$target" "${seeds[@]}" -seed="$random" -max_total_time="$seconds" \
    -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$work-" -print_final_stats=1 > "$log" 2>&1; then
    echo "fuzz $name: $(sed -n 's/stat::number_of_executed_units: *//p' "$log") runs in $seconds s, no failure"
  else
    echo "fuzz $name: FAILED"
    # Enough to find the fault again with nothing but what was printed.
    for input in "$work"-*; do
      [ ! -f "$input" ] || echo "gzip and base64 of $input: $(gzip -9c "$input" | base64 -w0)"
    done
    grep -aE 'ERROR|SUMMARY|runtime error|deadly signal|^ +#[0-9]+ ' "$log" | head -25
    return 1
  fi
}
export -f fuzz
export build seconds random

# The module as it is, and as a program at fixed addresses (e_type 2 at byte 16).
modules=$build/fuzz-work/modules
mkdir -p "$modules"
cp /usr/lib/postgresql/15/lib/pg_stat_statements.so "$modules/moved"
cp "$modules/moved" "$modules/fixed"
printf '\002' | dd of="$modules/fixed" bs=1 seek=16 conv=notrunc status=none

targets=("$build"/tests/fuzz/*_fuzz)
if [ $# -gt 0 ]; then targets=("${@/#/$build/tests/fuzz/}"); targets=("${targets[@]/%/_fuzz}"); fi
[ -x "${targets[0]}" ] || { echo "no fuzz target was built" >&2; exit 1; }
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'fuzz {}'
