"""Stacks are whole: they reach the process's entry, through libraries and code made at run time, and
agree with libdwfl's."""
import re
import time
import unittest

import builds
from cluster import Cluster
from pprof import Capture
from recorder import Recorder

TABLES = ("create table t as select i % 5000 as k, md5(i::text) v "
          "from generate_series(1, 30000) i; analyze t;")
MIXED = """
select sum(length(md5(i::text))) from generate_series(1, 20000) i;
select count(*) from t a join t b using (k) where a.v like '%7%';
select v from t order by v limit 5;
"""
COMPILED = ("set jit = on; set jit_above_cost = 0; set max_parallel_workers_per_gather = 0; "
            "select sum(i * 2 + 3), count(*) from w where i % 7 = 3 and i > 5;")


def whole_share(capture, since=0):
    """The share of on-CPU samples from that second on whose stack is whole, and how many there are."""
    ends = capture.total(["state", "second", "stack_end"], value=0)
    running = [(end, count) for (state, second, end), count in ends.items()
               if state == "running" and (second or 0) >= since]
    samples = sum(count for _, count in running)
    return sum(count for end, count in running if end == "root") / max(1, samples), samples


def agreement(capture):
    """What --verify-unwind found: compared, equal, our walk ended where there is no unwind
    information, libdwfl's walk ended early."""
    note = next(n for n in capture.recording["notes"] if "libdwfl" in n)
    return tuple(map(int, re.findall(r"\d+", note)[:4])), note


class Unwind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())
        cls.recorder = cls.enterClassContext(Recorder())
        cls.cluster.psql(TABLES + "create table w as select i from generate_series(1, 1000000) i; "
                         "analyze w")

    def record(self, sql, *options, cluster=None):
        cluster = cluster or self.cluster
        with cluster.psql_loop(sql, clients=2):
            time.sleep(1)
            recording = self.recorder.record("-p", str(cluster.pid), "6s", "-F", "299", *options)
        self.assertEqual(recording.code, 0, recording.stderr)
        return Capture(recording.capture)

    def test_nearly_every_stack_reaches_the_entry_and_agrees_with_libdwfl(self):
        capture = self.record(MIXED, "--verify-unwind", "2000")
        self.assertEqual(capture.recording["unwinder"], "table")
        self.is_whole_and_agrees(capture, "frame pointers")

    def test_the_same_on_a_build_without_frame_pointers(self):
        with Cluster(builds.without_frame_pointers()) as cluster:
            cluster.psql(TABLES)
            self.is_whole_and_agrees(self.record(MIXED, "--verify-unwind", "2000", cluster=cluster),
                                     "no frame pointers")

    def is_whole_and_agrees(self, capture, label):
        share, samples = whole_share(capture)
        (compared, equal, no_information, cut), note = agreement(capture)
        agreed = (equal + no_information + cut) / max(1, compared)
        print(f"{label}: {share:.2%} of {samples} stacks are whole, "
              f"{agreed:.2%} of {compared} agree with libdwfl's ... ", end="", flush=True)
        self.assertGreater(samples, 200)
        self.assertGreaterEqual(share, 0.995)
        self.assertGreater(compared, 100)
        self.assertGreaterEqual(agreed, 0.999, note)

    def test_the_perf_sampler_walks_whole_stacks_too_and_loses_none(self):
        capture = self.record(MIXED, "--sampler", "perf")
        self.assertEqual(capture.recording["unwinder"], "table")
        self.assertEqual(capture.recording["losses"][0], 0)  # the ring was never full
        share, samples = whole_share(capture)
        self.assertGreater(samples, 200)
        self.assertGreaterEqual(share, 0.995)

    def test_stacks_go_through_code_made_at_run_time(self):
        if self.cluster.psql("select pg_jit_available()") != "t":
            self.skipTest("this build of PostgreSQL has no JIT compiler")
        # What was compiled before the recording began has no table: that query is left out.
        share, samples = whole_share(self.record(COMPILED), since=1)
        print(f"{share:.2%} of {samples} stacks are whole ... ", end="", flush=True)
        self.assertGreater(samples, 100)
        self.assertGreaterEqual(share, 0.99)

    def test_frame_pointers_do_not_claim_to_be_whole(self):
        capture = self.record(MIXED, "--unwind", "fp")
        self.assertEqual(capture.recording["unwinder"], "frame pointers")


if __name__ == "__main__":
    unittest.main()
