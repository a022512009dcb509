#!/usr/bin/env python3
"""Lists and explains how our walks of copied stacks differ from those of perf script --no-inline.

    explain_unwinding.py PGFLAME [--symfs FOLDER] [--comm NAME] CAPTURE_OR_FOLDER...

For every capture made with --call-graph dwarf: how many stacks are the same, and for each kind of
difference how many there are, why it arises (KINDS below) and one example. Exit code 1 when there
is a difference that no kind explains.

Samples have no name in what either prints, so stacks that only one of the two has are paired by
process and innermost address, those first that have most frames in common.
"""

import argparse
import collections
import pathlib
import shutil
import sys
import tempfile

from compare_with_perf_script import RawProfile, captures, read_perf_script, run, unpacked

# {kind: why it arises}; nothing: it should not.
KINDS = {
    "not mapped": "the capture does not tell what the process has mapped there (it was lost, or the "
    "process began before): we keep the address, perf prints none",
    "no unwind information": "the code has none (.init and .fini, hand-written assembly): we stop there "
    "by name, perf's library guesses that it keeps frame pointers and invents callers",
    "run-time code": "the code was made at run time, and no capture has its unwind information: we stop "
    "there by name, perf's library guesses as above",
    "bad unwind information": "it is not understood or leads downwards: we stop there by name, perf's "
    "library guesses as above",
    "the dump ends": "the copied bytes of the stack end before the caller's address: we stop, perf "
    "takes what it could not read for an address",
    "perf stops earlier": "mostly because behind its last pop a function's rules still name the slot of "
    "the frame pointer, below the stack pointer and so not in the dump: perf gives up, we know that "
    "the register holds it again; stacks of 32-bit programs it does not walk at all",
    "too deep": "we keep 128 frames",
    "we stop earlier": "",
    "other callers": "",
    "only one of the two": "",
}


class Ends(RawProfile):
    """Rows that also tell how each walk ended."""

    def __init__(self, path):
        super().__init__(path, walked=True)

    def outermost(self, sample):
        location, at = None, sample["stack"]
        while at != 0:
            index, at = self.tables["stacks"][at]
            location = self.tables["locations"][index]
        return location

    def rows_and_ends(self):
        rows, ends = collections.Counter(), {}
        for sample in self.tables["samples"]:
            backend = self.tables["backends"][sample["backend"]]
            key = (backend["comm"].strip(), backend["pid"], self.stack(sample, leaf_only=False))
            rows[key] += sample["count"]
            outermost = self.outermost(sample)
            known = outermost is None or self.mapping_of(outermost) is not None
            ends[key] = sample["end"] if known else "not mapped"
        return rows, ends


def common(ours, theirs):
    count = 0
    while count < min(len(ours), len(theirs)) and ours[count] == theirs[count]:
        count += 1
    return count


def by_similarity(left, right):
    """Pairs of rows [stack, samples left] of both sides; what was paired is taken off them."""
    ranked = sorted(((common(a[0], b[0]), i, j) for i, a in enumerate(left)
                     for j, b in enumerate(right)), reverse=True)
    for _, i, j in ranked:
        both = min(left[i][1], right[j][1])
        if both > 0:
            left[i][1] -= both
            right[j][1] -= both
            yield left[i][0], right[j][0], both


def pairs(ours, theirs):
    """(process, our stack or None, their stack or None, samples) of what only one side has."""
    processes = collections.defaultdict(lambda: ([], []))
    for side, rows in enumerate((ours - theirs, theirs - ours)):
        for (comm, pid, stack), count in sorted(rows.items()):
            processes[comm, pid][side].append([stack, count])
    for process, (left, right) in sorted(processes.items()):
        # Those without any frame come last: they go with whatever is left.
        for leaf in sorted({stack[:1] for stack, _ in right}, reverse=True):
            same_leaf = [row for row in left if not leaf or row[0][:1] == leaf]
            for found in by_similarity(same_leaf, [row for row in right if row[0][:1] == leaf]):
                yield process, *found
        yield from ((process, stack, None, count) for stack, count in left if count > 0)
        yield from ((process, None, stack, count) for stack, count in right if count > 0)


def kind_of(ours, theirs, end):
    if ours is None or theirs is None:
        return "only one of the two"
    same = common(ours, theirs)
    if end == "not mapped" and len(ours) == same + 1 and len(theirs) == same:
        return "not mapped"
    if same == len(theirs):
        return "perf stops earlier"
    if same < len(ours):
        return "other callers"
    return {"no unwind info": "no unwind information", "unreadable": "the dump ends",
            "no module": "not mapped", "run-time code": "run-time code",
            "bad unwind info": "bad unwind information", "truncated": "too deep"}.get(end, "we stop earlier")


def text_of(stack, same, end=""):
    frames = [f"{address:x}" for address in stack or ()]
    frames.insert(same, "|")
    return f"{' '.join(frames)} {end}".rstrip() if stack is not None else "nothing"


def of_processes(rows, comm):
    return collections.Counter({key: count for key, count in rows.items()
                                if comm is None or key[0] == comm})


def explain(options, capture, folder):
    """(samples with the same stack, {kind: [samples, example]}), or nothing without copied stacks."""
    symfs = options.symfs
    if "STACK_USER" not in run(["perf", "evlist", "-v", "-i", capture]).stdout:
        return None
    theirs, ours, ends = collections.Counter(), collections.Counter(), {}
    for event, rows in sorted(read_perf_script(capture, False, symfs).items()):
        theirs.update({key: row[0] for key, row in rows.items()})
        path = folder / "profile.json"
        done = run([options.pgflame, "convert", capture, "--raw", "--to", "json", "-o", str(path), "--force",
                    "--event", event, *(["--symfs", symfs] if symfs else [])])
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        counted, found = Ends(path).rows_and_ends()
        ours.update(counted)
        ends.update(found)
    ours, theirs = of_processes(ours, options.comm), of_processes(theirs, options.comm)
    kinds = {}
    for process, mine, other, count in pairs(ours, theirs):
        end = ends.get((*process, mine), "")
        kind = kind_of(mine, other, end)
        same = common(mine or (), other or ())
        example = (f"{process[0]} {process[1]}\n      pgflame {text_of(mine, same, end)}\n"
                   f"      perf    {text_of(other, same)}")
        kinds.setdefault(kind, [0, example])[0] += count
    return (ours & theirs).total(), kinds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pgflame")
    parser.add_argument("--symfs", default="", help="where the programs are")
    parser.add_argument("--comm", help="only processes of this name")
    parser.add_argument("captures", nargs="+")
    options = parser.parse_args()
    unexplained = 0
    for path in captures(options.captures):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pgflame-explain."))
        try:
            result = explain(options, unpacked(path, folder), folder)
        except RuntimeError as error:
            print(f"{path.name}: not compared: {error}")
            continue
        finally:
            shutil.rmtree(folder)
        if result is None:
            continue
        same, kinds = result
        print(f"{path.name}: {same} the same")
        for kind, (count, example) in sorted(kinds.items(), key=lambda item: -item[1][0]):
            print(f"  {count} {kind}: {KINDS[kind] or 'not explained'}\n      {example}")
            unexplained += 0 if KINDS[kind] else count
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
