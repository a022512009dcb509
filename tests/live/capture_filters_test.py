"""Recording a part of the load, and what that leaves out."""
import collections
import contextlib
import os
import pwd
import subprocess
import time
import unittest

import bpf_programs
from cluster import Cluster
from pprof import Capture
from recorder import Recorder
from servers import bindir_of
from sessions import Session

FILTERED = 7  # index of that loss (src/profile/profile.h)
QUERY = "select count(*) from generate_series(1, 200000) i where i % 7 = 3;"
# Unified, or one hierarchy per controller.
CGROUPS = "/sys/fs/cgroup" + ("" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "/cpu")
CGROUP = CGROUPS + "/pgflame-test"


class ClusterInNamespace(Cluster):
    """A server that takes its postmaster for one of the first processes of its host."""

    container = None

    def start_server(self):
        user = pwd.getpwuid(os.stat(self.datadir).st_uid)
        # The shell is the namespace's first process: with it all others end.
        command = ["sh", "-c", '"$@"; exit', "sh", "setpriv", f"--reuid={user.pw_uid}",
                   f"--regid={user.pw_gid}", "--clear-groups",
                   os.path.join(self.bindir, "postgres"), "-D", self.datadir]
        # pylint: disable=consider-using-with
        self.container = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *command], env=self.env,
            cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            time.sleep(0.2)
            with contextlib.suppress(RuntimeError):
                self.psql("select 1")
                return
        raise RuntimeError("no server in the namespace")

    def __exit__(self, *_):
        if self.container:
            self.container.kill()
            self.container.wait()
        # It has a pid that is somebody else's on this host: nobody may stop that.
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.datadir, "postmaster.pid"))
        super().__exit__()


class Filters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.cluster = stack.enter_context(Cluster(settings={"compute_query_id": "on"}))
            cls.recorder = stack.enter_context(Recorder())
            cls.cluster.psql("create database shop; create role alice superuser login")
            for database, text in (("shop", QUERY), ("postgres", "select 1, " + QUERY[7:])):
                stack.enter_context(cls.cluster.psql_loop(text, database=database))
            cls.addClassCleanup(stack.pop_all().close)
        time.sleep(1)

    def record(self, *arguments, target=None):
        recording = self.recorder.record("-p", target or f":{self.cluster.port}", "2s",
                                         *arguments)
        self.assertEqual(recording.code, 0, recording.stderr)
        return Capture(recording.capture)

    def pid_in(self, database):
        return int(self.cluster.psql("select pid from pg_stat_activity where backend_type = "
                                     f"'client backend' and datname = '{database}' and pid <> "
                                     "pg_backend_pid() limit 1"))

    def test_only_the_wanted_backends_are_recorded_and_the_rest_is_counted(self):
        shop = self.pid_in("shop")
        for option, value, label in (("--database", "shop", "database"),
                                     ("--backend-type", "checkpointer", "backend_type"),
                                     ("--application", "pgbench", "application")):
            with self.subTest(option=option):
                capture = self.record(option, value)
                self.assertEqual({sample.get(label) for sample in capture.samples}, {value})
                self.assertGreater(capture.recording["losses"][FILTERED], 0)
                self.assertAlmostEqual(capture.accounted(), 1, delta=0.005)
        capture = self.record("--database", "shop", "--mode", "cpu")
        self.assertEqual({sample["pid"] for sample in capture.samples}, {shop})
        # Left out in the kernel, where it costs nothing: no more than a title's time is recorded. The
        # other loop gets about as much of the CPUs.
        kept = sum(capture.total(["pid"], 0).values())
        self.assertGreater(capture.recording["losses"][FILTERED], 0.3 * kept)

    def test_names_with_blanks_are_told_apart(self):
        for major in (13, 15, 18):
            with self.subTest(major=major), Cluster(bindir_of(major)) as cluster:
                cluster.psql('create database "my db"')
                cluster.psql('create role "odd user" superuser login')
                with cluster.psql_loop(QUERY, database="my db"), \
                        Session(cluster, "app", "my db", "odd user") as asleep:
                    asleep.send("select pg_sleep(100);")
                    time.sleep(1)
                    for option, value, label in (("--database", "my db", "database"),
                                                 ("--user", "odd user", "user")):
                        capture = self.record(option, value, target=f":{cluster.port}")
                        self.assertEqual({sample.get(label) for sample in capture.samples},
                                         {value})
                        self.assertNotIn("contain blanks", " ".join(capture.recording["notes"]))
                    self.assertEqual({sample["database"] for sample in capture.samples}, {"my db"})

    def test_only_the_wanted_query_is_recorded(self):
        whole = self.record("--mode", "cpu")
        ids = {query["text"]: query["id"] for query in whole.metadata["queries"]}
        wanted = next(number for text, number in ids.items() if text.startswith("select count"))
        signed = wanted - (1 << 64) if wanted >> 63 else wanted
        capture = self.record("--query-id", str(signed))
        self.assertEqual({sample.get("query_id") for sample in capture.samples}, {signed})
        kept = capture.total(["state"], 0)[("running",)]
        self.assertGreater(capture.recording["losses"][FILTERED], 0.3 * kept)

    def test_a_backend_brings_its_parallel_workers_and_nobody_else(self):
        self.cluster.psql("create table big as select i, repeat('x', 100) as t from "
                          "generate_series(1, 100000) i; analyze big;"
                          "alter role alice set min_parallel_table_scan_size = 0;"
                          "alter role alice set parallel_setup_cost = 0;"
                          "alter role alice set parallel_tuple_cost = 0")
        script = os.path.join(self.cluster.folder, "parallel.sql")
        with open(script, "w") as out:
            out.write("select count(*) from big where t like '%y%';")
        with self.cluster.pgbench("-n", "-f", script, "-T", "60", "-U", "alice"):
            time.sleep(1)
            leader = int(self.cluster.psql(
                "select pid from pg_stat_activity where usename = 'alice' and backend_type = "
                "'client backend' limit 1"))
            capture = self.record(target=str(leader))
        types = {sample.get("backend_type") for sample in capture.samples}
        self.assertEqual(types, {"client backend", "parallel worker"})
        backends = {row["pid"]: row for row in capture.metadata["backends"]}
        for sample in capture.samples:
            row = backends[sample["pid"]]
            self.assertTrue(row["pid"] == leader or row["leader"] == leader, row)

    def test_in_a_pid_namespace_workers_name_the_hosts_pid_of_their_leader(self):
        with ClusterInNamespace() as cluster:
            cluster.psql("create table big as select i, repeat('x', 100) as t from "
                         "generate_series(1, 200000) i; analyze big;"
                         "alter role postgres set min_parallel_table_scan_size = 0;"
                         "alter role postgres set parallel_setup_cost = 0;"
                         "alter role postgres set parallel_tuple_cost = 0")
            with cluster.psql_loop("select count(*) from big where t like '%y%';"):
                time.sleep(1)
                capture = self.record(target=f":{cluster.port}")
                backends = {row["pid"]: row for row in capture.metadata["backends"]}
                leader = next(pid for pid, row in backends.items()
                              if row["application"] == "pgbench" and not row["leader"])
                mine = self.record(target=str(leader))
        counts = {}
        for sample in capture.samples:
            row = backends[sample["pid"]]
            if row["type"] == "parallel worker" and sample["state"] == "running":
                counts[row["leader"]] = counts.get(row["leader"], 0) + sample["values"][0]
        self.assertGreater(counts.get(leader, 0), 0.9 * sum(counts.values()), counts)
        types = {row["type"] for row in mine.metadata["backends"]}
        self.assertIn("parallel worker", types)

    def test_a_control_group_chooses_its_clusters(self):
        with contextlib.ExitStack() as stack:
            os.makedirs(CGROUP, exist_ok=True)
            other = stack.enter_context(Cluster())
            stack.callback(self.leave_cgroup)
            with open(CGROUP + "/cgroup.procs", "w") as members:
                members.write(str(other.pid))
            stack.enter_context(other.psql_loop(QUERY))
            capture = self.record("--cgroup", CGROUP, target="postgres")
            self.assertEqual([row["postmaster"] for row in capture.metadata["clusters"]],
                             [other.pid])
        refused = self.recorder.run("record", "-p", "postgres", "1s", "--cgroup", "/no-such")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("/no-such", refused.stderr)

    def leave_cgroup(self):
        with open(CGROUP + "/cgroup.procs") as members:
            for pid in members.read().split():
                with contextlib.suppress(OSError), open(CGROUPS + "/cgroup.procs", "w") as root:
                    root.write(pid)
        with contextlib.suppress(OSError):
            os.rmdir(CGROUP)


class Budget(unittest.TestCase):
    def test_too_expensive_a_recording_slows_down_and_then_ends_early_and_complete(self):
        with Cluster() as cluster, Recorder() as recorder, \
                cluster.psql_loop(QUERY, clients=4):
            started = time.monotonic()
            recording = recorder.record("-p", str(cluster.pid), "60s", "-F", "199", "--max-cpu",
                                        "0.001")
            took = time.monotonic() - started
            self.assertEqual(recording.code, 0, recording.stderr)
            capture = Capture(recording.capture)
        self.assertLess(took, 50)
        notes = " ".join(capture.recording["notes"])
        self.assertIn("rate was lowered from 199", notes)
        self.assertIn("ended early: its cost exceeded the limit", notes)
        self.assertIn("ended early: its cost exceeded the limit", recording.stdout)
        self.assertLess(capture.recording["duration_ns"], 40e9)
        # A backend's samples weigh what they stand for, whatever the rate was.
        running = [s for s in capture.samples if s["state"] == "running"]
        busiest = collections.Counter(s["pid"] for s in running).most_common(1)[0][0]
        weights = sorted(s["values"][1] / s["values"][0] for s in running
                         if s["pid"] == busiest)
        fall = 199 / capture.recording["event"]["rate_hz"]
        self.assertGreaterEqual(fall, 2)
        self.assertAlmostEqual(weights[-1] / weights[0], fall, delta=0.05 * fall)


class Killed(unittest.TestCase):
    def test_nothing_stays_in_the_kernel_when_it_is_killed(self):
        with Cluster() as cluster, Recorder() as recorder:
            _, child = recorder.start("-p", str(cluster.pid), "30s")
            time.sleep(3)
            ours = bpf_programs.held_by(child.pid)
            child.kill()
            child.communicate()
            time.sleep(1)
            self.assertGreater(len(ours), 4)
            self.assertEqual(ours & set(bpf_programs.loaded()), set())


if __name__ == "__main__":
    unittest.main()
