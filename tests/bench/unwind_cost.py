"""What a sample costs in the kernel, by the kernel's own statistics of our program.

    tests/bench/unwind_cost.py PGFLAME [--bindir BINDIR]... [--other PGFLAME] [--rounds N]   as root

For each build of PostgreSQL, medians over the rounds: nanoseconds of the sampling program per
captured sample (stack walk, kernel stack, tags, ring buffer, and the firings in between that hit no
target), the same for a stack of 20 frames, what of it is the walk (by the clock, which only
runs with --verify-unwind), and the share of stacks that are whole. With tables and with frame
pointers, and with --other for a second pgflame, turn and turn about.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from cluster import DEBIAN_15, Cluster  # noqa: E402
from pprof import Capture  # noqa: E402

QUERIES = """
select sum(length(md5(i::text))) from generate_series(1, 20000) i;
select count(*) from t a join t b using (k) where a.v like '%7%';
select v from t order by v limit 5;
"""


def record(pgflame, cluster, unwind, seconds, *more):
    with tempfile.TemporaryDirectory() as folder:
        base = os.path.join(folder, "out")
        subprocess.run([pgflame, "record", "-p", str(cluster.pid), f"{seconds}s", "-F", "999",
                        "--sampler", "bpf", "--mode", "cpu", "--max-cpu", "0", "--unwind", unwind, "-o", base, *more],
                       capture_output=True, check=True)
        return Capture(base + ".pb.gz")


def walk_ns(pgflame, cluster, unwind):
    capture = record(pgflame, cluster, unwind, 2, "--verify-unwind", "1")
    notes = " ".join(capture.recording["notes"])
    found = re.search(r"walks took (\d+) ns per 20 frames", notes)
    return int(found[1]) if found else 0


def measure(pgflame, cluster, unwind, seconds):
    capture = record(pgflame, cluster, unwind, seconds)
    ends = capture.total(["stack_end"], value=0)
    samples = max(1, sum(ends.values()))
    frames = sum(len(s["locations"]) * s["values"][0] for s in capture.samples) / samples
    cost = capture.recording["cost"]["bpf_ns"] / samples
    walk = walk_ns(pgflame, cluster, unwind)
    bare = ends.get(("no unwind info",), 0)
    return cost, frames, samples, walk, ends.get(("root",), 0) / max(1, samples - bare), bare / samples


def report(label, rows):
    cost, frames, samples, walk, whole, bare = (statistics.median(column) for column in zip(*rows))
    print(f"{label}: {cost:.0f} ns per sample of {frames:.1f} frames, "
          f"{cost * 20 / frames:.0f} ns per 20 frames (walk {walk:.0f}), "
          f"{samples:.0f} samples, {whole:.2%} of those with unwind information whole, "
          f"{bare:.2%} without", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pgflame")
    parser.add_argument("--bindir", action="append")
    parser.add_argument("--other")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    pgflames = [p for p in (options.pgflame, options.other) if p]
    for bindir in options.bindir or [DEBIAN_15]:
        with Cluster(bindir) as cluster:
            cluster.psql("create table t as select i % 5000 as k, md5(i::text) v "
                         "from generate_series(1, 30000) i; analyze t")
            with cluster.psql_loop(QUERIES, clients=2):
                time.sleep(1)
                rows = {(p, u): [] for p in pgflames for u in ("table", "fp")}
                for _ in range(options.rounds):
                    for (pgflame, unwind), found in rows.items():
                        found.append(measure(pgflame, cluster, unwind, options.seconds))
            for (pgflame, unwind), found in rows.items():
                report(f"{bindir} {os.path.basename(pgflame)} --unwind {unwind}", found)


if __name__ == "__main__":
    main()
