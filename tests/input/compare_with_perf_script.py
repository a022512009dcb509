#!/usr/bin/env python3
"""Compares what pgflame reads from perf.data captures with what perf script prints.

    compare_with_perf_script.py PGFLAME CAPTURE_OR_FOLDER...

For every event of every capture the multiset of (comm, pid, stack of addresses) with the number of
samples and the sum of their periods must be the same. The first difference of each capture is
named. Copied stacks (--call-graph dwarf) are unwound by perf with its own libraries and binaries:
their innermost addresses must be the same, and the whole stacks of nearly all samples
(explain_unwinding.py lists the rest). Exit code 1 when anything differs, when a capture is expected
to have stacks and none was compared, or when nothing was compared at all. What perf cannot read is
named and not compared.
"""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HEADER = re.compile(
    r"^\s*(?P<comm>.*?)\s+(?P<pid>-?\d+)/(?P<tid>-?\d+)\s+(?P<period>\d+)\s+(?P<event>\S.*?):"
    r"\s*(?P<ip>[0-9a-f]+)?\s*$")
# perf prints names behind the addresses of captures in pipe mode, whatever -F says.
ADDRESS = re.compile(r"^\t(?P<address>[ 0-9a-f]{15}[0-9a-f])( |$)")
# The least share of copied stacks that are the same from end to end.
SAME_DUMPS = 0.9
# The largest share of samples whose chain perf does not print.
DROPPED_CHAINS = 0.05


class NotReadByPerf(Exception):
    pass


def run(command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def read_perf_script(capture, leaf_only, symfs=""):
    """{event: {(comm, pid, stack): [samples, period]}}"""
    command = ["perf", "script", "--no-inline", "--no-itrace", "-i", capture, "--max-stack", "1024",
               "-F", "comm,pid,tid,event,period,ip"]
    if symfs:
        command += ["--symfs", symfs]
    if leaf_only:
        command.append("-G")
    output = run(command)
    if output.returncode != 0 and not output.stdout:
        raise NotReadByPerf("perf script: " + (output.stderr.strip().splitlines() or ["failed"])[-1])
    events = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    for block in re.split(r"\n(?=\S|\s+\S.*\d+/-?\d+)", output.stdout):
        lines = [line for line in block.splitlines() if line.strip()]
        if not lines:
            continue
        header = HEADER.match(lines[0])
        if not header:
            raise RuntimeError("perf script printed: " + lines[0])
        addresses = map(ADDRESS.match, lines[1:])
        stack = [int(match["address"], 16) for match in addresses if match]
        if header["ip"]:
            stack = [int(header["ip"], 16)]
        row = events[header["event"]][(header["comm"].strip(), int(header["pid"]), tuple(stack))]
        row[0] += 1
        row[1] += int(header["period"])
    return events


# perf prints user addresses as offsets in their file, but not those of memory without a file.
WITHOUT_FILE = ("//anon", "/dev/zero", "/anon_hugepage", "[stack", "/SYSV", "[heap]")


class RawProfile:
    """`walked`: stacks are from dumps. perf shows the callers of walks of its own one byte before the
    return address, as we do, but those of the kernel's as they are."""

    def __init__(self, path, walked=False):
        self.walked = walked
        with open(path, encoding="utf-8") as file:
            self.tables = json.load(file)

    def mapping_of(self, location):
        index = location["mapping"]
        return None if index < 0 else self.tables["mappings"][index]

    def is_kernel(self, location):
        mapping = self.mapping_of(location)
        return mapping is not None and self.module(mapping)["kind"] == "kernel"

    def module(self, mapping):
        return self.tables["modules"][mapping["module"]]

    def shown(self, location, address, in_chain):
        mapping = self.mapping_of(location)
        if not in_chain or mapping is None or self.is_kernel(location):
            return address
        path = self.module(mapping)["path"]
        if not path or path.startswith(WITHOUT_FILE):
            return address
        offset = 0 if path == "[vdso]" else mapping["file_offset"]
        return address - mapping["start"] + offset

    def stack(self, sample, leaf_only):
        locations = []
        at = sample["stack"]
        while at != 0:
            location, at = self.tables["stacks"][at]
            locations.append(self.tables["locations"][location])
        in_chain = not leaf_only and sample["end"] != "no stack"
        addresses = []
        innermost = True
        kernel = False
        for location in locations:
            enters = kernel and not self.is_kernel(location)
            address = location["address"]
            returned = self.is_kernel(location) if self.walked else not enters and address >= 4098
            if not innermost and returned:
                address += 1
            addresses.append(self.shown(location, address, in_chain))
            kernel = self.is_kernel(location)
            innermost = False
        return tuple(addresses[:1] if leaf_only else addresses)

    def rows(self, leaf_only):
        rows = collections.defaultdict(lambda: [0, 0])
        for sample in self.tables["samples"]:
            backend = self.tables["backends"][sample["backend"]]
            key = (backend["comm"].strip(), backend["pid"], self.stack(sample, leaf_only))
            rows[key][0] += sample["count"]
            rows[key][1] += sample["weight"]
        return rows


def read_pgflame(pgflame, capture, event, folder, walked):
    path = folder / "profile.json"
    output = run([pgflame, "convert", capture, "--raw", "--to", "json", "-o", str(path), "--force",
                  "--event", event])
    if output.returncode != 0:
        raise RuntimeError(output.stderr.strip())
    return RawProfile(path, walked)


def describe(key, ours, theirs):
    comm, pid, stack = key
    addresses = " ".join(f"{address:x}" for address in stack)
    return (f"{comm} {pid} [{addresses}]\n"
            f"      pgflame:     {ours[0]} samples, period {ours[1]}\n"
            f"      perf script: {theirs[0]} samples, period {theirs[1]}")


def forgive_dropped_chains(ours, theirs):
    """perf prints nothing of a chain with an entry that is no address (a frame pointer of -1);
    pgflame keeps what comes before it. Such samples are matched by process only. Returns how many."""
    forgiven = 0
    for comm, pid, stack in [key for key in theirs if not key[2]]:
        dropped = theirs.pop((comm, pid, stack))
        for key in [key for key in ours if key[:2] == (comm, pid)]:
            expected = theirs.get(key, [0, 0])
            surplus = ours[key][0] - expected[0]
            if not 0 < surplus <= dropped[0]:
                continue
            weight = ours[key][1] - expected[1]
            dropped = [dropped[0] - surplus, dropped[1] - weight]
            ours[key] = [ours[key][0] - surplus, ours[key][1] - weight]
            forgiven += surplus if key[2] else 0
        if dropped != [0, 0]:
            theirs[(comm, pid, stack)] = dropped
    for key in [key for key, row in ours.items() if row == [0, 0]]:
        del ours[key]
    return forgiven


def samples_in(rows):
    return sum(row[0] for row in rows.values())


def first_difference(event, ours, theirs):
    for key in sorted(set(ours) | set(theirs), key=str):
        if ours.get(key, [0, 0]) != theirs.get(key, [0, 0]):
            return f"{event}: " + describe(key, ours.get(key, [0, 0]), theirs.get(key, [0, 0]))
    return None


class Comparison:
    """Of one capture. `stacks`: samples whose whole stacks were compared; `same_stacks` of them are
    the same."""

    def __init__(self):
        self.samples = self.stacks = self.same_stacks = 0
        self.difference = None

    def add_event(self, event, ours, theirs, printed, leaf_only):
        forgiven = forgive_dropped_chains(ours, theirs)
        self.difference = self.difference or first_difference(event, ours, theirs)
        if forgiven > 1 + DROPPED_CHAINS * printed:
            self.difference = self.difference or f"{event}: perf prints {forgiven} samples without stack"
        self.samples += printed
        if not leaf_only:
            with_stack = samples_in({key: row for key, row in theirs.items() if key[2]})
            self.stacks += with_stack
            self.same_stacks += with_stack

    def add_dumps(self, ours, theirs):
        self.stacks += samples_in({key: row for key, row in theirs.items() if key[2]})
        self.same_stacks += sum(min(ours[key][0], row[0]) for key, row in theirs.items()
                                if key[2] and key in ours)

    def verdict(self, with_chains):
        """None when all is well."""
        if self.difference:
            return self.difference
        if with_chains and self.stacks == 0:
            return "no stack was compared"
        if self.same_stacks < SAME_DUMPS * self.stacks:
            return f"only {self.same_stacks} of {self.stacks} stacks are the same"
        return None


def compare(pgflame, capture, folder):
    attributes = run(["perf", "evlist", "-v", "-i", capture]).stdout
    dumps = "STACK_USER" in attributes
    result = Comparison()
    theirs_whole = read_perf_script(capture, False) if dumps else {}
    for event, theirs in sorted(read_perf_script(capture, dumps).items()):
        profile = read_pgflame(pgflame, capture, event, folder, dumps)
        result.add_event(event, profile.rows(dumps), theirs, samples_in(theirs), dumps)
        if dumps:
            result.add_dumps(profile.rows(False), theirs_whole.get(event, {}))
    if result.samples == 0:
        raise NotReadByPerf("perf script prints no sample")
    return result, result.verdict("CALLCHAIN" in attributes)


def captures(arguments):
    for argument in map(pathlib.Path, arguments):
        if argument.is_file() or (argument / "data").is_file():
            yield argument
            continue
        for path in sorted(argument.rglob("*")):
            inside_capture = (path.parent / "data").is_file()
            if (path.is_file() and not inside_capture) or (path / "data").is_file():
                yield path


def unpacked(path, folder):
    if path.suffix != ".zst":
        return str(path)
    plain = folder / path.stem
    subprocess.run(["zstd", "-qdf", str(path), "-o", str(plain)], check=True)
    return str(plain)


def main():
    pgflame, *arguments = sys.argv[1:]
    compared = failures = 0
    for path in captures(arguments):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pgflame-compare."))
        try:
            result, difference = compare(pgflame, unpacked(path, folder), folder)
        except NotReadByPerf as error:
            print(f"not compared: {path.name}: {error}")
            continue
        except RuntimeError as error:
            result, difference = Comparison(), str(error)
        finally:
            shutil.rmtree(folder)
        compared += 1
        if difference is None:
            print(f"same   {result.samples:8} samples, {result.same_stacks} of {result.stacks} stacks  "
                  f"{path.name}")
            continue
        failures += 1
        print(f"DIFFER {path.name}\n    {difference}")
    if compared == 0:
        print("nothing was compared")
    return 1 if failures or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
