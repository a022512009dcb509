"""How fast stacks captured with `perf record --call-graph dwarf` are walked.

    tests/bench/offline_unwind.py PGFLAME [CAPTURE]

Without a capture it records a mixed load. CPU time (user + system) and wall time, each the best of
three, of reading the capture and of reading it with its samples repeated fifty times: the difference
is what one more sample costs, reading, walking and counting it. What of it is the walk comes from a
profile of the run. And the times of `perf script --no-inline`, which names functions, on the same
repeated capture, beside those of ours with names and without.
"""
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPEATS = 50


def run(*command, stdout=subprocess.DEVNULL):
    """CPU and wall seconds, and what it wrote."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, check=True, stdout=stdout, stderr=subprocess.DEVNULL)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, wall, done.stdout


def best_of_three(*command):
    times = [run(*command)[:2] for _ in range(3)]
    return min(cpu for cpu, _ in times), min(wall for _, wall in times)


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
    run("perf", "record", "-q", "-F", "4999", "-e", "cpu-clock", "-g", "-o", profile, *command)
    report = run("perf", "report", "-i", profile, "--children", "-g", "none", "--stdio",
                 stdout=subprocess.PIPE)[2].decode(errors="replace")
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
        folded = run(*walk, once, stdout=subprocess.PIPE)[2]
        once_took, once_wall = best_of_three(*walk, once)
        many_took, many_wall = best_of_three(*walk, many)
        samples = sum(int(line.rsplit(b" ", 1)[1]) for line in folded.splitlines())
        each = (many_took - once_took) * 1e6 / (samples * (REPEATS - 1))
        walked = walk_share([*walk, many], folder) * many_took * 1e6 / (samples * REPEATS)
        print(f"pgflame: {once_took:.3f} s (wall {once_wall:.3f}) for {samples} samples, "
              f"{many_took:.3f} s (wall {many_wall:.3f}) for {samples * REPEATS}: "
              f"{each:.2f} us for one more, of which the walk is {walked:.2f}", flush=True)
        perf_took, perf_wall = best_of_three("perf", "script", "--no-inline", "-i", many)
        print(f"perf script --no-inline: {perf_took:.2f} s (wall {perf_wall:.2f})", flush=True)
        report = [pgflame, "report", "--force", "-o", os.path.join(folder, "report.svg")]
        for what, command in (("convert --raw --to folded", walk),
                              ("convert --raw --to perf-script", [*walk[:-1], "perf-script"]),
                              ("convert --to perf-script", [pgflame, "convert", "--to", "perf-script"]),
                              ("report", report)):
            took, wall = best_of_three(*command, many)
            print(f"{what}: {took:.3f} s (wall {wall:.3f}), {perf_took / took:.1f} times faster "
                  f"by CPU time, {perf_wall / wall:.1f} times by wall time", flush=True)


if __name__ == "__main__":
    main()
