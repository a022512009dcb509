"""What `pgflame record` promises about targets, time, and endings."""
import contextlib
import gzip
import os
import signal
import subprocess
import time
import unittest

from cluster import Cluster
from recorder import Recorder

BUSY = "select count(*) from generate_series(1, 200000) i where i % 7 = 3;"


class Record(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.cluster = stack.enter_context(Cluster())
            cls.recorder = stack.enter_context(Recorder())
            cls.addClassCleanup(stack.pop_all().close)

    def assert_complete(self, recording):
        self.assertEqual(recording.code, 0, recording.stderr)
        self.assertTrue(recording.svg.rstrip().endswith("</svg>"))
        with gzip.open(recording.capture) as capture:
            self.assertGreater(len(capture.read()), 100)

    def test_a_warning_says_that_raw_query_texts_are_stored(self):
        with self.cluster.psql_loop(BUSY):
            time.sleep(0.5)
            raw = self.recorder.record("-p", str(self.cluster.pid), "1s", "--query-text", "raw")
            other = self.recorder.record("-p", str(self.cluster.pid), "1s")
        warning = "Warning: query texts are stored with their literals"
        self.assertIn(warning, raw.stdout)
        self.assertIn(warning, " ".join(raw.json["recording"]["notes"]))
        self.assertNotIn("Warning:", other.stdout)

    def test_every_way_to_name_the_target_records_it(self):
        with self.cluster.psql_loop(BUSY):
            time.sleep(0.5)
            backend = self.cluster.psql("select pid from pg_stat_activity where query like "
                                        "'select count%' and pid <> pg_backend_pid() limit 1")
            for target in ("postgres", str(self.cluster.pid), backend, self.cluster.datadir,
                           f"{self.cluster.pid},{backend}"):
                with self.subTest(target=target):
                    recording = self.recorder.record("-p", target, "1500ms")
                    self.assert_complete(recording)
                    self.assertGreater(recording.json["accounting"]["captured"], 50)

    def test_backends_that_connect_while_recording_are_sampled_and_named(self):
        for sampler in ("bpf", "perf"):
            with self.subTest(sampler=sampler):
                base, child = self.recorder.start("-p", str(self.cluster.pid), "6s",
                                                  "--sampler", sampler, "--mode", "cpu")
                time.sleep(1.5)
                started = time.monotonic()
                while time.monotonic() - started < 3:  # each connects, works and exits
                    self.cluster.psql(BUSY)
                recording = self.recorder.finish(base, child)
                self.assert_complete(recording)
                accounting = recording.json["accounting"]
                self.assertGreater(accounting["running"], 50)
                self.assertLess(accounting["unnamed"], accounting["running"] * 0.1)
                types = {row["name"]: row["share"] for row in recording.json["backend_types"]}
                self.assertGreater(types.get("client backend", 0), 0.6, types)
                self.assertAlmostEqual(sum(types.values()), 1, places=2)

    def test_an_interrupt_ends_in_a_complete_report(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number), self.cluster.psql_loop(BUSY):
                base, child = self.recorder.start("-p", "postgres")  # no duration: until stopped
                time.sleep(2.5)
                child.send_signal(number)
                self.assert_complete(self.recorder.finish(base, child, timeout=20))

    def test_postgres_stopping_while_recording_loses_nothing(self):
        with Cluster() as short_lived:
            with short_lived.psql_loop(BUSY):
                base, child = self.recorder.start("-p", str(short_lived.pid), "30s")
                time.sleep(2.5)
            short_lived._as_server("pg_ctl", "-D", short_lived.datadir, "-m", "immediate", "stop")
            recording = self.recorder.finish(base, child, timeout=20)
        self.assert_complete(recording)
        self.assertGreater(recording.json["accounting"]["captured"], 50)

    def test_a_saved_capture_gives_the_same_report(self):
        with self.cluster.psql_loop(BUSY):
            recording = self.recorder.record("-p", str(self.cluster.pid), "2s")
        again = self.recorder.report(recording.capture)
        self.assertEqual(again.code, 0, again.stderr)
        for part in ("accounting", "activities", "findings", "verdict"):
            self.assertEqual(again.json[part], recording.json[part])

    def test_go_tool_pprof_agrees_on_totals_and_top_functions(self):
        with self.cluster.psql_loop(BUSY):
            recording = self.recorder.record("-p", str(self.cluster.pid), "2s", "--mode", "cpu")
        top = subprocess.run(["go", "tool", "pprof", "-top", "-nodecount=400",
                              "-sample_index=samples", recording.capture],
                             capture_output=True, text=True, check=True,
                             env={**os.environ, "HOME": self.recorder.folder})
        rows = [line.split(None, 5) for line in top.stdout.splitlines() if line[:1] == " "]
        flat = {}
        for row in rows:
            if row[0].isdigit():
                flat[row[5].replace(" (inline)", "")] = int(row[0])
        accounting = recording.json["accounting"]
        self.assertIn(f"of {accounting['running']} total", top.stdout)
        self.assertNotIn("{", top.stdout.split("flat%")[0])  # what is ours stays out of sight
        for function in recording.json["functions"][:8]:
            with self.subTest(function=function["name"]):
                self.assertEqual(flat[function["name"]], function["samples"])

    def test_a_saved_file_is_kept_unless_forced(self):
        with self.cluster.psql_loop(BUSY):
            first = self.recorder.record("-p", str(self.cluster.pid), "1s")
            again = self.recorder.run("record", "-p", str(self.cluster.pid), "1s", "-o", first.base)
            forced = self.recorder.run("record", "-p", str(self.cluster.pid), "1s", "-o",
                                       first.base, "--force")
        self.assertEqual(again.returncode, 2)
        self.assertIn("--force", again.stderr)
        self.assertEqual(forced.returncode, 0, forced.stderr)


if __name__ == "__main__":
    unittest.main()
