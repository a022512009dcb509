"""Runs the pgflame under test ($PGFLAME) and hands back what it wrote.

    with Recorder() as recorder:
        recording = recorder.record("-p", str(cluster.pid), "5s")
        recording.json["findings"], recording.svg, recording.stderr, recording.code
"""
import json
import os
import shutil
import subprocess
import tempfile


class Recording:
    def __init__(self, base, code, stdout, stderr):
        self.base, self.code, self.stdout, self.stderr = base, code, stdout, stderr

    def _read(self, extension, mode="r"):
        with open(self.base + extension, mode) as contents:
            return contents.read()

    @property
    def json(self):
        return json.loads(self._read(".json"))

    @property
    def svg(self):
        return self._read(".svg")

    @property
    def capture(self):
        return self.base + ".pb.gz"

    @property
    def finding_ids(self):
        return [finding["id"] for finding in self.json["findings"]]


class Recorder:
    def __init__(self):
        self.pgflame = os.environ["PGFLAME"]
        self.folder = None
        self.count = 0

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pgflame-live-", dir="/tmp")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def base(self):
        self.count += 1
        return os.path.join(self.folder, f"recording-{self.count}")

    def run(self, *arguments, timeout=120, **options):
        return subprocess.run([self.pgflame, *arguments], capture_output=True, text=True,
                              timeout=timeout, check=False, cwd=self.folder, **options)

    def start(self, *arguments):
        """A recording that goes on; finish it with `finish`."""
        base = self.base()
        child = subprocess.Popen([self.pgflame, "record", *arguments, "-o", base, "--json",
                                  base + ".json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True)
        return base, child

    def finish(self, base, child, timeout=60):
        stdout, stderr = child.communicate(timeout=timeout)
        return Recording(base, child.returncode, stdout, stderr)

    def record(self, *arguments, timeout=120):
        base, child = self.start(*arguments)
        return self.finish(base, child, timeout)

    def report(self, file, *arguments):
        base = self.base()
        done = self.run("report", file, "-o", base, "--json", base + ".json", *arguments)
        return Recording(base, done.returncode, done.stdout, done.stderr)
