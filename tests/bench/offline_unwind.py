"""How fast stacks captured with `perf record --call-graph dwarf` are walked.

    tests/bench/offline_unwind.py PGFLAME [CAPTURE]

Without a capture it records a mixed load. CPU time (user + system, the best of three) of reading the
capture and of reading it with its samples repeated ten times: the difference is what one more sample
costs, reading, walking and counting it. What of it is the walk comes from a profile of the run. And
the time of `perf script --no-inline` on the same repeated capture, once.
"""
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REPEATS = 10


def cpu_seconds(*command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def helper(script, *arguments):
    subprocess.run([sys.executable, os.path.join(HERE, script), *arguments], check=True,
                   stdout=subprocess.DEVNULL)


def share_of(report, function):
    """Of a perf report with children: the share of a function and all it calls."""
    return max((float(line.split("%")[0]) / 100 for line in report.splitlines()
                if function in line), default=0)


def walk_share(command, folder):
    """The share of the CPU time that walking takes, without compiling tables."""
    profile = os.path.join(folder, "profile.data")
    cpu_seconds("perf", "record", "-q", "-F", "4999", "-e", "cpu-clock", "-g", "-o", profile,
                *command)
    _, text = cpu_seconds("perf", "report", "-i", profile, "--children", "-g", "none", "--stdio")
    report = text.decode(errors="replace")
    return share_of(report, "TableUnwinder::walk") - share_of(report, "unwind::compile_table")


def main():
    pgflame = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="pgflame-bench-") as folder:
        once, many = os.path.join(folder, "perf.data"), os.path.join(folder, "many.data")
        if len(sys.argv) > 2:
            once = sys.argv[2]
        else:
            helper("record_load.py", once, "3", "199", "dwarf,16384")
        helper("multiply_capture.py", once, many, str(REPEATS))
        walk = [pgflame, "convert", "--raw", "--to", "folded"]
        once_took, folded = min(cpu_seconds(*walk, once) for _ in range(3))
        many_took, _ = min(cpu_seconds(*walk, many) for _ in range(3))
        samples = sum(int(line.rsplit(b" ", 1)[1]) for line in folded.splitlines())
        each = (many_took - once_took) * 1e6 / (samples * (REPEATS - 1))
        walked = walk_share([*walk, many], folder) * many_took * 1e6 / (samples * REPEATS)
        print(f"pgflame: {once_took:.3f} s for {samples} samples, {many_took:.3f} s for "
              f"{samples * REPEATS}: {each:.2f} us for one more, "
              f"of which the walk is {walked:.2f}", flush=True)
        perf_took, _ = cpu_seconds("perf", "script", "--no-inline", "-i", many)
        print(f"perf script --no-inline: {perf_took:.2f} s, {perf_took / many_took:.1f} times as long")


if __name__ == "__main__":
    main()
