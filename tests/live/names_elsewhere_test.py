"""Names when the program that was sampled is not, or not surely, the file at its path."""
import http.server
import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

PGFLAME = os.environ["PGFLAME"]
SOURCE = """
static volatile unsigned long turns;
static __attribute__((noinline)) void NAME(void) { for (int i = 0; i < 200000000; ++i) ++turns; }
int main(void) { NAME(); return 0; }
"""
WITH_INLINED = """
static volatile unsigned long turns;
static inline __attribute__((always_inline)) void inlined_one(void) { ++turns; }
static __attribute__((noinline)) void spin_here(void)
{ for (int i = 0; i < 200000000; ++i) inlined_one(); }
int main(void) { spin_here(); return 0; }
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class NamesElsewhere(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.program = self.compiled("program", "spin_here")
        self.capture = self.path("perf.data")

    def path(self, name):
        return os.path.join(self.folder, name)

    def compiled(self, name, function):
        source = self.path(name + ".c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(SOURCE.replace("NAME", function))
        run("gcc", "-O1", "-Wl,--build-id", "-o", self.path(name), source)
        return self.path(name)

    def record(self, *options):
        run("perf", "record", "-q", "-k", "mono", "-e", "cpu-clock:u", "-F", "199", *options, "-o",
            self.capture, self.program)

    def folded(self, *options, **variables):
        """What pgflame prints: stacks, and remarks."""
        environment = dict(os.environ, **{"XDG_CACHE_HOME": "/dev/null", **variables})
        return subprocess.run([PGFLAME, "convert", self.capture, "--to", "folded", *options],
                              env=environment, check=True, capture_output=True, text=True)

    def build_id(self):
        return re.search(r"Build ID: (\w+)", run("readelf", "-n", self.program)).group(1)

    def remove_program(self):
        """Leaves its debug file, below debug/, and itself under another name."""
        build_id = self.build_id()
        folder = self.path(f"root/usr/lib/debug/.build-id/{build_id[:2]}")
        os.makedirs(folder)
        debug = f"{folder}/{build_id[2:]}.debug"
        run("objcopy", "--only-keep-debug", self.program, debug)
        os.rename(self.program, self.path("moved"))
        return build_id, debug

    def test_a_debug_file_alone_names_the_functions(self):
        self.record()
        _, debug = self.remove_program()
        self.assertNotIn("spin_here", self.folded().stdout)
        for options in (("--debug-dir", self.path("root/usr/lib/debug")),
                        ("--symfs", self.path("root")), ("--binary", debug),
                        ("--binary", self.path("moved"))):
            with self.subTest(options[0]):
                self.assertIn("spin_here", self.folded(*options).stdout)

    def test_debuginfod_has_the_debug_file_or_the_program(self):
        self.record()
        build_id, debug = self.remove_program()
        for kind, served in (("debuginfo", debug), ("executable", self.path("moved"))):
            with self.subTest(kind):
                answer = self.folded(DEBUGINFOD_URLS=self.serve(f"/buildid/{build_id}/{kind}", served),
                                     DEBUGINFOD_CACHE_PATH=self.path("cache-" + kind))
                self.assertIn("spin_here", answer.stdout)

    def serve(self, path, file):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path == path
                self.send_response(200 if found else 404)
                self.end_headers()
                if found:
                    with open(file, "rb") as contents:
                        shutil.copyfileobj(contents, self.wfile)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def test_without_build_ids_a_program_that_was_changed_names_nothing(self):
        self.record("-B", "-N")
        self.assertIn("spin_here", self.folded().stdout)
        other = self.compiled("other", "elsewhere")
        shutil.copyfile(other, self.program)  # into the same inode
        os.utime(self.program, (0, 0))
        named = self.folded().stdout
        self.assertNotIn("spin_here", named)
        self.assertNotIn("elsewhere", named)

    def test_without_build_ids_the_users_word_is_used_and_noted(self):
        self.record("-B", "-N")
        os.makedirs(self.path("given"))
        given = self.path("given/program")
        os.rename(self.program, given)
        self.assertNotIn("spin_here", self.folded().stdout)
        answer = self.folded("--binary", given)
        self.assertIn("spin_here", answer.stdout)
        self.assertIn("which the capture cannot confirm", answer.stderr)

    def inlined_twice(self, *flags, between):
        """Whether the inlined function is told before and behind what is done in between, and what
        is kept of it."""
        with open(self.path("in.c"), "w", encoding="utf-8") as file:
            file.write(WITH_INLINED)
        subprocess.run(["gcc", "-g", "-O1", "-Wl,--build-id", *flags, "-o", self.program, "in.c"],
                       check=True, cwd=self.folder)
        self.record()
        cache = self.path("cache")
        os.makedirs(cache + "/pgflame")
        told = []
        for step in (lambda: None, between):
            step()
            told.append("inlined_one" in self.folded(XDG_CACHE_HOME=cache).stdout)
        return told, [name for name in os.listdir(cache + "/pgflame") if name.startswith("frames-")]

    def test_what_debug_information_told_is_kept_for_as_long_as_it_is_there(self):
        told, kept = self.inlined_twice(between=lambda: None)
        self.assertEqual([True, True], told)
        self.assertIn("frames-" + self.build_id(), kept)
        run("strip", "--strip-debug", self.program)
        self.assertNotIn("inlined_one", self.folded(XDG_CACHE_HOME=self.path("cache")).stdout)

    def test_nothing_is_kept_of_debug_information_in_split_files(self):
        def remove_units():
            for name in os.listdir(self.folder):
                if name.endswith(".dwo"):
                    os.remove(self.path(name))

        told, kept = self.inlined_twice("-gsplit-dwarf", between=remove_units)
        self.assertEqual([True, False], told)
        self.assertNotIn("frames-" + self.build_id(), kept)

    def test_files_that_are_not_there_are_an_error(self):
        for option in ("--binary", "--symfs", "--debug-dir"):
            with self.subTest(option):
                done = subprocess.run([PGFLAME, "report", self.capture, option, self.path("none")],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(1, done.returncode)
                self.assertIn(f"{option} {self.path('none')}: there is no such", done.stderr)


if __name__ == "__main__":
    unittest.main()
