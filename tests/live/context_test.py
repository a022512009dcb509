"""--dsn: what the database says about itself is in the report and in the capture, on every major
that is here, and a database that does not answer costs nothing but a sentence."""
import os
import signal
import socket
import threading
import time
import unittest

from capture_bcc_test import on_another_host
from cluster import Cluster
from recorder import Recorder
from servers import MAJORS, bindir_of

STATEMENTS = {"shared_preload_libraries": "'pg_stat_statements'", "compute_query_id": "on"}


class Context(unittest.TestCase):
    def test_every_question_is_answered_by_every_major(self):
        for major in MAJORS:
            with self.subTest(major=major):
                self.one_major(major)

    def one_major(self, major):
        settings = dict(STATEMENTS)
        if major < 14:
            del settings["compute_query_id"]
        with Cluster(bindir_of(major), settings=settings) as cluster, Recorder() as recorder:
            columns = ", ".join(f"i + {c} as c{c}" for c in range(1, 61))
            cluster.psql('create extension pg_stat_statements schema public;'
                         f'create table "Wide ""<b>" as select {columns} '
                         'from generate_series(1, 20000) i;'
                         'analyze "Wide ""<b>"; create table growing (a text);'
                         'create table held as select 1 as a;')
            sql = 'select sum(c59), max(c60) from "Wide ""<b>";'
            grow = "insert into growing select repeat('x', 500) from generate_series(1, 2000);"
            hold = "begin; update held set a = a; select pg_sleep(60);"
            with cluster.psql_loop(hold):
                self.wait_until(cluster, "exists (select from pg_stat_activity "
                                         "where wait_event = 'PgSleep')")
                with cluster.psql_loop(sql), cluster.psql_loop(grow + " select pg_sleep(0.1);"), \
                        cluster.psql_loop("update held set a = 2;", clients=2):
                    recording = recorder.record("-p", str(cluster.pid), "4s", "-F", "199",
                                                "--dsn", self.dsn(cluster))
            self.assertEqual(recording.code, 0, recording.stderr)
            database = recording.json["database"]
            self.assertTrue(database["asked"])
            io = " ".join(s for s in database["sentences"] if "pg_stat_io" in s)
            if major < 16:
                self.assertEqual(io, "")
            else:
                self.assertRegex(io, r"client backend \(relation, \w+\) .*(writes|extends)/s")
            self.assertFalse([s for s in database["sentences"] if "Could not" in s], database)
            self.looks(database, major)
            self.assertIn("jit = " + cluster.psql("show jit"), database["settings"])
            row = next(r for r in database["statements"] if "Wide" in r["text"])
            self.assertGreater(row["calls_per_second"], 1)
            self.assertAlmostEqual(row["rows_per_call"], 1.0)
            self.assertGreater(row["cpu_us_per_call"], 100)
            deform = next(f for f in recording.json["findings"] if f["id"] == "DEFORM")
            self.assertIn("calls/s", deform["seen"])
            self.assertIn("is column c60 of table Wide \"<b>, number 60 of 60", deform["seen"])
            self.assertNotIn("<b>", recording.svg)
            # The capture alone says the same.
            again = recorder.report(recording.capture)
            self.assertEqual(again.json["database"], database)

    def wait_until(self, cluster, condition):
        deadline = time.monotonic() + 30
        while cluster.psql("select " + condition) != "t":
            self.assertLess(time.monotonic(), deadline, condition)
            time.sleep(0.05)

    def looks(self, database, major):
        """What only sentences or only the JSON showed once."""
        text = " ".join(database["sentences"])
        self.assertRegex(text, r'Wide "<b> \([^)]*; last analyzed [^)]* the recording ended\)')
        self.assertRegex(text, r"at the start: \d+ client sessions?, .*; at the end: 5 client "
                               r"sessions, \d active \(waiting: .*2 Lock")
        self.assertRegex(text, r"Backends themselves wrote [\d. ]+ (buffers|times)/s")
        self.assertIn("with 2 sessions behind it waiting for transactionid, tuple; the lock: "
                      "transactionid that changed a row of public.held, ExclusiveLock held, "
                      "ShareLock waited for", text)
        counters = database["counters"]
        for name in ("deadlocks", "temp_files", "buffers_allocated", "bgwriter_buffers",
                     *(["backend_buffers", "backend_fsyncs"] if major < 17 else [])):
            self.assertGreaterEqual(counters[name], 0)
        self.assertGreater(counters["xact_commit"], 0)
        self.assertGreater(database["seconds"], 3)
        self.assertEqual({row["look"] for row in database["sessions"]}, {"start", "end"})
        self.assertIn("Lock", {row["wait_class"] for row in database["sessions"]})
        self.assertEqual(database["blockers"][0]["relation"], "held")

    def test_the_sql_to_ask_by_hand_runs_on_every_major(self):
        for major in MAJORS:
            with self.subTest(major=major), Recorder() as recorder, \
                    Cluster(bindir_of(major), settings=STATEMENTS if major > 13 else {
                        "shared_preload_libraries": "'pg_stat_statements'"}) as cluster:
                cluster.psql("create extension pg_stat_statements")
                with cluster.psql_loop("select count(*) from generate_series(1, 100000);"):
                    recording = recorder.record("-p", str(cluster.pid), "1s")
                self.assertEqual(recording.code, 0, recording.stderr)
                sql = recording.json["database"]["sql"]
                self.assertEqual("pg_stat_wal" in sql, major >= 14)
                self.assertIn("work_mem", cluster.psql(sql))

    @staticmethod
    def dsn(cluster):
        return f"host={cluster.folder} port={cluster.port} user=postgres dbname=postgres"

    def test_a_blocking_session_is_named_and_a_password_is_not(self):
        with Cluster(settings=STATEMENTS) as cluster, Recorder() as recorder:
            cluster.psql("create table hot as select 1 as a;")
            dsn = self.dsn(cluster) + " password=tellnobody"
            holder = ("begin; lock table hot; select pg_sleep(30);")
            with cluster.psql_loop(holder), cluster.psql_loop("select * from hot;", clients=3), \
                    cluster.psql_loop("select count(*) from generate_series(1, 100000);"):
                recording = recorder.record("-p", str(cluster.pid), "3s", "--dsn", dsn)
            self.assertEqual(recording.code, 0, recording.stderr)
            text = " ".join(recording.json["database"]["sentences"])
            self.assertRegex(text, r"At the root of the queue stood pid \d+")
            self.assertIn("3 sessions behind it waiting for relation; the lock: relation "
                          "public.hot, AccessExclusiveLock held, AccessShareLock waited for", text)
            self.assertNotIn("tellnobody", recording.svg + recording.stderr)
            self.assertNotIn("tellnobody", recording.json["recording"]["command_line"])

    def test_a_database_that_is_not_there_or_hangs_costs_a_sentence(self):
        with Cluster() as cluster, Recorder() as recorder:
            with cluster.psql_loop("select count(*) from generate_series(1, 100000);"):
                gone = recorder.record("-p", str(cluster.pid), "1s", "--dsn", "host=/nowhere")
                self.assertEqual(gone.code, 0, gone.stderr)
                self.assertIn("Cannot connect", " ".join(gone.json["database"]["sentences"]))
                silent = socket.create_server(("127.0.0.1", 0))  # accepts and says nothing
                try:
                    port = silent.getsockname()[1]
                    mute = recorder.record("-p", str(cluster.pid), "1s", "--dsn",
                                           f"host=127.0.0.1 port={port} user=x dbname=x")
                finally:
                    silent.close()
                self.assertEqual(mute.code, 0, mute.stderr)
                self.assertFalse(mute.json["database"]["asked"])

    def test_a_host_without_the_client_library_records_all_the_same(self):
        library = "$(ldconfig -p | awk '$1 == \"libpq.so.5\" {print $NF; exit}')"
        with Cluster() as cluster, Recorder() as recorder:
            recorder.pgflame = on_another_host(recorder, "bare", f"mount --bind /dev/null {library}")
            with cluster.psql_loop("select count(*) from generate_series(1, 100000);"):
                recording = recorder.record("-p", str(cluster.pid), "1s", "--dsn", self.dsn(cluster))
            self.assertEqual(recording.code, 0, recording.stderr)
            self.assertFalse(recording.json["database"]["asked"])
            self.assertIn("PostgreSQL's client library cannot be loaded: ",
                          " ".join(recording.json["database"]["sentences"]))

    def test_a_server_that_stops_answering_does_not_cost_the_recording(self):
        with Cluster() as cluster, Recorder() as recorder:
            with cluster.psql_loop("select count(*) from generate_series(1, 100000);"):
                base, child = recorder.start("-p", str(cluster.pid), "4s", "--dsn",
                                             self.dsn(cluster) + " application_name=asker")
                stopped = []

                def stop():
                    pid = cluster.psql("select pid from pg_stat_activity "
                                       "where application_name = 'asker'")
                    stopped.append(int(pid))
                    os.kill(stopped[0], signal.SIGSTOP)

                timer = threading.Timer(2.5, stop)
                timer.start()
                try:
                    recording = recorder.finish(base, child)
                finally:
                    timer.join()
                    os.kill(stopped[0], signal.SIGCONT)
            self.assertEqual(recording.code, 0, recording.stderr)
            self.assertIn("did not answer", " ".join(recording.json["database"]["sentences"]))


if __name__ == "__main__":
    unittest.main()
