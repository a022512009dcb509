"""Very many very short sessions."""
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

from cluster import Cluster
from pprof import Capture
from recorder import Recorder

SECONDS = int(os.environ.get("PGFLAME_TEST_SECONDS", "6"))
CLIENTS = 40
LIVED_NS = 20_000_000
BORN_NS = 1_000_000
SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"
SYSTEM = ("postmaster", "checkpointer", "background writer", "walwriter", "stats collector",
          "logical replication launcher")


class Sessions:
    """`count` sessions of alice at any time, each followed by the next."""
    def __init__(self, cluster, count):
        self.command = [sys.executable, SUPPORT / "connection_storm.py",
                        f"{cluster.env['PGHOST']}/.s.PGSQL.{cluster.port}", "alice", str(count)]

    def __enter__(self):
        self.began = time.monotonic()
        self.child = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.child.terminate()
        ended, refused = self.child.communicate()[0].split()
        self.per_second = int(ended) / (time.monotonic() - self.began)
        self.refused = int(refused)


class Storm(unittest.TestCase):
    def test_whoever_lives_20_ms_is_named_and_memory_stays_bounded(self):
        with Cluster(settings={"max_connections": "300"}) as cluster, Recorder() as recorder:
            cluster.psql("create role alice superuser login")
            with Sessions(cluster, CLIENTS) as storm:
                time.sleep(1)
                recording = recorder.record("-p", str(cluster.pid), f"{SECONDS}s", "--max-cpu", "0")
            self.assertEqual(recording.code, 0, recording.stderr)
            capture = Capture(recording.capture)
        self.assertEqual(storm.refused, 0)
        print(f"{storm.per_second:.0f} sessions a second")
        long = [row for row in capture.metadata["backends"] if row["lifetime_ns"] >= LIVED_NS]
        # Enough to say something; the faster the machine, the fewer live so long.
        self.assertGreater(len(long), 20 * SECONDS)
        nameless = [row for row in long if not (row["type"] and row["user"] and row["database"])
                    and row["type"] not in SYSTEM]
        # Those that are still being born when the recording ends have no name yet: one per client.
        self.assertEqual([row for row in nameless if row["on_cpu_ns"] > BORN_NS], [])
        self.assertLessEqual(len(nameless), CLIENTS)
        self.assertLess(capture.recording["cost"]["peak_rss_bytes"], 128 << 20)
        self.assertEqual(capture.recording["losses"][0], 0)
        self.assertAlmostEqual(capture.accounted(), 1, delta=0.02)

    def test_lost_ends_of_waits_are_no_births_and_deaths(self):
        with Cluster() as cluster, Recorder() as recorder, \
                cluster.psql_loop("select count(*) from generate_series(1, 50000) i;\n"
                                  "select pg_sleep(0.01);", clients=40):
            time.sleep(1)
            base, child = recorder.start("-p", str(cluster.pid), "20s", "-F", "10000", "--max-cpu",
                                         "0")
            time.sleep(6)
            os.kill(child.pid, signal.SIGSTOP)
            try:
                time.sleep(12)
            finally:
                os.kill(child.pid, signal.SIGCONT)
            recording = recorder.finish(base, child)
            self.assertEqual(recording.code, 0, recording.stderr)
            notes = " ".join(recording.json["recording"]["notes"])
        self.assertIn("ends of waits found no room", notes)
        self.assertNotIn("births", notes)


if __name__ == "__main__":
    unittest.main()
