"""Sessions that change their application_name, as poolers make them do for each client."""
import time
import unittest

from cluster import Cluster
from pprof import Capture
from recorder import Recorder
from servers import bindir_of
from sessions import Session

FILTERED = 7  # index of that loss (src/profile/profile.h)
# Each statement runs under one name only, so each sample tells which name is right.
LOAD = """set application_name = 'alpha';
select count(*) from generate_series(1, 60000) i;
select pg_sleep(0.006);
set application_name = 'omega';
select count(*), 1 from generate_series(1, 20000) i;
select pg_sleep(0.002), 1;
"""
NAME_OF = {"select count(*) from generate_series($1, $2) i": "alpha",
           "select pg_sleep($1)": "alpha",
           "select count(*), $1 from generate_series($2, $3) i": "omega",
           "select pg_sleep($1), $2": "omega"}


class Applications(unittest.TestCase):
    def names_by_statement(self, capture, value, states):
        """{statement: {application: sum}}, of those that know theirs."""
        texts = {query["id"]: query["text"].rstrip(";") for query in capture.metadata["queries"]}
        sums = {}
        for (query, name, state), amount in capture.total(
                ["query_id", "application", "state"], value).items():
            text = texts.get((query or 0) % (1 << 64))
            if state in states and text in NAME_OF and amount > 0:
                names = sums.setdefault(text, {})
                names[name] = names.get(name, 0) + amount
        return sums

    def check(self, major):
        settings = {} if major == 13 else {"compute_query_id": "on"}
        with Cluster(bindir_of(major), settings) as cluster, Recorder() as recorder, \
                cluster.psql_loop(LOAD, clients=2):
            time.sleep(1)
            recording = recorder.record("-p", str(cluster.pid), "3s", "-F", "499", "--max-cpu", "0")
            self.assertEqual(recording.code, 0, recording.stderr)
            only = recorder.record("-p", str(cluster.pid), "2s", "--application", "omega",
                                   "--max-cpu", "0")
            self.assertEqual(only.code, 0, only.stderr)
            again = recorder.report(recording.capture, "--application", "alpha")
            self.assertEqual(again.code, 0, again.stderr)
            names = [row["name"] for row in again.json["applications"]]
            capture, selected = Capture(recording.capture), Capture(only.capture)
        self.assertEqual(names, ["alpha"])
        on_cpu = self.names_by_statement(capture, 0, {"running"})
        self.assertEqual({text: set(names) for text, names in on_cpu.items()
                          if "generate_series" in text},
                         {text: {name} for text, name in NAME_OF.items()
                          if "generate_series" in text})
        off_cpu = self.names_by_statement(capture, -1, {"runnable", "waiting"})
        self.assertLessEqual({"select pg_sleep($1)", "select pg_sleep($1), $2"}, set(off_cpu))
        for text, names in off_cpu.items():
            self.assertGreater(names.get(NAME_OF[text], 0), 0.99 * sum(names.values()),
                               (text, names))
        self.assertEqual({sample.get("application") for sample in selected.samples}, {"omega"})
        self.assertGreater(selected.recording["losses"][FILTERED], 0)

    def test_13(self):
        self.check(13)

    def test_15(self):
        self.check(15)

    def test_18(self):
        self.check(18)

    def test_a_wait_that_was_open_at_the_start_goes_by_the_name_of_then(self):
        with Cluster() as cluster, Recorder() as recorder, Session(cluster, "before") as session:
            session.send("select pg_sleep(600);")
            base, child = recorder.start("-p", str(cluster.pid))  # no duration
            time.sleep(4)
            cluster.psql(f"select pg_cancel_backend({session.pid})")
            session.send("set application_name = 'after';")
            session.send("select pg_sleep(600);")
            time.sleep(3)
            child.terminate()
            recording = recorder.finish(base, child)
            self.assertEqual(recording.code, 0, recording.stderr)
            capture = Capture(recording.capture)
        slept = {name: time_ns for (pid, state, name), time_ns in
                 capture.total(["pid", "state", "application"]).items()
                 if (pid, state) == (session.pid, "waiting")}
        self.assertEqual(set(slept), {"before", "after"})
        self.assertGreater(min(slept.values()), 1e9)
        self.assertAlmostEqual(sum(slept.values()) / capture.recording["duration_ns"], 1,
                               delta=0.02)


if __name__ == "__main__":
    unittest.main()
