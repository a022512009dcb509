#!/usr/bin/env bash
# What recording costs the server: paired pgbench runs, as root on an otherwise idle machine.
#   tests/bench/overhead.sh PGFLAME [--other PGFLAME] [--rounds N] [--seconds S] [--loads select,write]
# Every round runs each load without a recorder twice (the noise), recorded by pgflame in cpu and in
# wall mode, by `perf record -F 99 -g` and by a bpftrace profile, in a new random order. Printed are
# medians and interquartile ranges of the rounds' ratios, and what pgflame's own programs cost. With
# --other a second pgflame takes the place of perf and bpftrace.
set -euo pipefail
exec python3 "$(dirname "$0")/overhead.py" "$@"
