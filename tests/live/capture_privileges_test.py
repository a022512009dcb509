"""With which privileges recording works, what it says without them, and what it keeps of them."""
import contextlib
import json
import os
import shutil
import subprocess
import time
import unittest

from cluster import Cluster
from pprof import Capture
from recorder import Recorder

BUSY = "select count(*) from generate_series(1, 200000) i where i % 7 = 3;"
PARANOID = "/proc/sys/kernel/perf_event_paranoid"
KPTR_RESTRICT = "/proc/sys/kernel/kptr_restrict"
NEEDED = ("bpf", "perfmon", "sys_ptrace")
# Numbers of include/uapi/linux/capability.h.
DAC_READ_SEARCH, SYS_PTRACE, SYSLOG, PERFMON, CHECKPOINT_RESTORE = 2, 19, 34, 38, 40


@contextlib.contextmanager
def sysctl(path, value):
    with open(path) as setting:
        before = setting.read()
    with open(path, "w") as setting:
        setting.write(str(value))
    try:
        yield
    finally:
        with open(path, "w") as setting:
            setting.write(before)


class Privileges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.cluster = stack.enter_context(Cluster())
            cls.recorder = stack.enter_context(Recorder())
            stack.enter_context(cls.cluster.psql_loop(BUSY))
            cls.addClassCleanup(stack.pop_all().close)
        # Where nobody may execute it and write.
        os.chmod(cls.recorder.folder, 0o777)
        cls.program = os.path.join(cls.recorder.folder, "pgflame")
        shutil.copy(cls.recorder.pgflame, cls.program)
        os.chmod(cls.program, 0o755)

    def record_as_nobody(self, capabilities, *arguments):
        base = self.recorder.base()
        sets = ",".join(["-all"] + ["+" + name for name in capabilities])
        done = subprocess.run(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
             "--inh-caps=" + sets, "--ambient-caps=" + sets, self.program, "record", "-p",
             str(self.cluster.pid), "1s", "-o", base, "--json", base + ".json", *arguments],
            capture_output=True, text=True, cwd=self.recorder.folder, timeout=60, check=False)
        return base, done

    def test_three_capabilities_are_enough_however_paranoid_the_kernel_is(self):
        with sysctl(PARANOID, 4):
            base, done = self.record_as_nobody(NEEDED, "--sampler", "bpf")
        self.assertEqual(done.returncode, 0, done.stderr)
        capture = Capture(base + ".pb.gz")
        self.assertEqual(capture.recording["sampler"], "bpf")
        self.assertGreater(sum(capture.total(["pid"], 0).values()), 5)
        self.assertAlmostEqual(capture.accounted(), 1, delta=0.005)
        self.assertIn("this process lacks CAP_SYSLOG", " ".join(capture.recording["notes"]))
        with open(base + ".json") as report:
            self.assertTrue(json.load(report)["activities"])

    def test_without_capabilities_the_message_names_those_that_are_missing(self):
        for capabilities, missing in (((), "CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE"),
                                      (("bpf", "perfmon"), "CAP_SYS_PTRACE"),
                                      (("bpf", "sys_ptrace"), "CAP_PERFMON")):
            with self.subTest(capabilities=capabilities):
                _, done = self.record_as_nobody(capabilities)
                self.assertEqual(done.returncode, 1)
                self.assertIn("lacks " + missing, done.stderr)
                self.assertIn("sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace", done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 2, done.stderr)

    @staticmethod
    def kernel_functions(capture):
        """How many functions of the kernel have a name and how many have none."""
        modules, columns = capture.metadata["modules"], capture.metadata["functions"]
        unnamed = [reason != 0 for module, reason in zip(columns["module"], columns["unnamed"])
                   if module >= 0 and modules[module]["kind"] == "kernel"]
        return unnamed.count(False), unnamed.count(True)

    def test_what_hides_the_names_of_kernel_functions_is_named(self):
        with sysctl(KPTR_RESTRICT, 2):
            hidden = self.recorder.record("-p", str(self.cluster.pid), "1s")
        note = "Kernel functions have no names: sysctl kernel.kptr_restrict is 2"
        self.assertIn(note, " ".join(Capture(hidden.capture).recording["notes"]))
        self.assertIn(note, hidden.stdout)
        named, unnamed = self.kernel_functions(Capture(hidden.capture))
        self.assertEqual(named, 0)
        self.assertGreater(unnamed, 0)
        shown = self.recorder.record("-p", str(self.cluster.pid), "1s")
        self.assertNotIn("Kernel functions", " ".join(Capture(shown.capture).recording["notes"]))
        named, unnamed = self.kernel_functions(Capture(shown.capture))
        self.assertGreater(named, unnamed)

    def test_perf_does_without_bpf_and_says_why(self):
        base, done = self.record_as_nobody(("perfmon", "sys_ptrace"))
        self.assertEqual(done.returncode, 0, done.stderr)
        recording = Capture(base + ".pb.gz").recording
        self.assertEqual(recording["sampler"], "perf")
        self.assertIn("this process lacks CAP_BPF", recording["sampler_reason"])

    def test_root_keeps_only_what_reading_proc_takes(self):
        base, child = self.recorder.start("-p", str(self.cluster.pid), "3s")
        time.sleep(2)
        with open(f"/proc/{child.pid}/status") as status:
            rows = {name: value.strip() for name, _, value in
                    (line.partition(":") for line in status)}
        recording = self.recorder.finish(base, child)
        self.assertEqual(recording.code, 0, recording.stderr)
        kept = sum(1 << number for number in (DAC_READ_SEARCH, SYS_PTRACE, SYSLOG, PERFMON,
                                              CHECKPOINT_RESTORE))
        for name in ("CapEff", "CapPrm"):
            self.assertEqual(int(rows[name], 16) & ~kept, 0, rows[name])
        self.assertEqual(int(rows["CapEff"], 16) & (1 << SYS_PTRACE), 1 << SYS_PTRACE)
        self.assertEqual(rows["NoNewPrivs"], "1")

    def test_root_writes_the_report_into_another_users_folder(self):
        folder = os.path.join(self.recorder.folder, "theirs")
        os.mkdir(folder, 0o700)
        shutil.chown(folder, "nobody", "nogroup")
        done = self.recorder.run("record", "-p", str(self.cluster.pid), "1s", "-o",
                                 os.path.join(folder, "report"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(folder)), ["report.pb.gz", "report.svg"])


if __name__ == "__main__":
    unittest.main()
