#!/usr/bin/env python3
"""What following every switch of the backends costs, by the kernel's own statistics of our programs.

    tests/bench/switch_cost.py PGFLAME [--other PGFLAME] [--rounds N] [--seconds S]   as root

Backends copy rows from programs that write them one by one, and so sleep and wake up for each row,
as often as the machine can. Printed are medians and ranges over the rounds: switches a second of the
whole machine, nanoseconds per run of each program, what all programs cost per switch, and from that
what 100 000 switches a second cost of this machine (the agent's own time, which does not grow with
them, apart). With --other for a second pgflame, turn and turn about.
"""
import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import bpf_programs  # noqa: E402
from cluster import Cluster, stop  # noqa: E402
from processes import cpu_seconds  # noqa: E402

WRITES = "copy sink from program 'while :; do echo 1; done' where i < 0;"
SETTLE = 2  # seconds a recorder gets before it is measured
MANY = 100_000


def switches():
    with open("/proc/stat") as stat:
        return next(int(line.split()[1]) for line in stat if line.startswith("ctxt"))


def measure(pgflame, cluster, seconds, folder):
    agent = subprocess.Popen(
        [pgflame, "record", "-p", str(cluster.pid), f"{seconds + 2 * SETTLE}s", "--mode", "wall",
         "--sampler", "bpf", "--max-cpu", "0", "--force", "-o", f"{folder}/out"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        time.sleep(SETTLE)
        before, count, cpu, start = (bpf_programs.costs(agent.pid), switches(), cpu_seconds(agent.pid),
                                     time.monotonic())
        time.sleep(seconds)
        after, wall = bpf_programs.costs(agent.pid), time.monotonic() - start
        count, cpu = switches() - count, cpu_seconds(agent.pid) - cpu
        agent.wait(timeout=60)
    finally:
        stop(agent)
    found, total = {"switches/s": count / wall, "agent % of a core": 100 * cpu / wall}, 0
    for name, (time_ns, runs) in after.items():
        if runs > before[name][1]:
            time_ns -= before[name][0]
            total += time_ns
            found[f"ns per {name}"] = time_ns / (runs - before[name][1])
    found["ns per switch"] = total / count
    found[f"% of the machine at {MANY} switches/s"] = total / count * MANY / 1e7 / os.cpu_count()
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pgflame")
    parser.add_argument("--other")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    binaries = [os.path.abspath(path) for path in (arguments.pgflame, arguments.other) if path]
    notes = {}
    with Cluster(settings={"compute_query_id": "on"}) as cluster, contextlib.ExitStack() as load, \
            tempfile.TemporaryDirectory() as folder:
        cluster.psql("create table sink(i int)")
        load.enter_context(cluster.psql_loop(WRITES, clients=2))
        for _ in range(arguments.rounds):
            for binary in binaries:
                for what, value in measure(binary, cluster, arguments.seconds, folder).items():
                    notes.setdefault((binary, what), []).append(value)
    for (binary, what), values in notes.items():
        print(f"{binary if len(binaries) > 1 else ''} {what}: {statistics.median(values):.4g} "
              f"[{min(values):.4g}, {max(values):.4g}]")
    print(f"target: under 2 % of the machine at {MANY} switches/s")


if __name__ == "__main__":
    main()
