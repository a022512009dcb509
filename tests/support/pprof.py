"""Reads a capture (.pb.gz) without any library, for tests: samples with labels and addresses, and
what pgflame keeps in a field of its own."""
import gzip
import json


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _fields(data):
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        yield number, value


def _signed(value):
    return value - (1 << 64) if value >> 63 else value


def _numbers(value):
    """A repeated integer: packed, or one value."""
    if isinstance(value, int):
        return [_signed(value)]
    numbers, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        numbers.append(_signed(number))
    return numbers


class Capture:
    def __init__(self, path):
        with gzip.open(path) as source:
            fields = list(_fields(source.read()))
        self.strings = [value.decode() for number, value in fields if number == 6]
        self.types = [self.strings[dict(_fields(value)).get(1, 0)]
                      for number, value in fields if number == 1]
        self.samples = [self._sample(value) for number, value in fields if number == 2]
        own = [value for number, value in fields if number == 1000]
        self.metadata = json.loads(own[0]) if own else {}

    @property
    def recording(self):
        return self.metadata["recording"]

    def _sample(self, data):
        sample = {"values": [], "locations": []}
        for number, value in _fields(data):
            if number == 1:
                sample["locations"] += _numbers(value)
            elif number == 2:
                sample["values"] += _numbers(value)
            elif number == 3:
                label = dict(_fields(value))
                key = self.strings[label[1]]
                sample[key] = (self.strings[label[2]] if 2 in label
                               else _signed(label.get(3, 0)))
        return sample

    def total(self, keys, value=-1):
        """Sums one of the values by the labels named in `keys`, in a dict of tuples."""
        sums = {}
        for sample in self.samples:
            key = tuple(sample.get(name) for name in keys)
            sums[key] = sums.get(key, 0) + sample["values"][value]
        return sums

    def running(self):
        """Samples on a CPU, those included that the kernel is known to have left out."""
        return (sum(sample["values"][0] for sample in self.samples
                    if sample.get("state", "running") == "running") + self.recording["losses"][1])

    def scheduled(self):
        """What running() would be if every tick of the backends' CPU time were a sample. Only with
        waits."""
        return self.recording["on_cpu_ns"] * 1e-9 * self.recording["event"]["rate_hz"]

    def expected(self):
        """The same without the ticks that the hypervisor may have taken."""
        seconds = self.recording["host_seconds"]
        stolen, busy = (sum(row[name] for row in seconds) for name in ("cpu_steal", "cpu_busy"))
        return self.scheduled() * (1 - stolen / max(busy, 1e-9))

    def agrees_with(self, expected, most=None):
        """Whether running() is as many as expected: within a fifth, and what chance does to few."""
        most = most or expected
        return (0.8 * expected - 3 * expected ** 0.5 < self.running() and
                self.running() < 1.2 * most + 3 * most ** 0.5)

    def agrees_with_scheduler(self):
        return self.agrees_with(self.expected(), self.scheduled())

    def accounted(self):
        """The share of the backends' lifetime that is on CPU, runnable, waiting or idle."""
        off = sum(sample["values"][-1] for sample in self.samples
                  if sample.get("state") != "running")
        return (self.recording["on_cpu_ns"] + off) / max(1, self.recording["lifetime_ns"])
