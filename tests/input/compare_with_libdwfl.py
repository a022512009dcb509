"""Whether stacks captured with `perf record --call-graph dwarf` are walked as libdwfl walks them.

    tests/input/compare_with_libdwfl.py PGFLAME CAPTURE... [--symfs FOLDER] [--binary FILE]... [--comm NAME]

For each capture: how many samples have the stack that libdwfl finds (--unwinder dwfl), how many end
earlier, by the reason that our walk names (libdwfl guesses there), and the first that differ. Exit
code 1 when a stack differs, or ends earlier without a reason.
"""
import argparse
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

from explain_unwinding import Ends, common, pairs, text_of

# Ends that say why libdwfl may see more: what is left is no code that can be unwound, or is not in
# the capture.
REASONS = {"no unwind info", "unreadable", "no module", "bad unwind info", "run-time code", "truncated",
           "not mapped"}


def rows_of(pgflame, capture, unwinder, options, folder):
    """{(comm, pid, stack): samples}, {the same: how the walk ended}"""
    out = os.path.join(folder, unwinder)
    subprocess.run([pgflame, "convert", capture, "--raw", "--to", "json", "--unwinder", unwinder, "-o",
                    out, "--force", *options], check=True, capture_output=True)
    return Ends(out).rows_and_ends()


def plain(capture, folder):
    """The capture as perf reads it: not compressed."""
    if not capture.endswith(".zst"):
        return capture
    target = os.path.join(folder, "perf.data")
    subprocess.run(["zstd", "-dqf", capture, "-o", target], check=True)
    return target


def kind_of(ours, theirs, end):
    if ours is None or theirs is None:
        return "only one of the two"
    same = common(ours, theirs)
    if same == len(theirs):
        return "further"
    if same < len(ours):
        return "different"
    return f"shorter: {end}" if end in REASONS else "shorter without a reason"


def compare(ours, theirs, ends):
    """{kind: how many} and an example of each."""
    found = collections.Counter(equal=(ours & theirs).total())
    examples = {}
    for process, mine, other, count in pairs(ours, theirs):
        end = ends.get((*process, mine), "")
        kind = kind_of(mine, other, end)
        found[kind] += count
        same = common(mine or (), other or ())
        examples.setdefault(kind, f"    {process[0]} {process[1]}\n      pgflame {text_of(mine, same, end)}"
                                  f"\n      libdwfl {text_of(other, same)}")
    return found, examples


WRONG = ("different", "only one of the two", "shorter without a reason")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pgflame")
    parser.add_argument("captures", nargs="+")
    parser.add_argument("--symfs", default="", help="where the programs are")
    parser.add_argument("--binary", action="append", default=[])
    parser.add_argument("--comm", help="only processes of this name")
    arguments = parser.parse_args()
    options = [word for binary in arguments.binary for word in ("--binary", binary)]
    options += ["--symfs", arguments.symfs] if arguments.symfs else []
    options += ["--comm", arguments.comm] if arguments.comm else []
    wrong = 0
    for capture in arguments.captures:
        with tempfile.TemporaryDirectory(prefix="pgflame-bench-") as folder:
            file = plain(capture, folder)
            ours, ends = rows_of(arguments.pgflame, file, "table", options, folder)
            theirs, _ = rows_of(arguments.pgflame, file, "dwfl", options, folder)
        found, examples = compare(ours, theirs, ends)
        wrong += sum(found[kind] for kind in WRONG)
        print(f"{pathlib.Path(capture).name}: {found.pop('equal')} of {ours.total()} stacks are libdwfl's")
        for kind, count in sorted(found.items()):
            print(f"  {count} {kind}\n{examples[kind]}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
