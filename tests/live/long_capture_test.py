"""The memory that a report takes grows with what is different in a capture, not with its length."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parent.parent / "bench"


def peak_of_report(capture):
    with subprocess.Popen([os.environ["PGFLAME"], "report", capture, "-o", capture, "--force"],
                          stdout=subprocess.DEVNULL) as process:
        status, usage = os.wait4(process.pid, 0)[1:]
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise AssertionError(f"pgflame report exits with {process.returncode}")
    return usage.ru_maxrss


class LongCaptures(unittest.TestCase):
    def of_kind(self, rate, call_graph):
        with tempfile.TemporaryDirectory(prefix="pgflame-live-", dir="/tmp") as folder:
            short, long = os.path.join(folder, "short.data"), os.path.join(folder, "long.data")
            subprocess.run([sys.executable, BENCH / "record_load.py", short, "5", rate, call_graph],
                           check=True)
            subprocess.run([sys.executable, BENCH / "multiply_capture.py", short, long, "5"],
                           check=True)
            peaks = [peak_of_report(path) for path in (short, short, long)]
            print(f"{call_graph}: {os.path.getsize(short) >> 20} MB: {peaks[1] >> 10} MiB, "
                  f"{os.path.getsize(long) >> 20} MB: {peaks[2] >> 10} MiB ... ", end="", flush=True)
        self.assertLess(peaks[2], 1.3 * peaks[1])  # the first one may fill the caches of names

    def test_copied_stacks_are_let_go_of(self):
        self.of_kind("1999", "dwarf,8192")

    def test_frame_pointers(self):
        self.of_kind("4999", "fp")


if __name__ == "__main__":
    unittest.main()
