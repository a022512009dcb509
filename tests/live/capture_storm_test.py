"""Very many very short sessions."""
import os
import signal
import time
import unittest

from cluster import Cluster
from pprof import Capture
from recorder import Recorder

SECONDS = int(os.environ.get("PGFLAME_TEST_SECONDS", "6"))
LIVED_NS = 20_000_000
SYSTEM = ("postmaster", "checkpointer", "background writer", "walwriter", "stats collector",
          "logical replication launcher")


class Storm(unittest.TestCase):
    def test_whoever_lives_20_ms_is_named_and_memory_stays_bounded(self):
        with Cluster(settings={"max_connections": "300"}) as cluster, Recorder() as recorder:
            cluster.psql("create role alice superuser login")
            with cluster.pgbench("-n", "-C", "-f", self.script(recorder), "-c", "40", "-j",
                                 "4", "-T", str(SECONDS + 60), "-U", "alice"):
                time.sleep(1)
                recording = recorder.record("-p", str(cluster.pid), f"{SECONDS}s", "--max-cpu", "0")
                self.assertEqual(recording.code, 0, recording.stderr)
                capture = Capture(recording.capture)
        lived = {}
        for sample in capture.samples:
            running = sample["state"] == "running"
            lived[sample["pid"]] = (lived.get(sample["pid"], 0) +
                                    sample["values"][1 if running else -1])
        backends = {row["pid"]: row for row in capture.metadata["backends"]}
        long = [backends[pid] for pid, nanoseconds in lived.items() if nanoseconds >= LIVED_NS]
        self.assertGreater(len(long), 100 * SECONDS)
        nameless = [row for row in long if not (row["type"] and row["user"] and row["database"])
                    and row["type"] not in SYSTEM]
        self.assertEqual(nameless, [])
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

    def script(self, recorder):
        path = recorder.base() + ".sql"
        with open(path, "w") as out:
            out.write("select 1;")
        return path


if __name__ == "__main__":
    unittest.main()
