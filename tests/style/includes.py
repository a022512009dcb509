"""Checks the direction of the dependencies between folders, the size of files, and that nothing
below the command line prints or exits. Prints one line per offence."""
import os
import re
import subprocess
import sys

# folder -> folders it may include, besides itself
BELOW_ALL = ["src/base"]
MODEL = BELOW_ALL + ["src/profile"]
ALLOWED = {
    "src/base": [],
    "src/profile": BELOW_ALL,
    "symbolizer/unwind": MODEL + ["symbolizer", "bpf"],
    "symbolizer": MODEL + ["symbolizer/unwind"],
    "flamegraph": MODEL,
    "src/bcc": BELOW_ALL,
    "src/capture": MODEL + ["bpf", "src/bcc", "symbolizer/unwind"],
    "src/input": MODEL,
    "src/convert": MODEL,
    "src/postgres": MODEL,
    "src/context": MODEL + ["src/postgres"],
    "src/diagnose": MODEL + ["src/postgres", "flamegraph", "src/context"],
    "src/report": MODEL + ["src/diagnose", "src/postgres", "flamegraph"],
    "bpf": [],
}
# third-party header prefix -> the only folders that may know it
ONLY = {
    r"bpf/(libbpf|bpf)\.h": ["src/capture"],
    r"bcc/.*\.h": ["src/bcc"],
    r"(libelf|gelf|elfutils/.*|dwarf)\.h": ["symbolizer", "symbolizer/unwind", "src/base"],
    r"Zydis/.*": ["symbolizer"],
    r"CLI/.*": ["src/cli"],
    r"libpq-fe\.h": ["src/context"],
}
PRINTS = re.compile(r"std::(cout|cerr|clog)|\bf?printf\(|\bputs\(|(?<![\w.>:] )(?<![\w.>:])_?exit\(|std::(exit|abort)\(|getenv\(")
FUNCTION_TABLES = re.compile(r"generated|_table\.(h|cpp|inc)$|\.tsv$")


def folder_of(path):
    candidates = [f for f in list(ALLOWED) + ["src/cli"] if path.startswith(f + "/")]
    return max(candidates, key=len, default=None)


def offences(path, text):
    folder = folder_of(path)
    lines = text.splitlines()
    if len(lines) > 500 and not FUNCTION_TABLES.search(path):
        yield f"{path}: {len(lines)} lines, more than 500"
    if folder is None:
        return
    for number, line in enumerate(lines, 1):
        include = re.match(r'\s*#include\s+(["<])([^">]+)[">]', line)
        if include and include[1] == '"' and folder != "src/cli":
            target = folder_of(include[2])
            if target and target != folder and target not in ALLOWED[folder]:
                yield f"{path}:{number}: {folder} must not include {target}"
        if include and include[1] == "<":
            for header, folders in ONLY.items():
                if re.fullmatch(header, include[2]) and folder not in folders:
                    yield f"{path}:{number}: only {', '.join(folders)} may include <{include[2]}>"
        is_program = path == "symbolizer/reference/extract.cpp"  # a tool for developers
        if folder not in ("src/cli", "bpf") and not is_program and PRINTS.search(line.split("//")[0]):
            yield f"{path}:{number}: prints, exits or reads the environment below src/cli"


def main():
    files = subprocess.run(["git", "ls-files", "bpf", "src", "symbolizer", "flamegraph"],
                           capture_output=True, text=True, check=True).stdout.split()
    found = 0
    for path in files:
        if path.endswith((".h", ".cpp", ".c", ".js", ".css")) and os.path.exists(path):
            with open(path, encoding="utf-8") as source:
                for offence in offences(path, source.read()):
                    print(offence)
                    found += 1
    print(f"{len(files)} files, {found} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
