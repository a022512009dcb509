#!/usr/bin/env python3
"""Records the workloads live and prints what pgflame found against what it should have found.

    run.py [--bindir DIR]... [--workloads FILE] [--only NAME,...] [--seconds N] [--keep DIR]
    run.py --goldens DIR [--starved DIR]

Needs root and $PGFLAME (the binary). Exits 1 when a promise is broken: the first finding is right
in at least 95 %, no forbidden and no missing finding, at most 5 % of any recording unclassified, the
verdict's class is right in all, every workload could be recorded. With --keep the captures stay in
DIR as NAME-MAJOR.pb.gz; --goldens checks such captures without any server, and --starved those that
were recorded beside other load: their verdict has to be cpu-starved.
"""
import argparse
import collections
import contextlib
import os
import pathlib
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests" / "support"))

from cluster import DEBIAN_15, Cluster  # noqa: E402
from recorder import Recorder  # noqa: E402
from replica import Replica  # noqa: E402


def workloads(file_name, only):
    with open(file_name, "rb") as file:
        known = tomllib.load(file)["workload"]
    return [w for w in known if not only or w["name"] in only]


def major_of(bindir):
    said = subprocess.run([os.path.join(bindir, "postgres"), "--version"], text=True, check=True,
                          capture_output=True, env={"LD_LIBRARY_PATH": bindir + "/../lib"}).stdout
    return int(said.split()[2].split(".")[0])


class Outcome:
    def __init__(self, workload, where, json, starved=False):
        self.starved = starved
        self.workload, self.where = workload, where
        self.ids = [finding["id"] for finding in json["findings"]]
        self.shares = [f"{f['id']} {100 * f['share']:.0f}" for f in json["findings"]]
        self.verdict, self.grade = json["verdict"]["class"], json["grade"]
        self.activities = json["activities"]
        counts = json["accounting"]
        self.unclassified = counts["unclassified"] / max(1, sum(
            a.get("samples", 0) for a in json["activities"]) or counts["captured"])

    @property
    def first_right(self):
        wanted = self.workload.get("first", [])
        return not wanted or bool(self.ids) and self.ids[0] in wanted

    @property
    def expected_first(self):
        return self.workload.get("first", ["any"])[0]

    @property
    def given_first(self):
        return self.ids[0] if self.ids else "none"

    @property
    def verdicts(self):
        return ["cpu-starved"] if self.starved else self.workload["verdict"]

    @property
    def missing(self):
        return [i for i in self.workload.get("present", []) if i not in self.ids]

    @property
    def forbidden(self):
        return [i for i in self.workload.get("absent", []) if i in self.ids]

    @property
    def verdict_right(self):
        return self.verdict in self.verdicts

    def line(self):
        marks = "".join("." if ok else letter for ok, letter in
                        [(self.first_right, "F"), (not self.missing, "P"),
                         (not self.forbidden, "X"), (self.verdict_right, "V")])
        return (f"{marks} {self.where:>3} {self.workload['name']:<28} {self.grade} "
                f"{self.verdict:<17} {100 * self.unclassified:4.1f}% {', '.join(self.shares[:8])}"
                + (f"   missing: {' '.join(self.missing)}" if self.missing else "")
                + (f"   forbidden: {' '.join(self.forbidden)}" if self.forbidden else "")
                + ("" if self.first_right else f"   first should be: {self.workload['first']}"))


def load_of(cluster, workload):
    clients = workload.get("clients_per_cpu", 0) * os.cpu_count() or workload.get("clients", 1)
    if "shell" in workload:
        return cluster.shell_loop(workload["shell"], clients)
    options = ["-n", "-T", "3600", "-c", str(clients), "-j", "1", *workload.get("pgbench", [])]
    if workload["sql"]:
        script = os.path.join(cluster.folder, workload["name"] + ".sql")
        with open(script, "w") as out:
            out.write(workload["sql"])
        options += ["-f", script]
    return cluster.pgbench(*options, database=workload.get("connection", "postgres"))


def drive(cluster, recorder, workload, seconds):
    setup = workload.get("setup", "")
    if setup == "pgbench_init":
        cluster.pgbench_init(5)
    elif setup:
        cluster.psql(setup)
    with contextlib.ExitStack() as stack:
        recorded = cluster
        if workload.get("on") == "replica":
            recorded = stack.enter_context(Replica(cluster))
        load = stack.enter_context(load_of(cluster, workload))
        time.sleep(1)
        if load.poll() is not None:
            raise RuntimeError(f"{workload['name']}: the load ended at once")
        return recorder.record("-p", str(recorded.pid), "--mode", "wall", "-F", "399",
                               f"{seconds}s")


def run_on(bindir, chosen, options, recorder, broken):
    where = str(major_of(bindir))
    plain = [w for w in chosen if "settings" not in w]
    special = [w for w in chosen if "settings" in w]
    for group in ([plain] if plain else []) + [[w] for w in special]:
        # A leader and two workers starve a machine of two CPUs: parallel queries only where meant.
        settings = {"max_parallel_workers_per_gather": "0", **group[0].get("settings", {})}
        with Cluster(bindir, settings=settings) as cluster:
            for workload in group:
                needs = workload.get("needs")
                if needs and not list(pathlib.Path(bindir).parent.rglob(needs + ".so")):
                    continue
                try:
                    recording = drive(cluster, recorder, workload, options.seconds)
                    if recording.code != 0:
                        raise RuntimeError(recording.stderr)
                except RuntimeError as error:
                    broken.append(f"{workload['name']}-{where}")
                    print(f"!    {where:>3} {workload['name']}: {error}")
                    continue
                if options.keep:
                    os.makedirs(options.keep, exist_ok=True)
                    keep = os.path.join(options.keep, f"{workload['name']}-{where}.pb.gz")
                    with open(recording.capture, "rb") as one, open(keep, "wb") as other:
                        other.write(one.read())
                yield Outcome(workload, where, recording.json)


def replay(folder, chosen, recorder, starved=False):
    for workload in chosen:
        for capture in sorted(pathlib.Path(folder).glob(workload["name"] + "-*.pb.gz")):
            name, where = capture.name.removesuffix(".pb.gz").rsplit("-", 1)
            if name == workload["name"]:
                yield Outcome(workload, where, recorder.report(str(capture.resolve())).json, starved)


def confusion(title, pairs):
    """Prints what was given for each that was expected, the frequent first."""
    table = collections.defaultdict(collections.Counter)
    for expected, given in pairs:
        table[expected][given] += 1
    print(f"\n{title}")
    for expected, counts in sorted(table.items()):
        given = ", ".join(f"{name} {count}" for name, count in counts.most_common())
        print(f"  {expected:<16} {given}")


def summary(outcomes, broken):
    count = len(outcomes)
    right = sum(o.first_right for o in outcomes)
    forbidden = sum(bool(o.forbidden) for o in outcomes)
    missing = sum(bool(o.missing) for o in outcomes)
    verdicts = sum(o.verdict_right for o in outcomes)
    unclear = sum(o.unclassified > 0.05 for o in outcomes)
    confusion("first finding expected, and given:",
              ((o.expected_first, o.given_first) for o in outcomes))
    confusion("verdict expected, and given:", ((o.verdicts[0], o.verdict) for o in outcomes))
    print(f"\n{count} recordings: first finding right in {right}, missing findings in {missing}, "
          f"forbidden findings in {forbidden}, verdict right in {verdicts}, "
          f"above 5 % unclassified in {unclear}")
    if broken:
        print(f"not recorded: {' '.join(broken)}")
    return (count > 0 and not broken and right >= 0.95 * count and verdicts == count
            and forbidden == missing == unclear == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bindir", action="append", default=[])
    parser.add_argument("--workloads", default=HERE / "workloads.toml")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--keep")
    parser.add_argument("--goldens")
    parser.add_argument("--starved")
    options = parser.parse_args()
    chosen = workloads(options.workloads, [name for name in options.only.split(",") if name])
    outcomes, broken = [], []
    print("F first wrong, P missing, X forbidden, V verdict wrong\n")
    with Recorder() as recorder:
        sources = ([replay(options.goldens, chosen, recorder)] if options.goldens else
                   [run_on(b, chosen, options, recorder, broken)
                    for b in options.bindir or [DEBIAN_15]])
        if options.starved:
            sources.append(replay(options.starved, chosen, recorder, starved=True))
        for source in sources:
            for outcome in source:
                print(outcome.line(), flush=True)
                outcomes.append(outcome)
    sys.exit(0 if summary(outcomes, broken) else 1)


if __name__ == "__main__":
    main()
