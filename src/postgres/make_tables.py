#!/usr/bin/env python3
"""Makes functions.tsv and wait_events.tsv, the tables that are compiled into pgflame.

    make_tables.py FUNCTIONS.tsv WAIT_EVENTS.tsv

FUNCTIONS.tsv   function, area, linkage by major, notes ("src=backend/access/heap/heapam.c; ..."),
                collected from the symbol tables and debug information of majors 13 to 18.
WAIT_EVENTS.tsv major, class byte, class name, event number, event name, as the servers' own
                pgstat_get_wait_event() says, majors 13 to 19.
Both are kept outside this repository; rerun when a new major is added.
"""
import collections
import csv
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent

AREAS = {
    "plan": "planner", "numeric": "expression", "regex-text": "expression", "protocol": "network",
    "executor-sort": "sort", "index-btree": "index", "triggers-plpgsql": "executor",
    "catalog-cache": "catalog", "expression": "expression", "heap": "heap",
    "snapshot": "transaction", "io-syscall": "buffer", "index-gin-gist": "index",
    "buffer": "buffer", "fork-startup": "main", "tuple-deform": "tuple", "datetime": "expression",
    "replication": "wal", "lock-heavy": "lock", "executor-scan": "executor", "memory": "memory",
    "wal": "wal", "json": "expression", "vacuum": "utility", "parallel": "executor",
    "parse": "parser", "hash-exec": "hash", "partition": "planner", "copy": "utility",
    "executor-agg": "executor", "lock-lw": "lock", "checkpoint-bgwriter": "buffer",
    "hash-dyna": "hash", "toast": "tuple", "executor-join": "executor", "jit": "jit",
    "lock-spin": "lock",
}
# By source file, where the collected area is coarser than the colour classes.
BY_FILE = [
    (r"utils/activity/|postmaster/pgstat", "utility"),
    (r"common/stringinfo", "network"),
    (r"resowner", "memory"),
    (r"executor/execPartition|executor/nodeAppend|executor/nodeMergeAppend", "executor"),
    (r"access/transam/(xact|varsup|transam|subtrans|multixact|clog|slru|procarray)", "transaction"),
    (r"lib/simplehash|executor/execGrouping", "hash"),
    (r"tcop/(postgres|pquery|utility)", "main"),
    (r"executor/execMain|executor/execProcnode", "executor"),
]


def source_of(notes):
    found = re.search(r"src=([^; ]+)", notes)
    return found.group(1) if found else ""


def area_of(area, source):
    for pattern, target in BY_FILE:
        if re.search(pattern, source):
            return target
    return AREAS[area]


def functions(path):
    rows = []
    by_file = collections.defaultdict(collections.Counter)
    with open(path, newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            source = source_of(row["notes"])
            area = area_of(row["area"], source)
            file = source.rsplit("/", 1)[-1]
            rows.append((row["function"], area, file))
            if file.endswith(".c"):
                by_file[file][area] += 1
    rows.sort()
    with open(HERE / "functions.tsv", "w") as out:
        for name, area, file in rows:
            out.write(f"{name}\t{area}\t{file}\n")
    with open(HERE / "files.tsv", "w") as out:
        for file, counts in sorted(by_file.items()):
            out.write(f"{file}\t{counts.most_common(1)[0][0]}\n")


def wait_events(path):
    with open(path, newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    names = collections.defaultdict(dict)
    for row in rows:
        info = (int(row["class_hex"], 16) << 24) | int(row["event_number"])
        names[info, row["class_name"], row["event_name"]][int(row["pg_major"])] = True
    with open(HERE / "wait_events.tsv", "w") as out:
        for (info, kind, name), majors in sorted(names.items()):
            out.write(f"{info:08x}\t{kind}\t{name}\t{','.join(map(str, sorted(majors)))}\n")


if __name__ == "__main__":
    functions(sys.argv[1])
    wait_events(sys.argv[2])
