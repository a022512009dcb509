"""Second opinions: what PostgreSQL and the kernel say themselves about the same time."""
import os
import time
import unittest

from cluster import Cluster
from pprof import Capture
from processes import scheduler_seconds
from recorder import Recorder
from servers import ROOT, bindir_of

# Looks at all sessions of pgbench for {seconds}, 100 times a second.
POLL = """
create temp table polled (event text);
do $$
declare until timestamptz := clock_timestamp() + '{seconds}s';
begin
  while clock_timestamp() < until loop
    perform pg_stat_clear_snapshot();
    insert into polled select coalesce(wait_event_type || ':' || wait_event, '') from
      pg_stat_activity where application_name = 'pgbench';
    perform pg_sleep(0.01);
  end loop;
end $$;
select event, count(*) from polled group by event;
"""


def event_names(major):
    """wait_event_info -> "Class:Event"; 0 is no wait."""
    names = {0: ""}
    with open(os.path.join(ROOT, "src", "postgres", "wait_events.tsv")) as rows:
        for row in rows:
            number, kind, event, majors = row.rstrip("\n").split("\t")
            if str(major) in majors.split(","):
                names[int(number, 16)] = f"{kind}:{event}"
    return names


def shares(amounts):
    whole = sum(amounts.values())
    return {name: amount / whole for name, amount in amounts.items()}


class SecondOpinion(unittest.TestCase):
    def compare_with_activity(self, major, load, seconds, expected):
        """What pgbench's sessions wait for: the capture against pg_stat_activity."""
        with Cluster(bindir_of(major), {"fsync": "on"}) as cluster, Recorder() as recorder:
            cluster.pgbench_init(2)
            with cluster.pgbench("-n", *load, "-T", "300"):
                time.sleep(1)
                base, child = recorder.start("-p", str(cluster.pid), f"{seconds + 1}s",
                                             "--application", "pgbench", "--max-cpu", "0")
                time.sleep(0.7)
                polled = dict(line.rsplit("|", 1) for line in cluster.psql(
                    POLL.format(seconds=seconds)).splitlines())
                recording = recorder.finish(base, child, timeout=seconds + 60)
            self.assertEqual(recording.code, 0, recording.stderr)
            capture = Capture(recording.capture)
        polled = shares({name: int(count) for name, count in polled.items()})
        recorded = self.by_event(capture, event_names(major))
        # Woken up but without a CPU a backend still shows what it waited for: to pg_stat_activity
        # such time is part of any event, or of none.
        queued = recorded.pop("runnable", 0)
        for event in expected:
            self.assertGreater(polled.get(event, 0), 0.01, polled)
        for event in polled.keys() | recorded.keys():
            with self.subTest(event=event, recorded=recorded, queued=queued, polled=polled):
                self.assertGreater(polled.get(event, 0), recorded.get(event, 0) - 0.03)
                self.assertLess(polled.get(event, 0), recorded.get(event, 0) + queued + 0.03)
        # That time is there once, however the events share it.
        more = sum(max(0, share - recorded.get(event, 0)) for event, share in polled.items())
        self.assertLess(more, queued + 0.05, (recorded, queued, polled))
        self.assertAlmostEqual(capture.accounted(), 1, delta=0.02)

    @staticmethod
    def by_event(capture, names):
        """Shares of the backends' time: by wait event, "" on a CPU, "runnable" in a run queue."""
        sums = {}
        for sample in capture.samples:
            number = sample.get("wait_event", 0)
            event = names.get(number, hex(number))
            if sample["state"] == "runnable":
                event = "runnable"
            nanoseconds = sample["values"][1 if sample["state"] == "running" else -1]
            sums[event] = sums.get(event, 0) + nanoseconds
        return shares(sums)

    def test_commits_wait_for_the_log_as_pg_stat_activity_says(self):
        seconds = int(os.environ.get("PGFLAME_TEST_SECONDS", "8"))
        self.compare_with_activity(15, ("-N", "-c", "16"), seconds,
                                   ("IO:WALSync", "LWLock:WALWrite", "Client:ClientRead"))

    def test_row_locks_are_as_pg_stat_activity_says(self):
        seconds = int(os.environ.get("PGFLAME_TEST_SECONDS", "8"))
        self.compare_with_activity(17, ("-c", "16"), seconds,
                                   ("Lock:transactionid", "LWLock:WALWrite"))

    def test_time_on_and_off_the_cpu_is_as_the_scheduler_says(self):
        with Cluster() as cluster, Recorder() as recorder:
            cluster.pgbench_init(1)
            with cluster.pgbench("-n", "-S", "-c", "6", "-T", "60"):
                time.sleep(1)
                pids = [int(pid) for pid in cluster.psql(
                    "select pid from pg_stat_activity where application_name = 'pgbench'").split()]
                base, child = recorder.start("-p", str(cluster.pid), "5s", "--max-cpu", "0")
                time.sleep(1.5)  # the recording has begun
                before = {pid: scheduler_seconds(pid) for pid in pids}
                started = time.monotonic()
                time.sleep(3)
                passed = time.monotonic() - started
                after = {pid: scheduler_seconds(pid) for pid in pids}
                recording = recorder.finish(base, child)
            self.assertEqual(recording.code, 0, recording.stderr)
            capture = Capture(recording.capture)
        truth = {"running": sum(after[pid][0] - before[pid][0] for pid in pids),
                 "runnable": sum(after[pid][1] - before[pid][1] for pid in pids)}
        truth["off"] = passed * len(pids) - sum(truth.values())
        recorded = dict.fromkeys(truth, 0)
        for sample in capture.samples:
            if sample["pid"] in pids:
                state = sample["state"] if sample["state"] in recorded else "off"
                recorded[state] += sample["values"][1 if state == "running" else -1]
        recorded, truth = shares(recorded), shares(truth)
        for state in truth:
            self.assertAlmostEqual(recorded[state], truth[state], delta=0.04, msg=(recorded, truth))


if __name__ == "__main__":
    unittest.main()
