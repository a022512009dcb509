"""Stacks of 32-bit programs: copies are walked as those of others are, in captures that have both;
live the kernel walks them by frame pointers, and no frame is invented."""
import bisect
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import unittest

from pprof import Capture
from recorder import Recorder
from unwind_test import as_json, stack_ends, unmapped_frames

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# Without any library, so that no 32-bit one is needed. realigned() aligns its stack, which in 32-bit
# code makes its CFA one that is loaded from memory.
PROGRAM = r"""
#define FUNCTION __attribute__((noinline)) unsigned
static volatile unsigned sink;
FUNCTION spin(unsigned n) { for (unsigned i = 0; i < n; ++i) sink += i ^ n; return sink; }
FUNCTION inner(unsigned n) { volatile unsigned a[8]; a[n % 8] = n; return spin(500) + a[n % 8]; }
FUNCTION realigned(unsigned n) {
  __attribute__((aligned(64))) volatile unsigned a[16];
  a[n % 16] = n;
  return inner(n) + a[n % 16];
}
FUNCTION outer(unsigned n) { return realigned(n) + realigned(n + 1); }
FUNCTION run(void) { for (unsigned n = 0;; ++n) outer(n); }
#ifdef __i386__
#define PC "eip"
#else
#define PC "rip"
#endif
__asm__(".globl _start\n.type _start, @function\n_start: .cfi_startproc\n.cfi_undefined " PC "\n"
        "call run\nhlt\n.cfi_endproc\n.size _start, . - _start");
"""
CHAIN = ["spin", "inner", "realigned", "outer", "run", "_start"]


class Symbols:
    def __init__(self, program):
        text = subprocess.run(["nm", "-n", "--defined-only", program], check=True, capture_output=True,
                              text=True).stdout
        self.rows = [(int(address, 16), name) for address, name in re.findall(r"(\w+) [Tt] (\w+)", text)]

    def at(self, address):
        return self.rows[bisect.bisect(self.rows, (address, "~")) - 1][1]


def user_stacks(tables, symbols):
    """(name of the process, names of its functions from the innermost on, how the walk ended, samples)"""
    for sample in tables["samples"]:
        comm, names, at = tables["backends"][sample["backend"]]["comm"], [], sample["stack"]
        while at > 0:
            number, at = tables["stacks"][at]
            location = tables["locations"][number]
            module = tables["modules"][tables["mappings"][location["mapping"]]["module"]]
            if module["kind"] != "kernel":
                names.append(symbols[comm].at(location["address"]))
        yield comm, names, sample["end"], sample["count"]


class ThirtyTwoBits(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="pgflame-live-", dir="/tmp"))

    def build(self, name, *options):
        source = os.path.join(self.folder, "program.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        program = os.path.join(self.folder, name)
        # Position-independent 32-bit code calls a thunk for its own address, which is in no CHAIN.
        subprocess.run(["gcc", "-O2", "-fno-pie", "-no-pie", "-fomit-frame-pointer",
                        "-fasynchronous-unwind-tables", "-fno-ipa-icf", "-nostdlib", "-static",
                        *options, source, "-o", program], check=True)
        return program

    @contextlib.contextmanager
    def running(self, program):
        with subprocess.Popen([program]) as process:
            try:
                yield process.pid
            finally:
                process.kill()

    def test_a_capture_of_both_kinds_is_walked_to_the_entry_as_libdwfl_walks_it(self):
        narrow, wide = self.build("narrow", "-m32"), self.build("wide")
        capture = os.path.join(self.folder, "perf.data")
        with self.running(narrow) as first, self.running(wide) as second:
            subprocess.run(["perf", "record", "-q", "-F", "499", "-e", "cpu-clock", "--call-graph",
                            "dwarf,4096", "-p", f"{first},{second}", "-o", capture, "--", "sleep", "2"],
                           check=True)
        symbols = {name: Symbols(program) for name, program in (("narrow", narrow), ("wide", wide))}
        counts = dict.fromkeys(symbols, 0)
        for comm, names, end, count in user_stacks(as_json(capture), symbols):
            self.assertEqual((names, end), (CHAIN[CHAIN.index(names[0]):], "root"), comm)
            counts[comm] += count
        print(f"{counts} ... ", end="", flush=True)
        self.assertGreater(min(counts.values()), 100)
        script = os.path.join(ROOT, "tests", "input", "compare_with_libdwfl.py")
        compared = subprocess.run([sys.executable, script, os.environ["PGFLAME"], capture], check=False,
                                  capture_output=True, text=True)
        self.assertEqual(compared.returncode, 0, compared.stdout + compared.stderr)
        self.assertRegex(compared.stdout, rf"{sum(counts.values())} of {sum(counts.values())} stacks")

    def test_a_running_server_of_32_bits_gets_no_invented_frames(self):
        program = self.build("postgres", "-m32")
        for sampler, ends in (("bpf", {"unknown"}), ("perf", {"root"})):
            with self.running(program) as pid, Recorder() as recorder:
                recording = recorder.record("-p", str(pid), "2s", "-F", "299", "--sampler", sampler)
                self.assertEqual(recording.code, 0, recording.stderr)
                found = stack_ends(Capture(recording.capture))
                print(f"{sampler}: {dict(found)} ... ", end="", flush=True)
                self.assertGreater(found.total(), 100)
                self.assertEqual(set(found), ends)
                self.assertEqual(list(unmapped_frames(recording.capture)), [])


if __name__ == "__main__":
    unittest.main()
