"""Other people's symbol readers as oracles: libbpfcc's symbol cache, nm and addr2line."""
import ctypes
import os
import re
import subprocess
import tempfile
import unittest

from cluster import Cluster

PGFLAME = os.environ["PGFLAME"]
BARE = re.compile(r"\[clone .*|@.*")


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def listed(binary):
    """[(address, size, name, tier, evidence)] as pgflame says, without recovered names' cache."""
    environment = dict(os.environ, XDG_CACHE_HOME="/dev/null")  # no folder can be made there
    rows = (line.split("\t") for line in
            run(PGFLAME, "symbols", binary, "--tsv", env=environment).splitlines())
    return [(int(address, 16), int(size), name, tier, evidence)
            for address, size, name, tier, evidence in rows]


def plain(name):
    """Demanglers differ in how they write parameters and templates."""
    return re.sub(r"[(<\[].*", "", name).strip()


# Templates of the C++ library, inlined several levels deep.
WITH_INLINES = r"""
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <vector>
int main(int argc, char** argv) {
  std::map<std::string, std::vector<int>> words;
  const std::regex pattern("([a-z]+)=([0-9]+)");
  for (int i = 1; i < argc; ++i) {
    std::smatch found;
    const std::string text = argv[i];
    if (std::regex_match(text, found, pattern)) words[found[1]].push_back(std::stoi(found[2]));
  }
  for (auto& [word, numbers] : words) {
    std::sort(numbers.begin(), numbers.end());
    std::cout << word << ' ' << numbers.front() << '\n';
  }
}
"""


def frames_of_addr2line(binary, places):
    """{address: names, innermost first} of the inlined functions there and the one around them."""
    frames = {}
    for line in run("addr2line", "-afCi", "-e", binary,
                    input="".join(f"{a:x}\n" for a in places)).splitlines():
        if line.startswith("0x"):
            names = frames.setdefault(int(line, 16), [])
        elif not re.search(r":([0-9]+|\?)( \(discriminator [0-9]+\))?$", line):
            names.append(plain(line))
    return frames


def frames_of_pgflame(binary, places):
    """The same; nothing where the program has no DWARF."""
    options = [text for address in places for text in ("--address", hex(address))]
    frames = {}
    for line in run(PGFLAME, "symbols", binary, *options).splitlines():
        if found := re.match(r"  (0x[0-9a-f]+) (?:inlined )?(.*?)(?: at \S+)?$", line):
            frames.setdefault(int(found[1], 16), []).append(plain(found[2]))
    return frames


class BccSymbol(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("demangle_name", ctypes.c_char_p),
                ("module", ctypes.c_char_p), ("offset", ctypes.c_uint64)]


class BccOptions(ctypes.Structure):
    _fields_ = [("use_debug_file", ctypes.c_int), ("check_debug_file_crc", ctypes.c_int),
                ("lazy_symbolize", ctypes.c_int), ("use_symbol_type", ctypes.c_uint32)]


FUNCTIONS = 1 << 2 | 1 << 10  # STT_FUNC, STT_GNU_IFUNC
bcc = ctypes.CDLL("libbcc.so.0")
bcc.bcc_symcache_new.restype = ctypes.c_void_p
bcc.bcc_free_symcache.argtypes = [ctypes.c_void_p, ctypes.c_int]
bcc.bcc_symcache_resolve_no_demangle.argtypes = [ctypes.c_void_p, ctypes.c_uint64,
                                                 ctypes.POINTER(BccSymbol)]
ElfCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_uint64,
                               ctypes.c_void_p)


def bcc_symbols(binary):
    """{address: names} of the functions that bcc reads from the file."""
    names = {}
    options = BccOptions(0, 0, 0, FUNCTIONS)

    def add(name, address, size, _):
        if size:
            names.setdefault(address, set()).add(name.decode().split("@")[0])
        return 0

    bcc.bcc_elf_foreach_sym(binary.encode(), ElfCallback(add), ctypes.byref(options), None)
    return names


def load_bias(pid, binary):
    """What the process adds to the addresses in the file."""
    segment = re.search(r"LOAD\s+0x(\w+) 0x(\w+) \S+ \S+ \S+ R E", run("readelf", "-lW", binary))
    offset, address = (int(text, 16) for text in segment.groups())
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            fields = line.split()
            if fields[-1] == os.path.realpath(binary) and int(fields[2], 16) == offset & ~0xfff:
                return int(fields[0].split("-")[0], 16) + (offset & 0xfff) - address
    raise AssertionError(f"{binary} is not mapped")


class SymbolCaches(unittest.TestCase):
    def compare(self, pid, binary, least):
        """Every exported or full name at the first and last byte of its function."""
        aliases = bcc_symbols(binary)
        bias = load_bias(pid, binary)
        options = BccOptions(0, 0, 0, FUNCTIONS)
        cache = bcc.bcc_symcache_new(pid, ctypes.byref(options))
        checked, different = 0, []
        for start, size, name, tier, evidence in listed(binary):
            known = start in aliases  # else it is from a debug file, which bcc was not to read
            if tier not in ("exported", "full") or evidence == "PLT stub" or not known:
                continue
            for address in (start, start + size - 1):
                symbol = BccSymbol()
                found = bcc.bcc_symcache_resolve_no_demangle(cache, address + bias,
                                                             ctypes.byref(symbol))
                answer = symbol.name.decode().split("@")[0] if found == 0 and symbol.name else None
                checked += 1
                if answer is None or answer not in aliases.get(start, ()):
                    different.append((hex(address), name, answer))
        bcc.bcc_free_symcache(cache, pid)
        print(f"\n  {binary}: {checked} addresses, {len(different)} differ")
        self.assertGreater(checked, least)
        # bcc takes any of several symbols that overlap; pgflame the innermost.
        self.assertLessEqual(len(different), 0.002 * checked, different[:20])

    def test_names_agree_with_the_symbol_cache_of_bcc(self):
        libraries = {}
        for name in ("libc.so.6", "libstdc++.so.6"):
            ctypes.CDLL(name)
            with open("/proc/self/maps") as maps:
                libraries[name] = next(line.split()[-1] for line in maps if name in line)
        for path in libraries.values():
            with self.subTest(library=path):
                self.compare(os.getpid(), path, 4000)
        with Cluster() as cluster:
            self.compare(cluster.pid, os.path.join(cluster.bindir, "postgres"), 15000)

    def build(self, folder, name, *options):
        source, binary = os.path.join(folder, name + ".cpp"), os.path.join(folder, name)
        with open(source, "w", encoding="utf-8") as file:
            file.write(WITH_INLINES)
        run("g++", "-std=c++17", "-O2", "-g", *options, source, "-o", binary, cwd=folder)
        return binary

    def test_inlined_frames_agree_with_addr2line(self):
        with tempfile.TemporaryDirectory() as folder:
            binary = self.build(folder, "plain")
            rows = [row for row in listed(binary) if row[3] == "full"]
            places = sorted({a for start, size, *_ in rows for a in range(start, start + size, 5)})
            truth = frames_of_addr2line(binary, places)
            ours = frames_of_pgflame(binary, places)
            # The code is the same however its description is stored.
            for name, options in (("compressed", ["-gz=zlib"]), ("older", ["-gz=zlib-gnu"]),
                                  ("split", ["-gsplit-dwarf"])):
                stored = self.build(folder, name, *options)
                self.assertEqual(ours, frames_of_pgflame(stored, places), name)
            first, second = self.build(folder, "first"), self.build(folder, "second")
            run("dwz", "-m", os.path.join(folder, "common.debug"), first, second)
            self.assertIn(".gnu_debugaltlink", run("readelf", "-SW", first))
            self.assertEqual(ours, frames_of_pgflame(first, places), "dwz")
            os.remove(os.path.join(folder, "common.debug"))
            for place, frames in frames_of_pgflame(first, places).items():
                self.assertEqual(ours[place][-len(frames):], frames, hex(place))
            self.assertEqual([row[2] for row in listed(binary)], [row[2] for row in listed(first)])
        deep = [a for a in places if len(truth[a]) > 3]
        different = [(hex(a), truth[a], ours[a]) for a in ours if ours[a] != truth[a]]
        print(f"\n  {len(places)} places, {len(deep)} with more than two inlined functions, "
              f"{len(places) - len(ours)} without DWARF, {len(different)} different")
        self.assertGreater(len(deep), 2000)
        self.assertGreater(len(ours), 0.95 * len(places))
        # GNU ld's parts (main.cold) and initialisers are called otherwise.
        self.assertLess(len(different), 0.002 * len(places), different[:10])

    def test_names_are_read_as_cxxfilt_reads_them(self):
        libraries = [line.split()[-1] for line in run("ldconfig", "-p").splitlines()
                     if re.match(r"\s*(libstdc\+\+|libLLVM-)", line) and "x86-64" in line]
        checked = 0
        for library in {os.path.realpath(path) for path in libraries}:
            mangled = {}
            for line in run("nm", "-D", "--defined-only", library).splitlines():
                address, _, name = line.split()
                mangled.setdefault(int(address, 16), []).append(name.split("@")[0])
            names = [name for several in mangled.values() for name in several]
            readable = dict(zip(names, run("c++filt", "-i", input="\n".join(names)).splitlines()))
            rows = [row for row in listed(library) if row[3] == "exported" and row[0] in mangled]
            different = [(row[2], mangled[row[0]]) for row in rows
                         if row[2] not in [readable[name] for name in mangled[row[0]]]]
            print(f"\n  {library}: {len(rows)} names, {len(different)} differ")
            self.assertEqual([], different[:10])
            checked += len(rows)
        self.assertGreater(checked, 3000)

    def test_every_exported_function_that_nm_lists_is_listed(self):
        for binary in ("/usr/lib/postgresql/15/bin/postgres", "/lib/x86_64-linux-gnu/libc.so.6",
                       "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"):
            rows = {address: name for address, _, name, tier, _ in listed(binary)
                    if tier in ("exported", "full")}
            nm = [line.split() for line in run("nm", "-DC", "--defined-only", binary).splitlines()]
            exported = {}
            for address, kind, name in ((f[0], f[1], " ".join(f[2:])) for f in nm):
                if kind in "TWi":
                    exported.setdefault(int(address, 16), set()).add(BARE.sub("", name))
            missing = [(hex(address), names, rows.get(address))
                       for address, names in exported.items()
                       if not any(plain(rows.get(address, "")) == plain(n) for n in names)]
            print(f"\n  {binary}: {len(exported)} exported, {len(missing)} not so named")
            self.assertGreater(len(exported), 1500)
            self.assertLessEqual(len(missing), 0.002 * len(exported), missing[:10])


if __name__ == "__main__":
    unittest.main()
