"""Whether stacks captured with `perf record --call-graph dwarf` are walked as libdwfl walks them.

    tests/input/compare_with_libdwfl.py PGFLAME CAPTURE... [--binary FILE]...

For each capture: how many samples have the stack that libdwfl finds (--unwinder dwfl), and the first
that have not. Those that end earlier do so in code without unwind information, or without its file,
where libdwfl guesses. Exit code 1 when a stack differs.
"""
import argparse
import collections
import os
import subprocess
import sys
import tempfile


def samples_of(pgflame, capture, unwinder, binaries, folder):
    """[(head, addresses)] by sample"""
    out = os.path.join(folder, unwinder)
    subprocess.run([pgflame, "convert", capture, "--raw", "--to", "perf-script", "--unwinder",
                    unwinder, "-o", out, "--force", *binaries], check=True, capture_output=True)
    samples, head, addresses = [], None, []
    for line in open(out):
        if not line.strip():
            if head:
                samples.append((head, tuple(addresses)))
            head, addresses = None, []
        elif not line[0].isspace():
            head = line.strip()
        else:
            addresses.append(line.split()[0])
    if head:
        samples.append((head, tuple(addresses)))
    return samples


def plain(capture, folder):
    """The capture as perf reads it: not compressed."""
    if not capture.endswith(".zst"):
        return capture
    target = os.path.join(folder, "perf.data")
    subprocess.run(["zstd", "-dqf", capture, "-o", target], check=True)
    return target


def compare(ours, theirs):
    """{kind: how many} and the first that differ. Samples are compared by process and stack: equal
    ones come together in a profile, so that their order says nothing."""
    left, right = collections.Counter(ours), collections.Counter(theirs)
    found = collections.Counter(equal=sum((left & right).values()))
    missing = list((right - left).elements())
    examples = []
    for head, a in (left - right).elements():
        partner = max((b for other, b in missing if other == head),
                      key=lambda b: common(a, b), default=())
        same = common(a, partner)
        kind = ("further" if same == len(partner) else "shorter" if same == len(a) else "different")
        if (head, partner) in missing:
            missing.remove((head, partner))
        found[kind] += 1
        if kind != "further" and len(examples) < 3:
            examples.append(f"    {kind}: {head} frame {same}: {' '.join(a[same:same + 1]) or 'end'} "
                            f"instead of {' '.join(partner[same:same + 2])}")
    return found, examples


def common(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pgflame")
    parser.add_argument("captures", nargs="+")
    parser.add_argument("--binary", action="append", default=[])
    options = parser.parse_args()
    binaries = [word for binary in options.binary for word in ("--binary", binary)]
    wrong = 0
    for capture in options.captures:
        with tempfile.TemporaryDirectory(prefix="pgflame-bench-") as folder:
            file = plain(capture, folder)
            ours = samples_of(options.pgflame, file, "table", binaries, folder)
            theirs = samples_of(options.pgflame, file, "dwfl", binaries, folder)
            found, examples = compare(ours, theirs)
            wrong += found["different"] + abs(len(ours) - len(theirs))
            print(f"{os.path.basename(capture)}: {found['equal']} of {len(ours)} stacks are libdwfl's, "
                  f"{found['further']} go further, {found['shorter']} end earlier, "
                  f"{found['different']} differ", *examples, sep="\n", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
