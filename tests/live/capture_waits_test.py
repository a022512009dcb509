"""What the BPF sampler says about waiting time and about who does what, against what PostgreSQL
itself says."""
import contextlib
import subprocess
import time
import unittest

from cluster import Cluster
from pprof import Capture
from processes import CpuTime
from recorder import Recorder
from servers import bindir_of
from sessions import Session

ID_ON = {"compute_query_id": "on"}
IDLE, WAITING, RUNNING = "idle", "waiting", "running"
CLIENT_READ, PG_SLEEP_15, TRANSACTIONID = 0x06000000, 0x09000002, 0x03000005


class Waits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.cluster = stack.enter_context(Cluster(settings=ID_ON))
            cls.recorder = stack.enter_context(Recorder())
            cls.addClassCleanup(stack.pop_all().close)
        cls.cluster.psql("create database shop; create role alice superuser login;"
                         "create table one as select 1 as a")
        cls.cluster.pgbench_init(2)

    def record(self, *arguments):
        recording = self.recorder.record("-p", str(self.cluster.pid), *arguments)
        self.assertEqual(recording.code, 0, recording.stderr)
        return Capture(recording.capture)

    def shares_of(self, capture, pid):
        sums = capture.total(["pid", "state", "wait_event"])
        mine = {key[1:]: value for key, value in sums.items() if key[0] == pid and value > 0}
        whole = sum(mine.values())
        return {key: value / whole for key, value in mine.items()}

    def test_sleepers_blocked_and_idle_sessions_are_called_what_they_are(self):
        with Session(self.cluster, "sleeper") as sleeper, \
                Session(self.cluster, "holder") as holder, \
                Session(self.cluster, "blocked") as blocked:
            sleeper.send("select pg_sleep(60);")
            holder.send("begin; update one set a = 2;")
            time.sleep(0.5)
            blocked.send("update one set a = 3;")
            time.sleep(0.5)
            capture = self.record("3s")
            polled = dict(line.split("|") for line in self.cluster.psql(
                "select pid, wait_event from pg_stat_activity where wait_event is not null"
                " and pid in (%d, %d, %d)" % (sleeper.pid, holder.pid, blocked.pid)).splitlines())
        self.assertEqual(polled, {str(sleeper.pid): "PgSleep", str(holder.pid): "ClientRead",
                                  str(blocked.pid): "transactionid"})
        for session, expected in ((sleeper, (WAITING, PG_SLEEP_15)),
                                  (holder, (IDLE, CLIENT_READ)),
                                  (blocked, (WAITING, TRANSACTIONID))):
            self.assertGreater(self.shares_of(capture, session.pid).get(expected, 0), 0.99)
        backends = {row["pid"]: row for row in capture.metadata["backends"]}
        self.assertEqual(backends[sleeper.pid]["application"], "sleeper")
        texts = {query["text"] for query in capture.metadata["queries"]}
        self.assertIn("update one set a = $1;", texts)
        self.assertTrue(any(text.startswith("select pg_sleep($1)") for text in texts))

    def test_waits_belong_to_statements_that_have_no_query_id_too(self):
        self.cluster.psql("create database plain")
        self.cluster.psql("alter database plain set compute_query_id = off")
        with Session(self.cluster, "sleeper", "plain") as sleeper, self.cluster.psql_loop(
                "select pg_sleep(0.03) as three;\nselect pg_sleep(0.01) as one;",
                database="plain"):
            sleeper.send("select pg_sleep(60) as whole;")
            time.sleep(1)
            capture = self.record("8s")
        texts = {query["id"]: query["text"].rstrip(";").split()[-1]
                 for query in capture.metadata["queries"] if query["id_is_text_hash"]}
        slept = {}
        for (query, event), value in capture.total(["query_id", "wait_event"]).items():
            if query is not None and event == PG_SLEEP_15 and query % (1 << 64) in texts:
                slept[texts[query % (1 << 64)]] = value
        whole = capture.recording["duration_ns"]
        self.assertAlmostEqual(slept["whole"] / whole, 1, delta=0.01)
        self.assertAlmostEqual((slept["three"] + slept["one"]) / whole, 1, delta=0.1)
        # Divided by a random choice of the waits: a deviation of 0.02 where sleepers wake up in time,
        # and less than 0.75 where they do not. By their number it would be 0.5.
        self.assertAlmostEqual(slept["three"] / (slept["three"] + slept["one"]), 0.75, delta=0.17)

    def test_every_nanosecond_of_every_backend_is_accounted_for(self):
        with self.cluster.pgbench("-n", "-S", "-c", "8", "-T", "60"):
            time.sleep(1)
            capture = self.record("4s")
        self.assertAlmostEqual(capture.accounted(), 1.0, delta=0.02)
        on_cpu = capture.recording["on_cpu_ns"]
        self.assertAlmostEqual(capture.total(["state"], 1)[(RUNNING,)] / on_cpu, 1, delta=0.001)
        self.assertTrue(capture.agrees_with_scheduler(),
                        (capture.running(), capture.expected(), capture.scheduled()))
        self.assertEqual(capture.recording["losses"][0], 0)

    def test_each_backend_is_accounted_for_with_its_own_time_on_the_cpu(self):
        busy = "select count(*) from generate_series(1, 200000) i where i % 7 = 3;"
        with self.cluster.psql_loop(busy, clients=3), \
                self.cluster.psql_loop("select pg_sleep(0.3);"), \
                self.cluster.pgbench("-n", "-S", "-c", "2", "-T", "60"):
            time.sleep(1)
            recording = self.recorder.record("-p", str(self.cluster.pid), "4s")
        self.assertEqual(recording.code, 0, recording.stderr)
        capture = Capture(recording.capture)
        sums = capture.total(["pid", "state"])
        cpu = capture.total(["pid", "state"], 1)
        long = [row for row in capture.metadata["backends"] if row["lifetime_ns"] > 1e9]
        self.assertGreater(len(long), 6)
        alone = 4 / capture.recording["event"]["rate_hz"] * 1e9
        for row in long:
            pid, on_cpu = row["pid"], row["on_cpu_ns"]
            off = sum(value for (who, state), value in sums.items()
                      if who == pid and state != RUNNING)
            self.assertAlmostEqual((on_cpu + off) / row["lifetime_ns"], 1, delta=0.005, msg=row)
            if on_cpu > alone:  # else its samples share their time with others as short
                self.assertAlmostEqual(cpu.get((pid, RUNNING), 0) / on_cpu, 1, delta=0.01, msg=row)
        # The sleeper runs for too short a time to have samples of its own.
        self.assertTrue(any(0 < row["on_cpu_ns"] <= alone for row in long), long)
        self.assertEqual(sum(row["lifetime_ns"] for row in capture.metadata["backends"]),
                         capture.recording["lifetime_ns"])
        # The report says the same of each.
        told = {row["pid"]: row for row in recording.json["backends"]}
        shown = [row for row in long if row["pid"] in told]
        self.assertGreaterEqual(len(shown), 4)
        for row in shown:
            states = sum(told[row["pid"]][name] for name in ("running", "runnable", "waiting", "idle",
                                                             "rest"))
            self.assertEqual(states, row["lifetime_ns"])
            self.assertEqual(told[row["pid"]]["running"], row["on_cpu_ns"])
        self.assertIn("largest rest", recording.json["accounting"]["line"])

    def test_the_waits_of_many_writers_have_statements_and_stacks(self):
        with self.cluster.pgbench("-n", "-c", "32", "-T", "60"):
            time.sleep(1)
            capture = self.record("8s")
        waiting = [sample for sample in capture.samples if sample["state"] == "waiting"]
        total = sum(sample["values"][-1] for sample in waiting)

        def share(wanted):
            return sum(sample["values"][-1] for sample in waiting if wanted(sample)) / total
        self.assertGreater(share(lambda sample: "query_id" in sample), 0.95)
        self.assertGreater(share(lambda sample: sample["locations"]), 0.85)

    def time_by_text(self, capture, pid, state, wait_event):
        """Seconds of a session's time by statement, whose text may be not known."""
        texts = {query["id"]: query["text"] for query in capture.metadata["queries"]}
        found = capture.total(["pid", "state", "wait_event", "query_id"])
        return {texts.get((key[3] or 0) % (1 << 64), ""): ns / 1e9 for key, ns in found.items()
                if key[:3] == (pid, state, wait_event)}

    def test_a_long_wait_is_not_taken_for_the_many_short_ones_before_it(self):
        # More naps than are looked at, of all sessions together: the long one seldom is.
        nap = ("do $$ declare until timestamptz := clock_timestamp() + interval '5 s'; begin "
               "while clock_timestamp() < until loop perform pg_sleep(0.00005); end loop; end $$;")
        with self.cluster.psql_loop(nap, clients=24), Session(self.cluster, "napper") as napper:
            time.sleep(2)
            napper.send(nap + "\nselect pg_sleep(5);\n" + nap)
            time.sleep(1)
            capture = self.record("12s")
        seconds = self.time_by_text(capture, napper.pid, WAITING, PG_SLEEP_15)
        long = seconds.get("select pg_sleep($1);", 0)
        self.assertAlmostEqual(long, 5, delta=0.2, msg=str(seconds))
        self.assertLess(sum(seconds.values()) - long, 8, seconds)

    def test_a_session_that_is_idle_after_a_copy_is_idle(self):
        self.cluster.psql("create unlogged table fed (a text)")
        with Session(self.cluster, "feeder") as feeder:
            base, child = self.recorder.start("-p", str(self.cluster.pid), "9s")
            feeder.send("copy fed from stdin;")
            until = time.monotonic() + 4
            while time.monotonic() < until:
                feeder.send("x" * 9000)
                time.sleep(0.0001)
            feeder.send("\\.")
            recording = self.recorder.finish(base, child)
        self.assertEqual(recording.code, 0, recording.stderr)
        capture = Capture(recording.capture)
        sums = capture.total(["pid", "state", "wait_event"])
        seconds = {key[1]: ns / 1e9 for key, ns in sums.items()
                   if key[0] == feeder.pid and key[2] == CLIENT_READ}
        self.assertGreater(seconds.get(IDLE, 0), 4, seconds)
        self.assertLess(seconds.get(WAITING, 0), 4.2, seconds)

    def test_two_queries_get_the_cpu_that_they_use(self):
        long = "select count(*) from generate_series(1, 3000000) i where i % 7 = 3"
        with self.cluster.psql_loop(long + ";", database="shop"), \
                self.cluster.psql_loop("select sum(i) from generate_series(1, 1000) i \\; "
                                       "select pg_sleep(0.02);"):
            time.sleep(1)
            capture = self.record("4s", "--mode", "cpu")
        ids = {query["text"]: query["id"] for query in capture.metadata["queries"]}
        wanted = next(value for text, value in ids.items() if "generate_series($1, $2) i where"
                      in text)
        signed = wanted - (1 << 64) if wanted >> 63 else wanted
        by_query = capture.total(["query_id", "database"], 0)
        mine = by_query.get((signed, "shop"), 0)
        self.assertGreater(mine, 0.8 * sum(by_query.values()))
        self.assertEqual({key[1] for key in by_query if key[0] == signed}, {"shop"})

    def test_parallel_workers_name_their_leader(self):
        self.cluster.psql("create table big as select i, repeat('x', 100) as t from "
                          "generate_series(1, 300000) i; analyze big")
        self.cluster.psql("alter role postgres set min_parallel_table_scan_size = 0;"
                          "alter role postgres set parallel_setup_cost = 0;"
                          "alter role postgres set parallel_tuple_cost = 0")
        with self.cluster.psql_loop("select count(*) from big where t like '%y%';"):
            time.sleep(1)
            capture = self.record("4s")
        backends = {row["pid"]: row for row in capture.metadata["backends"]}
        text = "select count(*) from big where t like $1"
        wanted = {query["id"] for query in capture.metadata["queries"]
                  if query["text"].startswith(text)}
        self.assertEqual(len(wanted), 1, capture.metadata["queries"])
        running, led, tagged = 0, 0, 0
        everybody = capture.total(["state"], 0)[(RUNNING,)]
        for sample in capture.samples:
            row = backends[sample["pid"]]
            if row["type"] != "parallel worker" or sample["state"] != RUNNING:
                continue
            count = sample["values"][0]
            running += count
            led += count * (backends.get(row["leader"], {}).get("type") == "client backend")
            tagged += count * (sample.get("query_id", 0) % (1 << 64) in wanted)
        self.assertGreater(running, 0.3 * everybody)  # two workers to a leader
        # But for workers that end before they have a title, and what comes before the plan.
        self.assertGreater(led / running, 0.9)
        self.assertGreater(tagged / running, 0.7)

    def test_waits_that_extensions_registered_go_by_their_number(self):
        with Cluster(bindir_of(18), ID_ON) as cluster:
            cluster.psql("create extension dblink")
            with Session(cluster, "asks") as asks:
                asks.send("select * from dblink('host=127.0.0.1 user=postgres dbname=postgres port="
                          f"{cluster.port}', 'select pg_sleep(60)') as t(a text);")
                time.sleep(1)
                recording = self.recorder.record("-p", str(cluster.pid), "2s")
        self.assertEqual(recording.code, 0, recording.stderr)
        numbers = {sample["wait_event"] for sample in Capture(recording.capture).samples
                   if sample["pid"] == asks.pid and sample["state"] == WAITING}
        self.assertEqual({number >> 24 for number in numbers}, {7})
        for number in numbers:
            self.assertIn(f"Extension:{number & 0xffff}", {row["wait_event"] for row in
                                                            recording.json["waits"]})
        self.assertIn("were registered by extensions",
                      " ".join(recording.json["recording"]["notes"]))

    def test_short_lived_backends_are_named(self):
        child = subprocess.Popen(
            [self.cluster.client("pgbench"), "-n", "-C", "-S", "-c", "2", "-T", "20", "-U", "alice",
             "postgres"], env=self.cluster._client_env("pgbench"), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            capture = self.record("3s", "--max-cpu", "0")
        finally:
            child.kill()
            child.wait()
        self.assertGreater(capture.running(), 0.7 * capture.expected())
        seen = [sample for sample in capture.samples if sample.get("state") == RUNNING]
        alice = sum(sample["values"][0] for sample in seen if sample.get("user") == "alice")
        clients = sum(sample["values"][0] for sample in seen
                      if sample.get("backend_type") not in ("postmaster", "background writer",
                                                            "checkpointer", "walwriter"))
        self.assertGreater(clients, 0.3 * sum(sample["values"][0] for sample in seen))
        self.assertGreater(alice, 0.5 * clients)
        self.assertLess(capture.recording["cost"]["peak_rss_bytes"], 256 << 20)


class Perf(unittest.TestCase):
    def test_both_samplers_see_the_same_cpu_time(self):
        with Cluster() as cluster, Recorder() as recorder, CpuTime(cluster.pid) as cpu, \
                cluster.psql_loop("select count(*) from generate_series(1, 500000) i;"):
            time.sleep(1)
            captures = []
            for sampler in ("bpf", "perf"):
                recording = recorder.record("-p", str(cluster.pid), "3s", "--sampler", sampler,
                                            "--mode", "cpu", "--max-cpu", "0")
                self.assertEqual(recording.code, 0, recording.stderr)
                capture = Capture(recording.capture)
                self.assertEqual(capture.recording["sampler"], sampler)
                captures.append(capture)
        for capture in captures:
            expected = cpu.samples(capture.recording)
            self.assertTrue(capture.agrees_with(expected), (capture.running(), expected))


class Endings(unittest.TestCase):
    def test_a_restarted_server_is_followed_and_one_that_stops_ends_the_recording(self):
        with Cluster() as cluster, Recorder() as recorder:
            # No duration.
            base, child = recorder.start("-p", str(cluster.pid), "--max-cpu", "0")
            time.sleep(2)
            first = cluster.pid
            cluster._as_server("pg_ctl", "-D", cluster.datadir, "-m", "fast", "-w", "-l",
                               cluster.folder + "/server.log", "restart")
            second = cluster.pid
            with cluster.psql_loop("select count(*) from generate_series(1, 200000) i;"), \
                    CpuTime(second) as cpu:
                time.sleep(4)
                end = time.time_ns()
            cluster._as_server("pg_ctl", "-D", cluster.datadir, "-m", "fast", "-w", "stop")
            recording = recorder.finish(base, child)
            self.assertEqual(recording.code, 0, recording.stderr)
            capture, report = Capture(recording.capture), recording.json
        self.assertNotEqual(first, second)
        self.assertEqual({row["postmaster"] for row in capture.metadata["clusters"]},
                         {first, second})
        backends = {row["pid"] for row in capture.metadata["backends"]
                    if row["postmaster"] == second}
        running = sum(sample["values"][0] for sample in capture.samples
                      if sample.get("state") == RUNNING and sample["pid"] in backends)
        # It is looked for once a second: the last two seconds must be there.
        expected = cpu.seconds(end - 2e9, end) * capture.recording["event"]["rate_hz"]
        self.assertGreater(running, 0.8 * expected)
        self.assertNotIn("clusters", report)  # it stays one
        self.assertRegex(report["recording"]["subject"], f"^PostgreSQL 15.* {cluster.port}$")
