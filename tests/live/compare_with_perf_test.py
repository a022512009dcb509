"""What pgflame reads from a capture is what perf script prints, sample for sample."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, str(TESTS / "input" / script), os.environ["PGFLAME"], *map(str, arguments)],
        capture_output=True, text=True, check=False)


def compare(*captures):
    return run("compare_with_perf_script.py", *captures)


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

    def test_every_difference_between_walks_of_copied_stacks_has_a_reason(self):
        with tempfile.TemporaryDirectory(prefix="pgflame-live-") as folder:
            capture = os.path.join(folder, "perf.data")
            subprocess.run([sys.executable, str(TESTS / "bench/record_load.py"), capture, "2", "199",
                            "dwarf,32768"], check=True)
            result = run("explain_unwinding.py", "--comm", "postgres", capture)
        same = re.search(r"perf\.data: (\d+) the same", result.stdout)
        self.assertIsNotNone(same, result.stdout + result.stderr)
        without = sum(map(int, re.findall(r"^  (\d+) .*: not explained$", result.stdout, re.M)))
        # perf's library errs now and then.
        self.assertLess(without, 1 + 0.02 * int(same[1]), result.stdout)
