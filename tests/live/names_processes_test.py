"""Names where the file is not simply at its path: replaced while running, visible in the process's
own file system only, or made by the JIT compiler."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from cluster import DEBIAN_15, Cluster
from named_share_test import shares
from recorder import Recorder

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
QUERY = "select sum(a::int8 * b + c), max(b - a) from t where a * 3 > b + c and c < 6;"
TABLE = "create table t as select i a, i * 2 b, i % 7 c from generate_series(1, 300000) i; analyze"

# Starts a server from a copy of Debian's binary, perhaps in a file system that only it sees; says
# the postmaster's pid and runs a query until told to stop.
SERVER = f"""
import os, shutil, subprocess, sys
sys.path.insert(0, {SUPPORT!r})
from cluster import DEBIAN_15, Cluster
folder, hidden = sys.argv[1], sys.argv[2] == "hidden"
if hidden:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    os.chmod(folder, 0o755)
bindir = folder + DEBIAN_15
os.makedirs(os.path.dirname(bindir))
shutil.copytree(DEBIAN_15, bindir)
os.symlink(os.path.dirname(DEBIAN_15) + "/lib", os.path.dirname(bindir) + "/lib")
os.symlink("/usr/share", folder + "/usr/share")
with Cluster(bindir=bindir) as cluster:
    cluster.psql({TABLE!r})
    with cluster.psql_loop({QUERY!r}):
        print(cluster.pid, flush=True)
        sys.stdin.readline()
"""


def recorded(pid, seconds="5s"):
    with Recorder() as recorder:
        recording = recorder.record("-p", str(pid), seconds, "--max-cpu", "0")
        if recording.code != 0:
            raise AssertionError(recording.stderr)
        return json.loads(recorder.run("convert", recording.capture, "--to", "json", "-o",
                                       "-").stdout)


class Servers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pgflame-names-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)

    def start(self, *prefix, hidden):
        command = [*prefix, sys.executable, "-c", SERVER, self.folder,
                   "hidden" if hidden else "visible"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.communicate, "stop\n")
        return int(child.stdout.readline())

    def check_names(self, capture, module):
        frames, _, unnamed = shares(capture, module)
        total = sum(frames.values())
        self.assertGreater(total, 200)
        self.assertGreater(frames["recovered"], 0)
        self.assertLess(frames["unnamed"] + frames["placed"], 0.05 * total, unnamed.most_common(5))

    def test_a_binary_that_an_upgrade_replaced_is_named_from_what_still_runs(self):
        pid = self.start(hidden=False)
        path = self.folder + DEBIAN_15 + "/postgres"
        shutil.copy("/bin/true", path + ".new")
        os.rename(path + ".new", path)
        with open(f"/proc/{pid}/maps") as maps:
            self.assertIn("postgres (deleted)", maps.read())
        self.check_names(recorded(pid), ("/postgres", "/postgres (deleted)"))

    def test_a_binary_in_a_container_is_read_through_its_process(self):
        pid = self.start("unshare", "--mount", hidden=True)
        self.assertFalse(os.path.exists(self.folder + DEBIAN_15))
        self.check_names(recorded(pid), "/postgres")


class JitCode(unittest.TestCase):
    def functions(self, profiling):
        with tempfile.TemporaryDirectory() as dumps, \
                unittest.mock.patch.dict(os.environ, {"JITDUMPDIR": dumps}):
            os.chmod(dumps, 0o777)
            settings = {"jit": "on", "jit_above_cost": "0", "jit_inline_above_cost": "-1",
                        "jit_optimize_above_cost": "0", "max_parallel_workers_per_gather": "0",
                        "jit_profiling_support": "on" if profiling else "off"}
            with Cluster(settings=settings) as cluster:
                cluster.psql(TABLE)
                with cluster.psql_loop(QUERY):
                    capture = recorded(cluster.pid, "6s")
        modules = capture["modules"]
        return [(row["name"], row["tier"]) for row in capture["functions"]
                if row["module"] is not None and modules[row["module"]]["kind"] == "jit"
                and row["name"] != "[uprobes]"]

    def test_compiled_expressions_have_their_names_when_the_server_writes_them(self):
        functions = self.functions(profiling=True)
        self.assertTrue(any(name.startswith("evalexpr_") and tier == "full"
                            for name, tier in functions), functions)

    def test_compiled_expressions_without_names_are_called_what_they_are(self):
        functions = self.functions(profiling=False)
        self.assertIn(("[jit]", "unnamed"), functions)
        self.assertEqual({"[jit]"}, {name for name, _ in functions})


if __name__ == "__main__":
    unittest.main()
