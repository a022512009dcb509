#!/usr/bin/env python3
"""clang-tidy on every source file that changed since it was last found clean.

    tests/style/tidy.py BUILD_FOLDER

Nearly all of clang-tidy's time goes into the standard library's headers, so many files are checked as
one translation unit: six times faster than one by one. Files that don't compile behind others (two
unnamed namespaces with the same function) wait for the next unit.
"""
import concurrent.futures
import hashlib
import itertools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("src", "symbolizer", "flamegraph")
FILES_PER_UNIT = 24
# The unit includes .cpp files on purpose, and what is not ours is not reported.
TIDY = ["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option", "--checks=-bugprone-suspicious-include",
        f"--config-file={ROOT}/.clang-tidy",
        rf"--header-filter=^{re.escape(str(ROOT))}/({'|'.join(FOLDERS)})/.*\.(h|cpp)$"]


def files(*patterns):
    listed = subprocess.run(["git", "ls-files", "-c", "-o", "--exclude-standard", *patterns],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [ROOT / name for name in sorted(listed) if (ROOT / name).exists()]


def flags_by_file(build):
    """The compiler's arguments without what differs from file to file."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        source = words.index("-c")
        del words[source:source + 2]
        output = words.index("-o")
        del words[output:output + 2]
        flags[pathlib.Path(entry["file"])] = tuple(words[1:])
    return flags


def files_with_errors(said):
    return {pathlib.Path(name) for name in re.findall(r"^(/[^:\n]+):\d+:\d+: (?:fatal )?error:", said, re.MULTILINE)}


class Unit:
    """Files checked together; its text lies in the build folder."""

    def __init__(self, folder, sources, flags):
        self.sources, self.flags = sources, flags
        name = hashlib.sha256(" ".join(map(str, sources)).encode()).hexdigest()[:16]
        self.path = folder / f"{name}.cpp"
        self.path.write_text("".join(f'#include "{source}"\n' for source in sources))

    def not_compiling(self):
        """The files with an error, which may only be one of standing behind the others."""
        said = subprocess.run(["clang++", *self.flags, "-w", "-Wno-error", "-fsyntax-only", "-ferror-limit=0",
                               "-fno-caret-diagnostics", str(self.path)], capture_output=True, text=True).stderr
        named = files_with_errors(said)
        return [source for source in self.sources if source in named]

    def check(self):
        """What clang-tidy says of the files one by one, empty when it is content with all of them."""
        run = subprocess.run([*TIDY, str(self.path), "--", *self.flags], cwd=ROOT, capture_output=True, text=True)
        if run.returncode == 0:
            return ""
        said = run.stdout or run.stderr
        named = files_with_errors(said)
        if len(self.sources) == 1 or not named <= set(self.sources):
            return said
        # What another file's functions led to is no offence: alone, each file has the last word.
        return "".join(Unit(self.path.parent, [source], self.flags).check() for source in sorted(named))


def units_of(folder, sources, flags):
    """Units that compile; a file that does not compile alone is a unit too, and clang-tidy says why."""
    waiting = list(sources)
    while waiting:
        taken, waiting = waiting[:FILES_PER_UNIT], waiting[FILES_PER_UNIT:]
        unit = Unit(folder, taken, flags)
        while len(taken) > 1 and (behind := unit.not_compiling()):
            if behind[0] == taken[0]:
                behind = taken[1:]
            waiting = behind + waiting
            taken = [source for source in taken if source not in behind]
            unit = Unit(folder, taken, flags)
        yield unit


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    folder = build / "tidy"
    folder.mkdir(exist_ok=True)
    flags = flags_by_file(build)
    # A file is clean for as long as it, the rules and every header of ours stay the same.
    shared = b"".join(path.read_bytes() for path in files("*.h", ".clang-tidy", "tests/style/tidy.py"))

    def stamp(source):
        return folder / hashlib.sha256(shared + source.read_bytes() + str(source).encode()).hexdigest()[:40]

    sources = [source for source in files(*(f"{name}/*.cpp" for name in FOLDERS)) if not stamp(source).exists()]
    for source in sources:  # one this build leaves out is compiled like its neighbours
        flags.setdefault(source, next(words for path, words in flags.items() if path.parent == source.parent))
    sources.sort(key=lambda source: (flags[source], source))
    groups = [(key, list(group)) for key, group in itertools.groupby(sources, key=flags.get)]

    offences = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        per_group = pool.map(lambda group: list(units_of(folder, group[1], group[0])), groups)
        units = list(itertools.chain.from_iterable(per_group))
        for unit, said in zip(units, pool.map(Unit.check, units)):
            if said:
                offences += 1
                print(said)
            else:
                for source in unit.sources:
                    stamp(source).touch()
    print(f"clang-tidy: {len(sources)} files in {len(units)} units, {offences} units with offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
