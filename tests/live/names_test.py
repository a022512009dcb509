"""Names against the truth: builds that kept their symbol tables, nm, addr2line."""
import http.server
import os
import re
import subprocess
import tempfile
import threading
import unittest
import unittest.mock
from collections import Counter

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PGFLAME = os.environ["PGFLAME"]
CLONE = re.compile(r"\.(cold|part|constprop|isra|lto_priv|localalias)")


NO_CACHE = "/dev/null"  # a folder in it cannot be made


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def symbols(binary, *options, cache=None):
    """{address: (size, name, tier)} as pgflame says."""
    environment = dict(os.environ, XDG_CACHE_HOME=cache or NO_CACHE)
    rows = {}
    for line in run(PGFLAME, "symbols", binary, "--tsv", *options, env=environment).splitlines():
        address, size, name, tier, _ = line.split("\t")
        rows[int(address, 16)] = (int(size), name, tier)
    return rows


def truth(binary):
    """{address: names without the compiler's suffixes} from .symtab."""
    names = {}
    for line in run("readelf", "-sW", binary).splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[3] in ("FUNC", "NOTYPE", "IFUNC") and fields[6] != "UND":
            names.setdefault(int(fields[1], 16), set()).add(CLONE.split(fields[7].split("@")[0])[0])
    return names


def exported(binary):
    """{address: name} of .dynsym."""
    rows = (line.split() for line in run("nm", "-D", "--defined-only", binary).splitlines())
    return {int(fields[0], 16): fields[2].split("@")[0] for fields in rows}


def servers(*majors):
    script = os.path.join(ROOT, "tests", "support", "fetch_postgres.sh")
    for line in run(script, *majors).splitlines():
        major, path = line.split()
        yield major, os.path.join(ROOT, path)


def load_weights():
    """{function: share of the samples of mixed loads, in per cent}"""
    with open(os.path.join(ROOT, "tests", "symbolizer", "load_weights.tsv")) as lines:
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {name: float(share) for name, share in rows}


# Marks in .symtab of aarch64, and GNU ld's veneers against erratum 843419 of Cortex-A53: single
# instructions of a function that were moved elsewhere.
LINKERS_OWN = {"$x", "e843419"}


class Score:
    """Recovered names against the truth, counted and weighed; each function counts once with the
    weight of its largest part. A name is right when .symtab has it at that address, compilers'
    suffixes aside: neither the caller a function could have been inlined into nor a callee is."""

    def __init__(self, names, exported):
        self.names, self.exported = names, exported
        self.exported_names = set(exported.values())
        self.weights = load_weights()
        self.right = self.wrong = self.nameless = 0
        self.mistakes, self.largest = [], {}

    def add(self, address, size, name, tier):
        truth_here = self.names.get(address)
        if truth_here is None or address in self.exported or tier == "exported":
            return
        if truth_here <= LINKERS_OWN:
            return
        verdict = "nameless"
        if tier == "recovered":
            verdict = "right" if name in truth_here else "wrong"
        setattr(self, verdict, getattr(self, verdict) + 1)
        if verdict == "wrong":
            self.mistakes.append(f"{address:#x} {name} is {sorted(truth_here)}")
        weighed = max(truth_here, key=lambda true: self.weights.get(true, 0))
        if weighed not in self.exported_names and size > self.largest.get(weighed, (0, ""))[0]:
            self.largest[weighed] = (size, verdict)

    def weight(self, *verdicts):
        return sum(self.weights.get(name, 0) for name, (_, verdict) in self.largest.items()
                   if verdict in verdicts)

    @property
    def precision(self):
        return self.right / (self.right + self.wrong)

    @property
    def weighed_precision(self):
        return self.weight("right") / self.weight("right", "wrong")

    @property
    def weighed_recall(self):
        return self.weight("right") / self.weight("right", "wrong", "nameless")


class RecoveredNames(unittest.TestCase):
    HELD_OUT = os.path.join(os.path.dirname(PGFLAME), "..", "..", "tests", "symbolizer",
                            "pgflame_held_out")

    def score(self, server, *options):
        with tempfile.TemporaryDirectory() as folder:
            stripped = os.path.join(folder, "postgres")
            run("llvm-strip", "-o", stripped, server)
            result = Score(truth(server), exported(server))
            for line in run(self.HELD_OUT, stripped, *options).splitlines():
                address, size, name, tier, _ = line.split("\t")
                result.add(int(address, 16), int(size), name, tier)
        return result

    def check(self, majors, without, least_recall):
        """Recovers each server as if the reference made from it did not exist."""
        for major, server in servers(*majors):
            with self.subTest(major=major):
                score = self.score(server, without.format(major))
                self.judge(f"{major} without reference {without.format(major)}", score,
                           least_recall)

    def judge(self, what, score, least_recall):
        print(f"\n  {what}: "
              f"{score.right} right, {score.wrong} wrong, {score.nameless} without a name; "
              f"precision {100 * score.precision:.2f} %, by samples "
              f"{100 * score.weighed_precision:.2f} %; recall of static functions by "
              f"samples {100 * score.weighed_recall:.1f} %")
        self.assertGreaterEqual(score.precision, 0.995, score.mistakes)
        self.assertGreaterEqual(score.weighed_precision, 0.995, score.mistakes)
        self.assertGreater(score.weighed_recall, least_recall)

    def test_names_are_right_when_the_server_itself_is_held_out(self):
        self.check(["13", "14", "15", "16", "17", "18"], "{}-gcc7", 0.75)

    def test_names_are_right_when_its_whole_major_version_is_held_out(self):
        self.check(["13", "15", "17", "18"], "{}", 0.70)

    def test_names_are_right_on_another_machine_than_the_references_were_made_for(self):
        """These builds have no .eh_frame: where functions begin is told, names are recovered."""
        for major, server in servers("15-arm64", "18-arm64"):
            with self.subTest(major=major):
                self.judge(major, self.score(server, "--bounds", server), 0.65)

    def test_names_are_right_in_servers_that_are_linked_to_fixed_addresses(self):
        """Their addresses stand in the code and the data themselves, without relocations."""
        for major, server in servers("13-fixed", "15-fixed"):
            with self.subTest(major=major):
                self.judge(major, self.score(server), 0.85)

    def test_names_in_extension_modules_are_right(self):
        right = nameless = 0
        for major, server in servers("13", "14", "15", "16", "17", "18"):
            for module in ("plpgsql", "pg_stat_statements", "pg_trgm", "postgres_fdw"):
                path = os.path.join(os.path.dirname(server), "..", "lib", "postgresql",
                                    module + ".so")
                with self.subTest(major=major, module=module):
                    score = self.score(path, f"{major}-gcc7")
                    right, nameless = right + score.right, nameless + score.nameless
                    self.assertEqual([], score.mistakes)
        print(f"\n  extension modules without the references of their major: {right} right, "
              f"{nameless} without a name")
        self.assertGreater(right, 2 * nameless)

    def test_the_cache_gives_the_same_names(self):
        _, server = next(servers("15"))
        # The module has split parts of functions without a name.
        for binary in (server, "/usr/lib/postgresql/15/lib/plpgsql.so"):
            with self.subTest(binary), tempfile.TemporaryDirectory() as folder:
                stripped = os.path.join(folder, os.path.basename(binary))
                run("strip", "-o", stripped, binary)
                cold = symbols(stripped, cache=folder)
                self.assertTrue(os.listdir(os.path.join(folder, "pgflame")))
                self.assertEqual(cold, symbols(stripped, cache=folder))

    def test_the_evidence_cites_the_fact_and_survives_the_cache(self):
        _, server = next(servers("15"))
        with tempfile.TemporaryDirectory() as folder:
            stripped = os.path.join(folder, "postgres")
            run("strip", "-o", stripped, server)
            environment = dict(os.environ, XDG_CACHE_HOME=folder)
            cold, cached = (run(PGFLAME, "symbols", stripped, "--tsv", env=environment)
                            for _ in range(2))
            self.assertEqual(cold, cached)
            with open(stripped, "rb") as contents:
                binary = contents.read()
        rows = [line.split("\t") for line in cold.splitlines()]
        # Those that a reference testifies to.
        evidence = [row[4] for row in rows if row[3] == "recovered" and " as in " in row[4]]
        names = {row[2] for row in rows}
        # What lies behind the table that this function refers to.
        self.assertNotIn("in a table of hba_authname", cold)
        kinds = Counter()
        for text in evidence:
            fact = re.match(r'(?:the only one with )?string "(.*?)"(\.\.\.)?, |'
                            r"(called by|its address is taken by|in a table of|calls|takes) (\w+), |"
                            r"in (\w+)\+0x[0-9a-f]+, ", text)
            if fact is None:
                continue
            kinds[fact[3] or ("string" if fact[1] is not None else "slot")] += 1
            if fact[4]:
                self.assertIn(fact[4], names, text)
            elif fact[5]:
                self.assertIn(fact[5].encode(), binary, text)
            elif "." not in fact[1]:
                self.assertTrue(fact[1].encode() in binary, text)
        print(f"\n  {len(evidence)} recovered names rest on {dict(kinds)}")
        self.assertGreater(len(evidence), 3000)
        self.assertGreater(sum(kinds.values()), 0.98 * len(evidence))
        self.assertGreater(len(kinds), 4)

    def test_no_name_is_recovered_in_a_program_that_is_no_server(self):
        tiers = {tier for _, _, tier in symbols("/bin/bash").values()}
        self.assertNotIn("recovered", tiers)


class SymbolFiles(unittest.TestCase):
    SOURCE = """
        #include <cstdio>
        namespace deep { struct Thing { __attribute__((noinline)) int work(int n) {
            std::printf("%d", n); return n * 3; } }; }
        static __attribute__((noinline)) int helper(int n) { return deep::Thing{}.work(n) + 1; }
        int main(int argc, char**) { return helper(argc); }
    """

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.program = self.path("program")
        source = self.path("program.cpp")
        with open(source, "w", encoding="utf-8") as file:
            file.write(self.SOURCE)
        run("g++", "-g", "-O2", "-Wl,--build-id", "-o", self.program, source)
        self.addresses = {name: int(value, 16) for value, _, name in
                          (line.split(" ", 2) for line in run("nm", self.program).splitlines()
                           if not line.startswith(" "))}
        self.helper = next(a for n, a in self.addresses.items() if "helper" in n)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def stripped(self, *sections):
        copy = self.path("copy")
        run("strip", "-o", copy, self.program)
        if sections:
            run("objcopy", *sections, copy)
        return copy

    def name_of_helper(self, binary, *options):
        row = symbols(binary, *options).get(self.helper)
        return (row[1], row[2]) if row else None

    def test_a_symbol_table_names_static_functions(self):
        self.assertEqual(("helper(int)", "full"), self.name_of_helper(self.program))

    def test_without_symbols_a_function_is_told_apart_by_its_start(self):
        self.assertEqual((f"[unnamed] copy+{self.helper:#x}", "unnamed"),
                         self.name_of_helper(self.stripped()))

    def test_code_without_unwind_information_is_said_to_be_unknown(self):
        stats = run(PGFLAME, "symbols", self.stripped(), "--stats")
        self.assertNotIn(".eh_frame", stats)
        copy = self.stripped("--remove-section", ".eh_frame", "--remove-section", ".eh_frame_hdr")
        stats = run(PGFLAME, "symbols", copy, "--stats")
        share = re.search(r"([0-9.]+) % of \d+ bytes of code are in no known function.*\.eh_frame",
                          stats)
        self.assertGreater(float(share[1]), 50)
        address = run(PGFLAME, "symbols", copy, "--address", hex(self.helper))
        self.assertIn("the file has no unwind information (.eh_frame)", address)

    def test_a_debug_file_is_found_by_build_id(self):
        build_id = re.search(r"Build ID: (\w+)", run("readelf", "-n", self.program)).group(1)
        folder = self.path(f"debug/.build-id/{build_id[:2]}")
        os.makedirs(folder)
        run("objcopy", "--only-keep-debug", self.program, f"{folder}/{build_id[2:]}.debug")
        name = self.name_of_helper(self.stripped(), "--debug-dir", self.path("debug"))
        self.assertEqual(("helper(int)", "full"), name)

    def debug_file(self):
        """The program's debug file, and its build-id."""
        debug = self.path("program.debug")
        run("objcopy", "--only-keep-debug", self.program, debug)
        return debug, re.search(r"Build ID: (\w+)", run("readelf", "-n", self.program)).group(1)

    def test_debuginfod_is_asked_only_when_the_environment_names_a_server(self):
        debug, build_id = self.debug_file()
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200 if self.path == f"/buildid/{build_id}/debuginfo" else 404)
                self.end_headers()
                with open(debug, "rb") as contents:
                    self.wfile.write(contents.read())

            def log_message(self, *_):
                pass

        copy = self.stripped()
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.addCleanup(server.shutdown)
            self.assertEqual("unnamed", self.name_of_helper(copy)[1])
            self.assertEqual([], asked)
            variables = {"DEBUGINFOD_URLS": f"http://127.0.0.1:{server.server_port}",
                         "DEBUGINFOD_CACHE_PATH": self.path("cache")}
            with unittest.mock.patch.dict(os.environ, variables):
                self.assertEqual(("helper(int)", "full"), self.name_of_helper(copy))
                self.assertTrue(asked)
                run("objcopy", "--update-section", f".note.gnu.build-id={self.other_note()}", debug)
                variables["DEBUGINFOD_CACHE_PATH"] = self.path("cache-2")
                with unittest.mock.patch.dict(os.environ, variables):
                    self.assertEqual("unnamed", self.name_of_helper(copy)[1])

    def other_note(self):
        """A build-id note like the program's, with another last byte."""
        note = self.path("note")
        run("objcopy", "-O", "binary", "--only-section=.note.gnu.build-id",
            "--set-section-flags", ".note.gnu.build-id=alloc", self.program, note)
        with open(note, "r+b") as contents:
            contents.seek(-1, os.SEEK_END)
            last = contents.read(1)[0]
            contents.seek(-1, os.SEEK_END)
            contents.write(bytes([last ^ 1]))
        return note

    def test_a_debug_link_counts_only_with_the_right_checksum(self):
        debug = self.path("program.debug")
        run("objcopy", "--only-keep-debug", self.program, debug)
        copy = self.stripped(f"--add-gnu-debuglink={debug}")
        self.assertEqual(("helper(int)", "full"), self.name_of_helper(copy))
        with open(debug, "ab") as file:
            file.write(b"x")
        self.assertEqual("unnamed", self.name_of_helper(copy)[1])

    def test_a_fifo_where_a_debug_file_is_looked_for_is_not_waited_for(self):
        debug, build_id = self.debug_file()
        copy = self.stripped(f"--add-gnu-debuglink={debug}")
        os.remove(debug)
        os.mkfifo(debug)
        folder = self.path(f"debug/.build-id/{build_id[:2]}")
        os.makedirs(folder)
        os.mkfifo(f"{folder}/{build_id[2:]}.debug")
        row = subprocess.run([PGFLAME, "symbols", copy, "--tsv", "--debug-dir", self.path("debug")],
                             capture_output=True, text=True, timeout=20, check=True)
        self.assertIn("[unnamed]", row.stdout)
        refused = subprocess.run([PGFLAME, "symbols", debug], capture_output=True, text=True,
                                 timeout=20, check=False)
        self.assertEqual(2, refused.returncode)
        self.assertIn("is not a regular file", refused.stderr)

    def test_a_fifo_in_the_place_of_a_split_or_shared_dwarf_file_is_not_waited_for(self):
        source, binary = self.path("program.cpp"), self.path("split")
        run("g++", "-g", "-gsplit-dwarf", "-O2", "-o", binary, source, cwd=self.folder.name)
        second = self.path("second")
        run("g++", "-g", "-O2", "-o", second, source)
        run("g++", "-g", "-O2", "-o", self.path("third"), source)
        run("dwz", "-m", self.path("common.debug"), second, self.path("third"))
        split, = [name for name in os.listdir(self.folder.name) if name.endswith(".dwo")]
        for program, part in ((binary, split), (second, "common.debug")):
            os.remove(self.path(part))
            os.mkfifo(self.path(part))
            shown = subprocess.run([PGFLAME, "symbols", program, "--address", hex(self.helper)],
                                   capture_output=True, text=True, timeout=20, check=True).stdout
            self.assertIn("helper", shown)

    def test_a_debug_link_is_followed_from_a_name_without_a_folder(self):
        debug, _ = self.debug_file()
        copy = self.stripped(f"--add-gnu-debuglink={debug}")
        rows = run(PGFLAME, "symbols", os.path.basename(copy), "--tsv", cwd=self.folder.name)
        self.assertIn("\thelper(int)\tfull\t", rows)

    def test_inlined_functions_come_from_a_debug_file_of_a_binary_with_symbols_too(self):
        source, program, debug = self.path("in.cpp"), self.path("in"), self.path("in.debug")
        with open(source, "w", encoding="utf-8") as file:
            file.write("static inline __attribute__((always_inline)) int inlined_one(int n) "
                       "{ for (volatile int i = 0; i < n; ++i); return n; }\n"
                       "int main(int argc, char**) { return inlined_one(argc); }\n")
        run("g++", "-g", "-O2", "-o", program, source)
        run("objcopy", "--only-keep-debug", program, debug)
        run("strip", "--strip-debug", program)
        run("objcopy", f"--add-gnu-debuglink={debug}", program)
        main, size = next((a, row[0]) for a, row in symbols(program).items() if row[1] == "main")
        options = [text for a in range(main, main + size) for text in ("--address", hex(a))]
        self.assertIn("inlined_one", run(PGFLAME, "symbols", program, *options))
        os.remove(debug)
        self.assertNotIn("inlined_one", run(PGFLAME, "symbols", program, *options))

    def test_a_debug_file_that_came_after_the_cache_was_written_counts(self):
        _, server = next(servers("15"))
        debug, stripped = self.path("postgres.debug"), self.path("postgres")
        run("objcopy", "--only-keep-debug", server, debug)
        run("strip", "-o", stripped, server)
        run("objcopy", f"--add-gnu-debuglink={debug}", stripped)
        os.rename(debug, debug + ".later")
        before = symbols(stripped, cache=self.folder.name)
        os.rename(debug + ".later", debug)
        after = symbols(stripped, cache=self.folder.name)
        recovered = [address for address, row in before.items() if row[2] == "recovered"]
        self.assertGreater(len(recovered), 1000)
        self.assertEqual([], [hex(a) for a in recovered if after[a][2] != "full"][:10])

    def test_a_file_that_was_cut_short_is_refused(self):
        with open(self.program, "r+b") as contents:
            contents.truncate(os.path.getsize(self.program) // 2)
        done = subprocess.run([PGFLAME, "symbols", self.program], capture_output=True, text=True,
                              check=False)
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn("cut short", done.stderr)
        self.assertIn("hint: ", done.stderr)

    def test_mini_debug_info_inside_the_binary_is_used(self):
        mini = self.path("mini")
        run("objcopy", "--only-keep-debug", self.program, mini)
        run("strip", "--strip-debug", mini)
        run("xz", "-f", mini)
        copy = self.stripped("--add-section", f".gnu_debugdata={mini}.xz")
        self.assertEqual(("helper(int)", "full"), self.name_of_helper(copy))

    def test_the_function_that_calls_main_has_its_name_without_debug_files(self):
        source, program, library = self.path("main.cpp"), self.path("main"), self.path("libc.so.6")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <cstdio>\n#include <dlfcn.h>\n"
                       "int main() { Dl_info info; char* caller = "
                       "static_cast<char*>(__builtin_return_address(0)); dladdr(caller, &info); "
                       "std::printf(\"%s %td\", info.dli_fname, "
                       "caller - static_cast<char*>(info.dli_fbase)); }")
        run("g++", "-o", program, source)
        path, offset = run(program).split()
        run("objcopy", "-R", ".note.gnu.build-id", "-R", ".gnu_debuglink", path, library)
        names = [(name, tier) for start, (size, name, tier) in symbols(library).items()
                 if start <= int(offset) < start + size]
        self.assertEqual([("__libc_start_call_main", "recovered")], names)
        self.assertIn(("__restore_rt", "recovered"), {row[1:] for row in symbols(library).values()})

    def test_names_agree_with_addr2line_in_a_large_program(self):
        plain = self.path("plain")  # without DWARF, so that both read the symbol table
        run("strip", "--strip-debug", "-o", plain, PGFLAME)
        places = [(start + offset, name) for start, (size, name, tier) in symbols(plain).items()
                  if tier == "full" for offset in (0, size // 2, max(size - 1, 0))]
        self.assertGreater(len(places), 3000)
        answers = run("addr2line", "-f", "-C", "-e", plain,
                      input="".join(f"{address:x}\n" for address, _ in places)).splitlines()[::2]
        bare = re.compile(r"\[clone .*|\(.*|\..*| const$")
        different = [(hex(address), name, answer)
                     for (address, name), answer in zip(places, answers)
                     if bare.sub("", name).strip() != bare.sub("", answer).strip()]
        # Of several names for one place (constructors, aliases) either may be given.
        self.assertLess(len(different), 0.01 * len(places), different[:10])


if __name__ == "__main__":
    unittest.main()
