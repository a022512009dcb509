"""What pgflame reads from a capture is what perf script prints, sample for sample."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent


def compare(*captures):
    return subprocess.run(
        [sys.executable, str(TESTS / "input/compare_with_perf_script.py"), os.environ["PGFLAME"],
         *map(str, captures)],
        capture_output=True, text=True, check=False)


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
