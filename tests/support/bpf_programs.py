"""BPF programs in the kernel, and who holds them."""
import contextlib
import json
import os
import subprocess


def loaded():
    """All programs by id, as bpftool shows them."""
    shown = subprocess.run(["bpftool", "-j", "prog", "show"], check=True, capture_output=True,
                           text=True).stdout
    return {row["id"]: row for row in json.loads(shown)}


def costs(pid):
    """{name: (nanoseconds, runs)} of the programs that process `pid` loaded, as the kernel counts."""
    programs, ours = loaded(), held_by(pid)
    return {row["name"]: (row.get("run_time_ns", 0), row.get("run_cnt", 0))
            for number, row in programs.items() if number in ours and "name" in row}


def held_by(pid):
    """The ids of the programs that a process has open."""
    ids = set()
    folder = f"/proc/{pid}/fdinfo"
    for number in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, number)) as info:
            ids.update(int(line.split()[1]) for line in info if line.startswith("prog_id:"))
    return ids
