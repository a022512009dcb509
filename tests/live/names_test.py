"""Names against the truth: builds that kept their symbol tables, nm, addr2line."""
import os
import re
import subprocess
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PGFLAME = os.environ["PGFLAME"]
CLONE = re.compile(r"\.(cold|part|constprop|isra|lto_priv|localalias)")


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def symbols(binary, *options, cache=None):
    """{address: (size, name, tier)} as pgflame says."""
    environment = dict(os.environ, XDG_CACHE_HOME=cache or "/nonexistent")
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


def servers():
    script = os.path.join(ROOT, "tests", "support", "fetch_postgres.sh")
    for line in run(script, "15", "17", "18").splitlines():
        major, path = line.split()
        yield int(major), os.path.join(ROOT, path)


class RecoveredNames(unittest.TestCase):
    def test_recovered_names_of_a_stripped_copy_are_the_true_ones(self):
        for major, server in servers():
            with self.subTest(major=major), tempfile.TemporaryDirectory() as folder:
                stripped = os.path.join(folder, "postgres")
                run("strip", "-o", stripped, server)
                right = wrong = missing = right_bytes = all_bytes = 0
                names = truth(server)
                for address, (size, name, tier) in symbols(stripped).items():
                    if address not in names or tier == "exported":
                        continue
                    all_bytes += size
                    if tier == "recovered":
                        right += name in names[address]
                        right_bytes += size * (name in names[address])
                        wrong += name not in names[address]
                    else:
                        missing += 1
                print(f"\n  {major}: {right} right, {wrong} wrong, {missing} without a name; "
                      f"{100 * right_bytes / all_bytes:.1f} % of the bytes named")
                self.assertGreater(right, 3000)
                self.assertLessEqual(wrong, 0.005 * (right + wrong))
                self.assertGreater(right_bytes, 0.95 * all_bytes)

    def test_the_cache_gives_the_same_names(self):
        _, server = next(servers())
        with tempfile.TemporaryDirectory() as folder:
            stripped = os.path.join(folder, "postgres")
            run("strip", "-o", stripped, server)
            cold = symbols(stripped, cache=folder)
            self.assertTrue(os.listdir(os.path.join(folder, "pgflame")))
            self.assertEqual(cold, symbols(stripped, cache=folder))

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

    def test_a_debug_file_is_found_by_build_id(self):
        build_id = re.search(r"Build ID: (\w+)", run("readelf", "-n", self.program)).group(1)
        folder = self.path(f"debug/.build-id/{build_id[:2]}")
        os.makedirs(folder)
        run("objcopy", "--only-keep-debug", self.program, f"{folder}/{build_id[2:]}.debug")
        name = self.name_of_helper(self.stripped(), "--debug-dir", self.path("debug"))
        self.assertEqual(("helper(int)", "full"), name)

    def test_a_debug_link_counts_only_with_the_right_checksum(self):
        debug = self.path("program.debug")
        run("objcopy", "--only-keep-debug", self.program, debug)
        copy = self.stripped(f"--add-gnu-debuglink={debug}")
        self.assertEqual(("helper(int)", "full"), self.name_of_helper(copy))
        with open(debug, "ab") as file:
            file.write(b"x")
        self.assertEqual("unnamed", self.name_of_helper(copy)[1])

    def test_mini_debug_info_inside_the_binary_is_used(self):
        mini = self.path("mini")
        run("objcopy", "--only-keep-debug", self.program, mini)
        run("strip", "--strip-debug", mini)
        run("xz", "-f", mini)
        copy = self.stripped("--add-section", f".gnu_debugdata={mini}.xz")
        self.assertEqual(("helper(int)", "full"), self.name_of_helper(copy))

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
