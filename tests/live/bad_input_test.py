"""Everything that can be wrong ends in a sentence with the cause, one hint, and the right exit code;
no half-written file stays behind."""
import os
import subprocess
import unittest

from cluster import Cluster
from reachable import reachable
from recorder import Recorder

BUSY = "select count(*) from generate_series(1, 200000) i where i % 7 = 3;"


class BadInput(unittest.TestCase):
    def setUp(self):
        self.recorder = self.enterContext(Recorder())

    def assert_refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertTrue(done.stderr.startswith("pgflame: "), done.stderr)
        self.assertIn("hint: ", done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(os.listdir(self.recorder.folder), [])

    def test_an_unknown_target_is_named(self):
        self.assert_refused(self.recorder.run("record", "-p", "4194000", "1s"), 1, "4194000")
        self.assert_refused(self.recorder.run("record", "-p", "/no/such/folder", "1s"), 1,
                            "/no/such/folder")
        self.assert_refused(self.recorder.run("record", "-p", "mysqld", "1s"), 2, "mysqld")

    def test_a_process_that_is_not_postgres_is_refused(self):
        self.assert_refused(self.recorder.run("record", "-p", str(os.getpid()), "1s"), 1,
                            str(os.getpid()))

    def test_no_postgres_running(self):
        # In a pid namespace of its own it sees no process but itself, whatever runs on this host.
        done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", self.recorder.pgflame,
                               "record", "-p", "postgres", "1s"], capture_output=True, text=True,
                              check=False, cwd=self.recorder.folder)
        self.assert_refused(done, 1, "PostgreSQL")

    def test_without_privileges_the_remedy_is_named(self):
        with Cluster() as cluster:
            os.chmod(self.recorder.folder, 0o777)
            done = self.recorder.run("record", "-p", str(cluster.pid), "1s", user="nobody",
                                     executable=reachable(self.recorder.pgflame))
        self.assert_refused(done, 1, "root")

    def test_files_that_are_no_captures(self):
        for name, contents in (("empty", b""), ("text", b"hello\n"), ("elf", b"\x7fELF" + b"x" * 99),
                               ("cut", b"PERFILE2" + b"\0" * 20)):
            with self.subTest(name=name):
                path = os.path.join("/tmp", f"pgflame-bad-{os.getpid()}-{name}")
                with open(path, "wb") as out:
                    out.write(contents)
                try:
                    what = "none of the formats" if name in ("text", "elf") else name
                    self.assert_refused(self.recorder.run("report", path), 1, name, what)
                finally:
                    os.unlink(path)
        self.assert_refused(self.recorder.run("report", "/no/such/file"), 1, "/no/such/file")
        self.assert_refused(self.recorder.run("report", "/tmp"), 1, "/tmp")

    def test_an_output_folder_that_is_not_there(self):
        with Cluster() as cluster:
            done = self.recorder.run("record", "-p", str(cluster.pid), "1s", "-o", "/no/such/x")
        self.assert_refused(done, 1, "/no/such")

    def test_a_full_disk_loses_no_capture(self):
        full = os.path.join(self.recorder.folder, "full")
        os.mkdir(full)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", full], check=True)
        self.addCleanup(subprocess.run, ["umount", full], check=True)
        name = f"rescued-{os.getpid()}"
        with Cluster() as cluster, cluster.psql_loop(BUSY):
            done = self.recorder.run("record", "-p", str(cluster.pid), "1s", "-o",
                                     os.path.join(full, name))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(os.listdir(full), [])
        self.assertIn("No space left on device", done.stderr)
        self.assertIn("hint: ", done.stderr)
        for extension in (".pb.gz", ".svg"):
            saved = f"/var/tmp/{name}{extension}"
            self.assertIn(saved, done.stderr)
            self.assertGreater(os.path.getsize(saved), 100)
            os.unlink(saved)

    def test_an_idle_cluster_says_that_nothing_was_sampled(self):
        with Cluster(settings={"bgwriter_delay": "10s"}) as cluster:
            done = self.recorder.run("record", "-p", str(cluster.pid), "300ms", "--mode", "cpu",
                                     "-F", "1")
        self.assert_refused(done, 3, "nothing was sampled")


if __name__ == "__main__":
    unittest.main()
