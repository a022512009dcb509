"""samples/demo.sh leaves a report and a capture, and nothing else; interrupted, nothing at all."""
import glob
import os
import signal
import subprocess
import tempfile
import time
import unittest

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "samples")


def running_in(folder):
    """Command lines of the processes that speak of the folder."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as cmdline:
                line = cmdline.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


class Demo(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="pgflame-demo-"))
        self.before = set(glob.glob("/tmp/pgflame-pg-*"))

    def start(self, seconds):
        return subprocess.Popen([os.path.join(SAMPLES, "demo.sh"), str(seconds)],
                                cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, start_new_session=True)

    def own_clusters(self, child):
        """The temporary clusters that were made since and belong to this demo."""
        made = set(glob.glob("/tmp/pgflame-pg-*")) - self.before
        return [folder for folder in made if str(child.pid) in self.owners(folder)]

    @staticmethod
    def owners(folder):
        pids = subprocess.run(["pgrep", "-f", folder], capture_output=True, text=True, check=False)
        parents = subprocess.run(["ps", "-o", "ppid=", "-p", pids.stdout.replace("\n", ",") + "1"],
                                 capture_output=True, text=True, check=False)
        return parents.stdout.split()

    def test_the_demo_leaves_a_report_and_a_capture(self):
        child = self.start(3)
        output, _ = child.communicate(timeout=120)
        self.assertEqual(child.returncode, 0, output)
        self.assertEqual(sorted(os.listdir(self.folder)), ["pgflame-demo.pb.gz", "pgflame-demo.svg"])
        for name in os.listdir(self.folder):
            self.assertIn(name, output)

    def test_an_interrupted_demo_leaves_nothing_behind(self):
        child = self.start(60)
        deadline = time.monotonic() + 60
        clusters = []
        while time.monotonic() < deadline and not clusters:  # until its load is running
            time.sleep(0.5)
            clusters = self.own_clusters(child)
        self.assertTrue(clusters, "the demo started no cluster")
        time.sleep(3)
        os.killpg(child.pid, signal.SIGINT)  # as Ctrl-C does
        child.communicate(timeout=60)
        for folder in clusters:
            self.assertFalse(os.path.exists(folder), folder)
            self.assertEqual(running_in(folder), [])


if __name__ == "__main__":
    unittest.main()
