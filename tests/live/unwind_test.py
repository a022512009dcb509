"""Stacks are whole: they reach the process's entry, through libraries and code made at run time, and
agree with libdwfl's."""
import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from cluster import Cluster
from pprof import Capture
from recorder import Recorder
from servers import bindir_of

TABLES = ("create table t as select i % 5000 as k, md5(i::text) v "
          "from generate_series(1, 30000) i; analyze t;")
MIXED = """
select sum(length(md5(i::text))) from generate_series(1, 20000) i;
select count(*) from t a join t b using (k) where a.v like '%7%';
select v from t order by v limit 5;
"""
COMPILED = ("set jit = on; set jit_above_cost = 0; set max_parallel_workers_per_gather = 0; "
            "select sum(i * 2 + 3), count(*) from w, generate_series(1, 5) where i % 7 = 3 and i > 5;")
DIGESTS = "select sum(length(md5(repeat(i::text, 60)))) from generate_series(1, 200000) i;"
SORTED = "select v from t order by v offset 29990;"
IN_PLPGSQL = """
do $$ declare n bigint := 0; begin for i in 1 .. 300000 loop n := n + length(i::text); end loop; end $$;
"""


def stack_ends(capture, since=0):
    """How the stacks of on-CPU samples from that second on end: {end: samples}."""
    ends = collections.Counter()
    for (state, second, end), count in capture.total(["state", "second", "stack_end"],
                                                     value=0).items():
        if state == "running" and (second or 0) >= since:
            ends[end] += count
    return ends


def whole_share(ends):
    return ends["root"] / max(1, ends.total())


def agreement(capture):
    """What --verify-unwind found: compared, equal, our walk ended where there is no unwind
    information, libdwfl's walk ended early."""
    note = next(n for n in capture.recording["notes"] if "libdwfl" in n)
    return tuple(map(int, re.findall(r"\d+", note)[:4])), note


class UnwindRanges:
    """Which addresses of a file have unwind information, in readelf's opinion."""

    def __init__(self, path):
        def numbers(pattern, option):
            text = subprocess.run(["readelf", option, path], check=True, capture_output=True,
                                  text=True).stdout
            return [tuple(int(text, 16) for text in found) for found in re.findall(pattern, text)]

        self.ranges = numbers(r"FDE .*pc=(\w+)\.\.(\w+)", "-wF")
        self.segments = numbers(r"LOAD\s+0x(\w+) 0x(\w+) \S+ 0x(\w+)", "-lW")

    def covers(self, offset):
        address = next(vaddr + offset - start for start, vaddr, size in self.segments
                       if start <= offset < start + size)
        return any(start <= address < end for start, end in self.ranges)


def as_json(capture, *options):
    text = subprocess.run([os.environ["PGFLAME"], "convert", capture, *options, "--to", "json", "-o", "-"],
                          check=True, capture_output=True, text=True).stdout
    return json.loads(text)


def unmapped_frames(pprof):
    """Addresses in stacks of on-CPU samples that lie in no executable mapping: no frames are there."""
    capture = as_json(pprof)
    for sample in capture["samples"]:
        at = sample["stack"] if sample["state"] == "running" else 0
        while at > 0:
            number, at = capture["stacks"][at]
            location = capture["locations"][number]
            if location["mapping"] >= len(capture["mappings"]):
                yield hex(location["address"])


def callers_of(function, pprof):
    """Who calls the innermost frame in samples where it has that name: {name: samples}."""
    text = subprocess.run([os.environ["PGFLAME"], "convert", pprof, "--to", "folded", "-o", "-"],
                          check=True, capture_output=True, text=True).stdout
    callers = collections.Counter()
    for line in text.splitlines():
        stack, count = line.rsplit(" ", 1)
        frames = [None, *stack.split(";")]
        if function in frames[-1]:
            callers[frames[-2]] += int(count)
    return callers


def frames_at_stops(pprof):
    """Where stacks ended for want of unwind information: (file, offset in it) of each."""
    capture = as_json(pprof)
    for sample in capture["samples"]:
        if sample.get("end") != "no unwind info" or sample["state"] != "running":
            continue
        user, at = [], sample["stack"]
        while at > 0:
            number, at = capture["stacks"][at]
            location = capture["locations"][number]
            mapping = capture["mappings"][location["mapping"]]
            module = capture["modules"][mapping["module"]]
            if module["kind"] == "file":
                offset = location["address"] - mapping["start"] + mapping["file_offset"]
                user.append((module["path"], offset))
        # But for the innermost frame it is where the call returns to, which may be the next function.
        path, offset = user[-1]
        yield path, offset - (len(user) > 1)


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
        self.capture_file = recording.capture
        return Capture(recording.capture)

    def test_nearly_every_stack_reaches_the_entry_and_agrees_with_libdwfl(self):
        capture = self.record(MIXED, "--verify-unwind", "2000")
        self.assertEqual(capture.recording["unwinder"], "table")
        self.is_whole_and_agrees(capture, "frame pointers")

    def test_the_same_on_a_build_without_frame_pointers(self):
        with Cluster(bindir_of(18)) as cluster:
            cluster.psql(TABLES)
            self.is_whole_and_agrees(self.record(MIXED, "--verify-unwind", "2000", cluster=cluster),
                                     "no frame pointers")

    def is_whole_and_agrees(self, capture, label):
        ends = stack_ends(capture)
        # Some libraries have functions without unwind information (OPENSSL_cleanse of libcrypto 1.1):
        # a named stop, counted apart. How many samples are in them is up to the load.
        without = ends.pop("no unwind info", 0)
        share, samples = whole_share(ends), ends.total()
        (compared, equal, no_information, cut), note = agreement(capture)
        agreed = (equal + cut) / max(1, compared - no_information)
        print(f"{label}: {share:.2%} of {samples} stacks are whole, "
              f"{without} more met code without unwind information, "
              f"{agreed:.2%} of {compared} agree with libdwfl's ... ", end="", flush=True)
        self.assertGreater(samples, 200)
        self.assertGreaterEqual(share, 0.995)
        self.assertLess(without, 0.05 * samples)
        self.have_no_unwind_information(frames_at_stops(self.capture_file))
        self.assertGreater(compared, 100)
        self.assertGreaterEqual(agreed, 0.999, note)

    def have_no_unwind_information(self, frames):
        files = {}
        for path, offset in frames:
            if path not in files:
                files[path] = UnwindRanges(path)
            self.assertFalse(files[path].covers(offset), f"{path} knows how to unwind at {offset:#x}")

    def test_the_perf_sampler_walks_whole_stacks_too_and_loses_none(self):
        capture = self.record(MIXED, "--sampler", "perf")
        self.assertEqual(capture.recording["unwinder"], "table")
        self.assertEqual(capture.recording["losses"][0], 0)  # the ring was never full
        ends = stack_ends(capture)
        self.assertGreater(ends.total(), 200)
        self.assertGreaterEqual(whole_share(ends), 0.995)

    def test_stacks_go_through_code_made_at_run_time(self):
        if self.cluster.psql("select pg_jit_available()") != "t":
            self.skipTest("this build of PostgreSQL has no JIT compiler")
        # What was compiled before the recording began has no table: that query is left out. Later
        # ones run some milliseconds until theirs is in the kernel.
        ends = stack_ends(self.record(COMPILED), since=1)
        print(f"{whole_share(ends):.2%} of {ends.total()} stacks are whole ... ", end="", flush=True)
        self.assertGreater(ends.total(), 100)
        self.assertGreaterEqual(whole_share(ends), 0.99)
        self.assertLessEqual(set(ends), {"root", "no unwind info", "run-time code", "no module"})

    @contextlib.contextmanager
    def cluster_of_its_own(self):
        """A busy server whose files nobody else uses."""
        with tempfile.TemporaryDirectory(prefix="pgflame-live-", dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            installation = os.path.join(folder, "postgres")
            shutil.copytree(os.path.dirname(bindir_of(18)), installation, symlinks=True)
            with Cluster(os.path.join(installation, "bin")) as cluster:
                cluster.psql(TABLES)
                with cluster.psql_loop(MIXED, clients=2):
                    time.sleep(1)
                    yield cluster

    def replace(self, cluster, *paths):
        """As an upgrade does, but with a file that is of no use."""
        for path in paths:
            shutil.copy("/bin/true", path + ".new")
            os.rename(path + ".new", path)
            with open(f"/proc/{cluster.pid}/maps") as maps:
                self.assertIn(os.path.basename(path) + " (deleted)", maps.read())

    def stays_whole(self, recording, label):
        self.assertEqual(recording.code, 0, recording.stderr)
        ends = stack_ends(Capture(recording.capture))
        print(f"{label}: {whole_share(ends):.2%} of {ends.total()} stacks are whole ... ", end="",
              flush=True)
        self.assertGreater(ends.total(), 100)
        # One to three percent are in libcrypto's assembly, which has no unwind information.
        self.assertGreaterEqual(whole_share(ends), 0.93)

    def test_stacks_stay_whole_when_program_and_library_are_replaced(self):
        with self.cluster_of_its_own() as cluster:
            recording = self.recorder.start("-p", str(cluster.pid), "8s", "-F", "299")
            time.sleep(2)
            libraries = os.path.join(os.path.dirname(cluster.bindir), "lib")
            self.replace(cluster, os.path.join(cluster.bindir, "postgres"),
                         os.path.join(libraries, "libcrypto.so.1.1"))
            # Its library is mapped only now: what the session has mapped is read again.
            with cluster.psql_loop(IN_PLPGSQL):
                self.stays_whole(self.recorder.finish(*recording), "replaced while recording")
                self.stays_whole(self.recorder.record("-p", str(cluster.pid), "4s", "-F", "299"),
                                 "replaced before")

    def test_a_replaced_program_is_unwound_without_the_privilege_to_open_mapped_files(self):
        with self.cluster_of_its_own() as cluster, Recorder() as recorder:
            self.replace(cluster, os.path.join(cluster.bindir, "postgres"))
            program = os.path.join(recorder.folder, "less-privileged")
            with open(program, "w") as script:
                script.write("#!/bin/sh\nexec setpriv --bounding-set=-checkpoint_restore,-sys_admin "
                             f"--inh-caps=-checkpoint_restore,-sys_admin {recorder.pgflame} \"$@\"\n")
            os.chmod(program, 0o755)
            recorder.pgflame = program
            for sampler in ("bpf", "perf"):
                self.stays_whole(recorder.record("-p", str(cluster.pid), "4s", "-F", "299",
                                                 "--sampler", sampler), sampler)

    def test_frame_pointers_do_not_claim_to_be_whole(self):
        for sampler in ("bpf", "perf"):
            capture = self.record(MIXED, "--unwind", "fp", "--sampler", sampler)
            self.assertEqual(capture.recording["unwinder"], "frame pointers")
            self.assertNotIn("root", stack_ends(capture))

    def test_with_frame_pointers_the_table_still_finds_the_innermost_frames_caller(self):
        for sampler in ("bpf", "perf"):
            self.record(SORTED, "--unwind", "fp", "--sampler", sampler)
            callers = callers_of("memcmp", self.capture_file)
            print(f"{sampler}: {dict(callers)} ... ", end="", flush=True)
            self.assertGreater(callers["varstrfastcmp_locale"], 10)
            # By frame pointers alone, memcmp's caller would be left out.
            self.assertNotIn("varlenafastcmp_locale", callers)

    def test_a_program_without_unwind_information_is_walked_by_frame_pointers(self):
        with self.without_eh_frame() as cluster:
            cluster.psql(TABLES)
            for options in ((), ("--unwind", "fp"), ("--sampler", "perf")):
                ends = stack_ends(self.record(MIXED, *options, cluster=cluster))
                print(f"{' '.join(options) or 'default'}: {dict(ends)} ... ", end="", flush=True)
                self.assertGreater(ends.total(), 100)
                self.assertGreaterEqual(ends["unknown"], 0.95 * ends.total())
                self.assertNotIn("root", ends)
                self.assertEqual(list(unmapped_frames(self.capture_file)), [])

    @contextlib.contextmanager
    def without_eh_frame(self):
        """Debian's server, which keeps frame pointers, without its unwind information."""
        with tempfile.TemporaryDirectory(prefix="pgflame-live-", dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            # The server finds its files by where it lies.
            installation = os.path.join(folder, "lib", "postgresql", "15")
            shutil.copytree(os.path.dirname(bindir_of(15)), installation, symlinks=True)
            os.makedirs(os.path.join(folder, "share"))
            os.symlink("/usr/share/postgresql", os.path.join(folder, "share", "postgresql"))
            server = os.path.join(installation, "bin", "postgres")
            subprocess.run(["objcopy", "-R", ".eh_frame", "-R", ".eh_frame_hdr", server], check=True)
            with Cluster(os.path.join(installation, "bin")) as cluster:
                yield cluster

    def test_the_perf_sampler_invents_no_callers_of_assembly(self):
        # libcrypto's assembly has no unwind information, and this server keeps no frame pointers.
        with Cluster(bindir_of(18)) as cluster:
            self.record(DIGESTS, "--sampler", "perf", cluster=cluster)
            self.assertEqual(list(unmapped_frames(self.capture_file)), [])
            ends = stack_ends(Capture(self.capture_file))
            print(f"{dict(ends)} ... ", end="", flush=True)
            self.assertLessEqual(set(ends), {"root", "no unwind info"})
            self.have_no_unwind_information(frames_at_stops(self.capture_file))

    def test_what_cannot_be_verified_is_said(self):
        capture = self.record(MIXED, "--sampler", "perf", "--verify-unwind", "100")
        self.assertTrue(any("--verify-unwind" in note for note in capture.recording["notes"]),
                        capture.recording["notes"])


if __name__ == "__main__":
    unittest.main()
