"""The four patterns everybody starts from, each from a workload that must produce it, recorded with
both samplers; the accounting invariant holds on each."""
import contextlib
import itertools
import unittest

from cluster import DEBIAN_15, Cluster
from pprof import Capture
from recorder import Recorder
from servers import bindir_of

WIDE = ("create table wide as select {} from generate_series(1, 20000) i; analyze wide;"
        .format(", ".join(f"i + {c} as c{c}" for c in range(1, 151))))
WORDS = ("create table words as select i as id, md5(i::text) || ' Lorem Ipsum' as line "
         "from generate_series(1, 200000) i; analyze words;")
JOIN = ("create table l as select i as id, md5(i::text) as k from generate_series(1, 300000) i;"
        "create table r as select i as id, md5(i::text) as k from generate_series(1, 300000) i;"
        "analyze l; analyze r;")
HOT = ("create table hot (id int primary key, n int) with (fillfactor = 50);"
       "insert into hot values (1, 0);")

DEFORM_QUERY = "select sum(c148), sum(c149), max(c150) from wide;"
QUAL_QUERY = ("select count(*) from words where lower(line) like '%9f%lorem%' "
              "or line ~ '^[a-f]+[0-9]{3}' or length(line) < 10;")
JOIN_QUERY = ("set work_mem = '256MB'; set enable_mergejoin = off; set enable_nestloop = off;"
              "select count(*) from l join r using (k);")
# Loops in the server: with a round trip per statement the clients are the bottleneck, not the row.
HOT_LOOP = "do $$ begin for i in 1..100 loop {}; commit; end loop; end $$;"
# As the checks of foreign keys do with a parent row that all new rows refer to.
MARK = "perform n from hot where id = 1 for key share"
# Mixed with marks, which do not conflict: updates alone queue for the row's heavyweight lock and
# sleep, so that hardly two of them ever run at once.
UPDATE = MARK + "; if i % 10 = 0 then update hot set n = n + 1 where id = 1; end if"


ONE_PROCESS = {"max_parallel_workers_per_gather": "0"}


def clear_findings(recording):
    """Those far above the least share of a finding."""
    return {finding["id"] for finding in recording.json["findings"]
            if finding["frames"] and finding["share"] > 0.15}


def the_same_is_found(test, found):
    """What is clearly a finding in one recording is one in the others."""
    for one, other in itertools.permutations(found, 2):
        with test.subTest(recording=other, clear=clear_findings(found[one])):
            test.assertLessEqual(clear_findings(found[one]), set(found[other].finding_ids))


class Patterns(unittest.TestCase):
    @staticmethod
    def bindir():
        return DEBIAN_15

    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.cluster = stack.enter_context(Cluster(cls.bindir(), settings=ONE_PROCESS))
            cls.recorder = stack.enter_context(Recorder())
            for sql in (WIDE, WORDS, JOIN, HOT):
                cls.cluster.psql(sql)
            cls.addClassCleanup(stack.pop_all().close)

    def recorded(self, sampler, mode=()):
        recording = self.recorder.record("-p", str(self.cluster.pid), "6s", "-F", "199",
                                         "--sampler", sampler, "--max-cpu", "0", *mode)
        self.assertEqual(recording.code, 0, recording.stderr)
        accounting = recording.json["accounting"]
        self.assertGreater(accounting["captured"], 100)
        shares = sum(activity["share"] for activity in recording.json["activities"])
        self.assertAlmostEqual(shares, 1.0, places=6)
        samples = sum(activity["samples"] for activity in recording.json["activities"])
        self.assertEqual(samples, accounting["running"])
        return recording

    def both_samplers_find(self, pattern, sql, clients=1):
        with self.cluster.psql_loop(sql, clients=clients):
            found = {sampler: self.recorded(sampler) for sampler in ("bpf", "perf")}
        self.all_find(pattern, found)
        return found

    def all_find(self, pattern, found):
        shares = {sampler: next((activity["share"] for activity in recording.json["activities"]
                                 if activity["id"] == pattern), 0)
                  for sampler, recording in found.items()}
        for sampler, recording in found.items():
            with self.subTest(sampler=sampler, shares=shares):
                self.assertIn(pattern, recording.finding_ids, recording.stdout)
                self.assertEqual(Capture(recording.capture).recording["unwinder"], "table")

        the_same_is_found(self, found)

    def test_summing_late_columns_of_a_wide_table_is_tuple_deforming(self):
        found = self.both_samplers_find("DEFORM", DEFORM_QUERY)
        for recording in found.values():
            self.assertEqual(recording.finding_ids[0], "DEFORM")

    def test_functions_and_patterns_in_where_are_expression_evaluation(self):
        self.both_samplers_find("QUAL", QUAL_QUERY)

    def test_a_join_through_a_hash_table_is_a_hash_join(self):
        self.both_samplers_find("HASHJOIN", JOIN_QUERY)

    def test_many_clients_updating_one_row_meet_at_lightweight_locks(self):
        self.both_samplers_find("LWLOCK", HOT_LOOP.format(UPDATE), clients=32)

    def test_many_clients_marking_one_row_meet_at_lightweight_locks(self):
        self.both_samplers_find("LWLOCK", HOT_LOOP.format(MARK), clients=32)


class PatternsWithoutFramePointers(Patterns):
    """The same findings on PostgreSQL 18, where frame pointers would lead nowhere."""

    @staticmethod
    def bindir():
        return bindir_of(18)


class WithAndWithoutFramePointers(unittest.TestCase):
    """Debian's 15 keeps frame pointers, the build of 18 does not."""

    QUERIES = {"DEFORM": DEFORM_QUERY, "QUAL": QUAL_QUERY, "HASHJOIN": JOIN_QUERY}

    def recorded_on(self, major, recorder):
        recordings = {}
        with Cluster(bindir_of(major), settings=ONE_PROCESS) as cluster:
            cluster.psql(WIDE + WORDS + JOIN)
            for pattern, sql in self.QUERIES.items():
                with cluster.psql_loop(sql):
                    # On a busy host as well there are enough samples for what takes a sixth of them.
                    recordings[pattern] = recorder.record("-p", str(cluster.pid), "8s", "-F", "599",
                                                          "--max-cpu", "0")
        return recordings

    def test_the_same_is_found(self):
        with Recorder() as recorder:
            on_15, on_18 = self.recorded_on(15, recorder), self.recorded_on(18, recorder)
            for pattern in self.QUERIES:
                found = {"15": on_15[pattern], "18": on_18[pattern]}
                print(f"{pattern}: " + ", ".join(f"{major} {' '.join(recording.finding_ids)}"
                                                 for major, recording in found.items()), end=" ... ",
                      flush=True)
                for recording in found.values():
                    self.assertIn(pattern, clear_findings(recording), recording.stdout)
                the_same_is_found(self, found)


if __name__ == "__main__":
    unittest.main()
