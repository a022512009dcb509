"""Names where the file is not simply at its path: replaced while running, visible in the process's
own file system only, or made by the JIT compiler."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
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


# A function for PostgreSQL 15 that spends its time in WORK. Its headers need not be installed: the
# magic block is struct Pg_magic_struct of fmgr.h.
EXTENSION = """
static const struct { int len, version, arguments, keys, name, float8; char extra[32]; } magic =
    {sizeof magic, 1500, 100, 32, 64, 1, "PostgreSQL"};
const void *Pg_magic_func(void) { return &magic; }
static const struct { int version; } finfo = {1};
const void *pg_finfo_spin(void) { return &finfo; }
static __attribute__((noinline)) void WORK(volatile long *left) { while (*left > 0) *left -= STEP; }
unsigned long spin(void *call) { volatile long left = 20000000; (void)call; WORK(&left); return 0; }
"""


class Libraries(unittest.TestCase):
    """One that only backends have loaded is replaced while it is recorded."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pgflame-library-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        self.library = os.path.join(self.folder, "spin.so")

    def build(self, work, *options):
        """Moved into its place as package managers do. The build-id does not depend on symbols."""
        step = 1 if work == "old_work" else 2
        subprocess.run(["gcc", "-xc", "-", "-O1", "-shared", "-fPIC", f"-DWORK={work}",
                        f"-DSTEP={step}", *options, "-o", self.library + ".new"], input=EXTENSION, text=True, check=True)
        os.rename(self.library + ".new", self.library)

    @staticmethod
    def functions_by_backend(capture):
        names = {}
        for sample in capture["samples"]:
            stack = sample["stack"]
            while stack:
                location, stack = capture["stacks"][stack]
                for line in capture["locations"][location]["lines"] if location is not None else []:
                    name = capture["functions"][line[0]]["name"]
                    if name in ("old_work", "new_work") or "spin.so" in name:
                        names.setdefault(sample["backend"], set()).add(name)
        return names

    def replaced_while_recording(self, *options):
        self.build("old_work", *options)
        with Cluster() as cluster, Recorder() as recorder:
            cluster.psql(f"create function spin() returns int as '{self.library}' language c")
            with cluster.psql_loop("select spin();"):
                base, child = recorder.start("-p", str(cluster.pid), "8s", "--max-cpu", "0")
                time.sleep(4)
                self.build("new_work", *options)
                with cluster.psql_loop("select spin();"):
                    recording = recorder.finish(base, child)
            self.assertEqual(0, recording.code, recording.stderr)
            return [self.functions_by_backend(json.loads(recorder.run(
                "convert", capture, "--to", "json", "-o", "-").stdout))
                for capture in (recording.capture, recorder.report(recording.capture).base + ".svg")]

    def test_every_backend_is_named_from_the_file_that_it_has_mapped(self):
        for options in (["-Wl,--build-id=none"], ["-Wl,--build-id"]):
            for names in self.replaced_while_recording(*options):
                with self.subTest(options=options):
                    self.assertEqual([{"new_work"}, {"old_work"}], sorted(names.values(), key=sorted))

    def test_what_was_replaced_before_has_no_name_without_the_right_to_open_it(self):
        """Without CAP_CHECKPOINT_RESTORE the kernel does not open what only processes still have."""
        self.build("old_work", "-Wl,--build-id=none")
        rights = "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search"
        keep = ["setpriv", "--bounding-set", "-all," + ",".join("+" + r[4:] for r in rights.split(","))]
        with Cluster() as cluster, Recorder() as recorder:
            cluster.psql(f"create function spin() returns int as '{self.library}' language c")
            with cluster.psql_loop("select spin();"):
                time.sleep(2)
                self.build("new_work", "-Wl,--build-id=none")
                base = recorder.base()
                done = subprocess.run([*keep, recorder.pgflame, "record", "-p", str(cluster.pid), "4s",
                                       "-o", base, "--sampler", "perf"], capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertEqual(0, done.returncode, done.stderr)
                capture = json.loads(recorder.run("convert", base + ".pb.gz", "--to", "json", "-o",
                                                  "-").stdout)
        names = set().union(*self.functions_by_backend(capture).values())
        self.assertTrue(names)
        self.assertTrue(all(name.startswith("[unnamed] spin.so") for name in names), names)


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
