"""Two clusters on one host, with the same database, user and queries, are told apart."""
import contextlib
import html
import os
import re
import time
import unittest

from cluster import Cluster
from pprof import Capture
from recorder import Recorder
from servers import bindir_of

LEAST = 20  # samples of one of them, also where the machine has other work

BUSY = "select count(*) from generate_series(1, 200000) i where i % 7 = 3;"
MAJORS = (17, 15)


def drawn_frames(svg):
    return [html.unescape(title) for title in re.findall("<title>([^<]*)", svg)]


class TwoClusters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.recorder = stack.enter_context(Recorder())
            cls.clusters = [stack.enter_context(Cluster(bindir_of(major),
                                                        {"compute_query_id": "on"}))
                            for major in MAJORS]
            with contextlib.ExitStack() as load:
                for number, cluster in enumerate(cls.clusters):
                    load.enter_context(cluster.psql_loop(BUSY, clients=2 - number))
                time.sleep(1)
                cls.markdown = os.path.join(cls.recorder.folder, "two.md")
                cls.recording = cls.recorder.record(
                    "-p", ",".join(f":{cluster.port}" for cluster in cls.clusters), "4s",
                    "--md", cls.markdown)
            cls.addClassCleanup(stack.pop_all().close)

    def setUp(self):
        self.assertEqual(self.recording.code, 0, self.recording.stderr)
        self.names = [f"port {cluster.port}" for cluster in self.clusters]

    def test_each_has_a_row_that_agrees_with_its_samples(self):
        capture = Capture(self.recording.capture)
        counts = capture.total(["pid", "state"], 0)
        rows = {row["cluster"]: row for row in self.recording.json["clusters"]}
        self.assertEqual(set(rows), set(self.names))
        self.assertAlmostEqual(sum(row["share"] for row in rows.values()), 1, places=6)
        for cluster, name, major in zip(self.clusters, self.names, MAJORS):
            pids = {row["pid"] for row in capture.metadata["backends"]
                    if row["postmaster"] == cluster.pid}
            sampled = sum(value for (pid, state), value in counts.items()
                          if pid in pids and state == "running")
            self.assertGreater(sampled, LEAST)
            self.assertEqual(rows[name]["samples"], sampled)
            self.assertEqual(rows[name]["backends"], len(pids))
            self.assertEqual(rows[name]["major"], major)
            self.assertEqual(rows[name]["data_directory"], cluster.datadir)

    def test_equal_names_are_a_row_for_each(self):
        report = self.recording.json
        for table in ("databases", "users", "backend_types"):
            wanted = "client backend" if table == "backend_types" else "postgres"
            rows = [row for row in report[table] if row["name"] == wanted]
            self.assertEqual({row["cluster"] for row in rows}, set(self.names), table)
        for table in ("queries", "functions"):
            self.assertEqual({row["cluster"] for row in report[table] if row["share"] > 0.02},
                             set(self.names), table)
            keys = [(row.get("query_id"), row.get("name"), row["detail"], row["cluster"])
                    for row in report[table]]
            self.assertEqual(len(keys), len(set(keys)), table)

    def test_every_form_and_the_graph_say_which(self):
        with open(self.markdown) as text:
            markdown = text.read()
        self.assertIn("### By cluster", markdown)
        folded = self.recorder.base()
        done = self.recorder.run("convert", self.recording.capture, "--to", "folded", "-o", folded)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(folded) as text:
            processes = {line.split(";")[0] for line in text}
        drawn = "\n".join(drawn_frames(self.recording.svg))
        for name, major in zip(self.names, MAJORS):
            self.assertIn(name, markdown)
            self.assertIn(f"cluster {name}, PostgreSQL {major}", self.recording.stdout)
            self.assertIn(f"postgres ({name})", processes)
            self.assertRegex(drawn, rf"(?m)^PostgreSQL {major}[.\d]*, {name}$")

    def test_what_was_saved_reads_back_the_same(self):
        first = self.recorder.report(self.recording.capture)
        again = self.recorder.report(first.base + ".svg")
        for report in (first, again):
            self.assertEqual(report.code, 0, report.stderr)
            for part in ("clusters", "databases", "users", "queries", "functions", "backend_types"):
                self.assertEqual(report.json[part], self.recording.json[part], part)
        self.assertEqual(drawn_frames(again.svg), drawn_frames(first.svg))

    def test_one_of_them_alone_is_not_told_apart(self):
        with self.clusters[1].psql_loop(BUSY):
            alone = self.recorder.record("-p", str(self.clusters[1].pid), "1s")
        self.assertEqual(alone.code, 0, alone.stderr)
        self.assertNotIn("clusters", alone.json)
        self.assertNotIn("cluster", alone.json["databases"][0])
        self.assertNotIn("By cluster", alone.svg)


if __name__ == "__main__":
    unittest.main()
