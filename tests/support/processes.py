"""What /proc tells of processes."""
import contextlib
import os
import threading
import time


def cpu_seconds(pid):
    """Seconds of user and system time so far."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_of(parent):
    """The pids of its children now."""
    with contextlib.suppress(OSError), open(f"/proc/{parent}/task/{parent}/children") as children:
        return [int(pid) for pid in children.read().split()]
    return []


def scheduler_seconds(pid):
    """Seconds on a CPU and seconds in a run queue, by the scheduler's own accounts."""
    with open(f"/proc/{pid}/schedstat") as stat:
        on_cpu, queued, _ = stat.read().split()
    return int(on_cpu) * 1e-9, int(queued) * 1e-9


def stolen_and_busy():
    """Ticks that the hypervisor took and ticks that the CPUs were not idle, these included."""
    with open("/proc/stat") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    return ticks[7], sum(ticks) - ticks[3] - ticks[4]


class CpuTime:
    """Follows what a postmaster's children get of the CPUs, so that a recording can be compared with
    what the machine gave meanwhile, however busy it is.

        with CpuTime(cluster.pid) as cpu:
            ...
        cpu.seconds(start_unix_ns, end_unix_ns)
    """

    def __init__(self, postmaster, pause=0.05):
        self.postmaster, self.pause = postmaster, pause
        self.rows = []  # (time, seconds on a CPU, (stolen, busy)), ascending
        self._latest = {}  # by pid; of the dead what was seen last
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    def _look(self):
        for pid in children_of(self.postmaster):
            with contextlib.suppress(OSError, ValueError):
                self._latest[pid] = scheduler_seconds(pid)[0]
        self.rows.append((time.time_ns(), sum(self._latest.values()), stolen_and_busy()))

    def _follow(self):
        while not self._stop.is_set():
            self._look()
            self._stop.wait(self.pause)

    def __enter__(self):
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._look()

    def seconds(self, start_ns, end_ns):
        """On a CPU between two moments, without what the hypervisor took."""
        first = max((row for row in self.rows if row[0] <= start_ns), default=self.rows[0])
        last = min((row for row in self.rows if row[0] >= end_ns), default=self.rows[-1])
        stolen, busy = (last[2][i] - first[2][i] for i in (0, 1))
        return (last[1] - first[1]) * (1 - stolen / max(1, busy))

    def samples(self, recording):
        """How many samples these seconds of a recording are worth."""
        start = recording["start_unix_ns"]
        return (self.seconds(start, start + recording["duration_ns"]) *
                recording["event"]["rate_hz"])
