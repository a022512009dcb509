"""The bcc sampler, on a host that looks as if it had no BTF: its programs are compiled here, with
headers that need not be those of the running kernel."""
import glob
import os
import re
import shutil
import subprocess
import time
import unittest

from cluster import Cluster
from pprof import Capture
from processes import CpuTime
from recorder import Recorder
from sessions import Session

PG_SLEEP_15 = 0x09000002
MODULES = "/lib/modules"
TRACING = "/sys/kernel/tracing"
BUSY = "select count(*) from generate_series(1, 300000) i where i % 7 = 3;"


def headers():
    """The build and the source folder of Debian's headers, whatever kernel they are for."""
    builds = sorted(glob.glob("/usr/src/linux-headers-*-amd64"))
    sources = sorted(glob.glob("/usr/src/linux-headers-*-common"))
    return builds[-1], sources[-1]


def on_another_host(recorder, name, *commands):
    """A pgflame that sees what these commands mount, and nobody else does; and the kernel's
    descriptions of its tracepoints, which are not mounted on every host."""
    tracing = f"mountpoint -q {TRACING} || mount -t tracefs tracefs {TRACING}"
    wrapper = os.path.join(recorder.folder, name)
    with open(wrapper, "w") as script:
        script.write('#!/bin/sh\n[ "$1" = inside ] || exec unshare -m "$0" inside "$@"\nshift\n')
        script.write("set -e\n" + "\n".join([tracing, *commands]) + f'\nexec {os.environ["PGFLAME"]} "$@"\n')
    os.chmod(wrapper, 0o755)
    return wrapper


class Bcc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster(settings={
            "compute_query_id": "on", "log_connections": "on", "log_line_prefix": "'%n [%p] '"}))
        cls.recorder = cls.enterClassContext(Recorder())
        build, source = headers()
        mine = f"{MODULES}/$(uname -r)"
        no_btf = "mount -t tmpfs none /sys/kernel/btf"
        no_headers = f"mount -t tmpfs none {MODULES}"
        links = f"mkdir {mine}; ln -s {build} {mine}/build; ln -s {source} {mine}/source"
        cls.with_headers = on_another_host(cls.recorder, "headers", no_btf, no_headers, links)
        cls.without_headers = on_another_host(cls.recorder, "bare", no_btf, no_headers)

    def record(self, pgflame, *arguments):
        self.recorder.pgflame = pgflame
        try:
            recording = self.recorder.record("-p", str(self.cluster.pid), *arguments)
        finally:
            self.recorder.pgflame = os.environ["PGFLAME"]
        self.assertEqual(recording.code, 0, recording.stderr)
        return Capture(recording.capture)

    def test_without_btf_it_sees_what_the_bpf_sampler_sees(self):
        with Session(self.cluster, "sleeper") as sleeper, self.cluster.psql_loop(BUSY):
            sleeper.send("select pg_sleep(600);")
            time.sleep(1)
            capture = self.record(self.with_headers, "4s")
        recording = capture.recording
        self.assertEqual(recording["sampler"], "bcc")
        self.assertRegex(recording["sampler_reason"], r"^The bcc sampler had to do\. bpf: .*BTF.*\.$")
        self.assertAlmostEqual(capture.accounted(), 1, delta=0.005)
        self.assertEqual(recording["losses"][0], 0)
        times = capture.total(["pid", "state", "wait_event"])
        self.assertAlmostEqual(times[(sleeper.pid, "waiting", PG_SLEEP_15)] /
                               recording["duration_ns"], 1, delta=0.01)
        texts = {query["id"]: query["text"] for query in capture.metadata["queries"]}
        busy = next(i for i, text in texts.items() if "generate_series($1, $2)" in text)
        by_query = {key[0] % (1 << 64): count for key, count in
                    capture.total(["query_id"], 0).items() if key[0] is not None}
        self.assertGreater(by_query[busy], 0.8 * sum(by_query.values()))

    def test_stacks_on_and_off_the_cpu_are_whole(self):
        with Session(self.cluster, "sleeper") as sleeper, self.cluster.psql_loop(BUSY):
            sleeper.send("do $$ begin loop perform pg_sleep(0.01); end loop; end $$;")
            time.sleep(1)
            # Walking again with libdwfl costs more than the budget: it would lower the rate.
            capture = self.record(self.with_headers, "4s", "--sampler", "bcc", "--max-cpu", "0",
                                  "--verify-unwind", "100")
        self.assertEqual(capture.recording["unwinder"], "table")
        self.assertTrue(any("libdwfl" in note and " 0 differ." in note
                            for note in capture.recording["notes"]), capture.recording["notes"])
        sampled = capture.total(["state", "stack_end"], 0)
        running = sum(count for (state, _), count in sampled.items() if state == "running")
        self.assertGreater(capture.running(), 0.7 * capture.expected())
        self.assertGreater(sampled[("running", "root")] / running, 0.9, sampled)
        slept = {end: time for (pid, state, end), time in
                 capture.total(["pid", "state", "stack_end"]).items()
                 if (pid, state) == (sleeper.pid, "waiting")}
        self.assertGreater(slept["root"] / sum(slept.values()), 0.9)

    def test_both_samplers_see_the_same_cpu_time(self):
        with self.cluster.psql_loop(BUSY), CpuTime(self.cluster.pid) as cpu:
            time.sleep(1)
            captures = []
            for sampler, pgflame in (("bcc", self.with_headers), ("bpf", os.environ["PGFLAME"])):
                capture = self.record(pgflame, "4s", "--sampler", sampler, "--max-cpu", "0")
                self.assertEqual(capture.recording["sampler"], sampler)
                captures.append(capture)
        for capture in captures:
            expected = cpu.samples(capture.recording)
            self.assertTrue(capture.agrees_with(expected), (capture.running(), expected))

    def test_backends_born_meanwhile_are_followed_and_tagged(self):
        child = subprocess.Popen(
            [self.cluster.client("pgbench"), "-n", "-C", "-c", "2", "-T", "300", "-f", "/dev/stdin",
             "postgres"], env=self.cluster._client_env("pgbench"), stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        child.stdin.write(BUSY.encode())
        child.stdin.close()
        try:
            capture = self.record(self.with_headers, "4s", "--sampler", "bcc")
        finally:
            child.kill()
            child.wait()
        counts = capture.total(["backend_type", "database"], 0)
        self.assertGreater(counts[("client backend", "postgres")], 0.8 * sum(counts.values()))
        self.assertGreater(self.seen_of_the_connected(capture), 0.9)
        self.assertAlmostEqual(capture.accounted(), 1, delta=0.005)

    def seen_of_the_connected(self, capture):
        """The share of the connections of the recording's time, by the server's log, that it has."""
        start = capture.recording["start_unix_ns"] * 1e-9
        end = start + capture.recording["duration_ns"] * 1e-9
        with open(os.path.join(self.cluster.folder, "server.log")) as log:
            received = re.findall(r"^(\d+\.\d+) \[(\d+)\] LOG:  connection received", log.read(),
                                  re.MULTILINE)
        connected = {int(pid) for moment, pid in received
                     if start + 0.1 < float(moment) < end - 0.1}
        self.assertTrue(connected)
        return (len(connected & {row["pid"] for row in capture.metadata["backends"]}) /
                len(connected))

    def test_without_headers_perf_does_and_both_remedies_are_told(self):
        with self.cluster.psql_loop(BUSY):
            capture = self.record(self.without_headers, "1s")
        self.assertEqual(capture.recording["sampler"], "perf")
        self.assertRegex(capture.recording["sampler_reason"],
                         r"^The perf_event sampler had to do\. bpf: .*BTF.*; bcc: .*headers of this "
                         r"kernel, does not exist \(install them .*linux-headers-.*\)\.$")

    def test_a_missing_module_is_one_sentence_with_a_remedy(self):
        alone = os.path.join(self.recorder.folder, "alone")
        os.mkdir(alone)
        shutil.copy(os.environ["PGFLAME"], alone)
        build, source = headers()
        mine = f"{MODULES}/$(uname -r)"
        wrapper = on_another_host(self.recorder, "no-module", f"mount -t tmpfs none {MODULES}",
                                  f"mkdir {mine}; ln -s {build} {mine}/build",
                                  f'exec {alone}/pgflame "$@"')
        done = subprocess.run([wrapper, "record", "-p", str(self.cluster.pid), "1s", "--sampler",
                               "bcc"], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "pgflame: pgflame_bcc.so, the module for the bcc sampler, is "
                         f"not installed\nhint: put it into {alone}\n")

    def test_only_the_module_is_linked_with_libbpfcc(self):
        linked = subprocess.run(["ldd", os.environ["PGFLAME"]], capture_output=True, text=True,
                                check=True).stdout
        self.assertNotRegex(linked, "libbcc|libLLVM|libclang")
