"""What pgflame reads from a capture is what perf script prints, sample for sample."""
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from servers import bindir_of
from unwind_test import as_json

TESTS = pathlib.Path(__file__).resolve().parent.parent


def run(script, *arguments, pgflame=None):
    program = pgflame or os.environ["PGFLAME"]
    return subprocess.run(
        [sys.executable, str(TESTS / "input" / script), program, *map(str, arguments)],
        capture_output=True, text=True, check=False)


def compare(*captures):
    return run("compare_with_perf_script.py", *captures)


def outermost_files(tables):
    """Where each sample's stack ends."""
    for sample in tables["samples"]:
        at = sample["stack"]
        while at > 0:
            location, at = tables["stacks"][at]
        mapping = tables["mappings"][tables["locations"][location]["mapping"]]
        for _ in range(sample["count"]):
            yield tables["modules"][mapping["module"]]["path"]


# A reader that loses every stack when it is called with {word}, and is right about all the rest.
WITHOUT_STACKS = """#!/usr/bin/env python3
import json, os, subprocess, sys
done = subprocess.run([{pgflame!r}, *sys.argv[1:]], check=False)
path = sys.argv[sys.argv.index("-o") + 1]
with open(path, encoding="utf-8") as file:
    tables = json.load(file)
for sample in tables["samples"] if {word!r} in sys.argv else ():
    sample["stack"] = 0
with open(path, "w", encoding="utf-8") as file:
    json.dump(tables, file)
sys.exit(done.returncode)
"""


class CompareWithPerfScript(unittest.TestCase):
    def test_a_fresh_recording_is_read_as_perf_reads_it(self):
        with tempfile.TemporaryDirectory(prefix="pgflame-live-") as folder:
            capture = os.path.join(folder, "perf.data")
            subprocess.run([sys.executable, str(TESTS / "bench/record_load.py"), capture, "2", "499"],
                           check=True)
            result = compare(capture)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            self.assertRegex(result.stdout, r"^same +[1-9]")

    def test_committed_captures_are_read_as_perf_reads_them(self):
        result = compare(TESTS / "golden/input/pg15-fp-deform.perf.data.zst",
                         TESTS / "golden/input/format-three-events.perf.data.zst",
                         TESTS / "golden/input/format-group-read.perf.data.zst",
                         TESTS / "golden/input/format-pipe-zstd.perf.data",
                         TESTS / "golden/input/overwrite.perf.data.zst")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(result.stdout.count("same "), 5, result.stdout)
        self.assertEqual(re.findall(r" 0 of \d+ stacks", result.stdout), [], result.stdout)

    def without_stacks(self, folder, word):
        program = pathlib.Path(folder) / "pgflame"
        program.write_text(WITHOUT_STACKS.format(pgflame=os.environ["PGFLAME"], word=word),
                           encoding="utf-8")
        program.chmod(0o755)
        return program

    def test_the_comparison_notices_lost_stacks(self):
        with tempfile.TemporaryDirectory(prefix="pgflame-live-") as folder:
            program = self.without_stacks(folder, "convert")
            for name in ("pg15-fp-deform.perf.data.zst", "format-pipe-zstd.perf.data"):
                result = run("compare_with_perf_script.py", TESTS / "golden/input" / name,
                             pgflame=str(program))
                self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
                self.assertIn("DIFFER " + name, result.stdout)

    def test_what_perf_cannot_read_is_named_and_not_taken_for_compared(self):
        truncated = TESTS / "golden/input/format-truncated.perf.data.zst"
        result = compare(truncated)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertRegex(result.stdout, f"^not compared: {re.escape(truncated.name)}: perf script")

    def test_every_difference_between_walks_of_copied_stacks_has_a_reason(self):
        with tempfile.TemporaryDirectory(prefix="pgflame-live-") as folder:
            capture = os.path.join(folder, "perf.data")
            subprocess.run([sys.executable, str(TESTS / "bench/record_load.py"), capture, "2", "199",
                            "dwarf,32768"], check=True)
            result = run("explain_unwinding.py", "--comm", "postgres", capture)
            self.is_libdwfls(run("compare_with_libdwfl.py", "--comm", "postgres", capture))
            wrong = run("compare_with_libdwfl.py", "--comm", "postgres", capture,
                        pgflame=str(self.without_stacks(folder, "table")))
            self.assertEqual(wrong.returncode, 1, wrong.stdout + wrong.stderr)
        same = re.search(r"perf\.data: (\d+) the same", result.stdout)
        self.assertIsNotNone(same, result.stdout + result.stderr)
        without = sum(map(int, re.findall(r"^  (\d+) .*: not explained$", result.stdout, re.M)))
        # perf's library errs now and then.
        self.assertLess(without, 1 + 0.02 * int(same[1]), result.stdout)

    def test_a_committed_capture_of_copied_stacks_is_walked_as_libdwfl_walks_it(self):
        capture = TESTS / "golden/dwarf/pg18-dwarf-deform.perf.data.zst"
        with tempfile.TemporaryDirectory(prefix="pgflame-live-") as folder:
            # Where the server was when it was recorded.
            os.makedirs(os.path.join(folder, "opt", "pg"))
            os.symlink(os.path.dirname(os.path.abspath(bindir_of(18))),
                       os.path.join(folder, "opt", "pg", "18"))
            result = run("compare_with_libdwfl.py", "--symfs", folder, capture)
            tables = as_json(str(capture), "--raw", "--symfs", folder)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn(": 788 of 788 stacks are libdwfl's", result.stdout)
        # All go through main() to its caller in the C library, which is not there.
        self.assertEqual(collections.Counter(outermost_files(tables)),
                         {"/usr/lib/x86_64-linux-gnu/libc.so.6": 788})

    def is_libdwfls(self, result):
        """Wherever the dump suffices the stacks are libdwfl's; where they end earlier, a reason is named."""
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        equal, samples = map(int, re.search(r"perf\.data: (\d+) of (\d+) stacks", result.stdout).groups())
        print(f"{equal} of {samples} stacks are libdwfl's ... ", end="", flush=True)
        self.assertGreater(samples, 100)
        self.assertGreater(equal, 0.9 * samples, result.stdout)

