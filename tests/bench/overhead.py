#!/usr/bin/env python3
"""See overhead.sh."""
import argparse
import contextlib
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import bpf_programs  # noqa: E402
from cluster import Cluster, stop  # noqa: E402
from pprof import Capture  # noqa: E402
from processes import cpu_seconds  # noqa: E402

LOADS = {"select": ("-S", "-c", "8"), "write": ("-c", "32")}
STEADY = 2  # seconds before the load that a recorder gets to settle
PROGRAMS = ("sample_stack", "on_switch", "on_wakeup")
BPFTRACE = ("profile:hz:99 /comm == \"postgres\"/ { @[kstack, ustack] = count(); } "
            "interval:s:%d { exit(); }")
TARGETS = ("targets: under 4000 ns a sample, 1500 ns a switch, 0.5 % of a core (cpu mode) and 2 % "
           "(wall mode) for the agent, 64 MB; tps inside the range of off")


def program_costs(pid, names=None):
    """Nanoseconds per run of the programs that process `pid` loaded, by name."""
    return {name: spent / runs for name, (spent, runs) in bpf_programs.costs(pid).items()
            if (names is None or name in names) and runs}


@contextlib.contextmanager
def kernel_counts_costs():
    """The kernel counts what all BPF programs cost, ours ask for it themselves."""
    switch = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text()
    switch.write_text("1")
    try:
        yield
    finally:
        switch.write_text(before)


def is_ours(condition):
    """Whether it is a mode of pgflame, of the other one when that word follows."""
    return condition.split()[0] in ("cpu", "wall")


class Bench:
    def __init__(self, cluster, binaries, seconds, folder):
        self.cluster, self.binaries, self.seconds, self.folder = cluster, binaries, seconds, folder
        self.notes = {}  # (condition, what) -> values

    def command(self, condition):
        length = self.seconds + 4
        if is_ours(condition):
            mode, _, whose = condition.partition(" ")
            return [self.binaries[whose], "record", "-p", str(self.cluster.pid), f"{length}s",
                    "--mode", mode, "--max-cpu", "0", "--force", "-o", f"{self.folder}/out"]
        if condition == "perf":
            return ["perf", "record", "-q", "-a", "-F", "99", "-g", "-o", f"{self.folder}/out.data",
                    "--", "sleep", str(length)]
        if condition == "bpftrace":
            return ["bpftrace", "-q", "-o", f"{self.folder}/out.txt", "-e", BPFTRACE % length]
        return None

    @contextlib.contextmanager
    def recorder(self, condition):
        command = self.command(condition)
        if not command:
            yield None
            return
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True)
        time.sleep(STEADY + (1 if condition == "bpftrace" else 0))
        try:
            yield child
            child.wait(timeout=120)
        finally:
            stop(child)

    def note(self, condition, what, value):
        self.notes.setdefault((condition, what), []).append(value)

    def run(self, load, condition):
        """Transactions per second."""
        with self.recorder(condition) as child:
            before = cpu_seconds(child.pid) if child else 0
            done = subprocess.run(
                [self.cluster.client("pgbench"), "-n", *LOADS[load], "-T", str(self.seconds),
                 "postgres"], env=self.cluster._client_env("pgbench"), check=True,
                capture_output=True, text=True)
            if is_ours(condition):
                share = (cpu_seconds(child.pid) - before) / self.seconds
                self.note(condition, "agent % of a core", share * 100)
                for name, cost in program_costs(child.pid, PROGRAMS).items():
                    self.note(condition, f"ns per {name}", cost)
            elif condition == "bpftrace":
                # Two stacks by frame pointers and nothing else: what a sample costs at the least.
                self.note(condition, "ns per sample", sum(program_costs(child.pid).values()))
        if is_ours(condition):
            recording = Capture(f"{self.folder}/out.pb.gz").recording
            self.note(condition, "MB", recording["cost"]["peak_rss_bytes"] / 1e6)
            self.note(condition, "lost", sum(recording["losses"][:2]))
        return float(re.search(r"tps = ([0-9.]+)", done.stdout)[1])


def spread(values):
    if len(values) < 2:
        return f"{values[0]:.3f}"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pgflame")
    parser.add_argument("--other")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--loads", default="select,write")
    arguments = parser.parse_args()
    conditions = ["off", "off again", "cpu", "wall"]
    conditions += ["cpu other", "wall other"] if arguments.other else ["perf", "bpftrace"]
    binaries = {whose: os.path.abspath(path)
                for whose, path in (("", arguments.pgflame), ("other", arguments.other)) if path}
    with Cluster(settings={"compute_query_id": "on"}) as cluster, kernel_counts_costs(), \
            tempfile.TemporaryDirectory() as folder:
        cluster.pgbench_init(10)
        bench = Bench(cluster, binaries, arguments.seconds, folder)
        for load in arguments.loads.split(","):
            bench.notes.clear()
            ratios = {condition: [] for condition in conditions}
            bench.run(load, "off")  # warms up
            for _ in range(arguments.rounds):
                order = random.sample(conditions, len(conditions))
                tps = {condition: bench.run(load, condition) for condition in order}
                base = (tps["off"] + tps["off again"]) / 2
                for condition in conditions:
                    ratios[condition].append(tps[condition] / base)
            print(f"pgbench {' '.join(LOADS[load])}: tps relative to off, {arguments.rounds} rounds")
            for condition in conditions:
                print(f"  {condition:10} {spread(ratios[condition])}")
            for (condition, what), values in sorted(bench.notes.items()):
                print(f"  {condition:10} {what}: {spread(values)}")
    print(TARGETS)


if __name__ == "__main__":
    main()
