"""What walking a stack in the kernel costs, by the kernel's own statistics of our program.

    tests/bench/unwind_cost.py PGFLAME [BINDIR...]     as root

For each build of PostgreSQL: nanoseconds of the sampling program per captured sample (stack walk,
tags, ring buffer and the firings in between that hit no target), with tables and with frame
pointers, and the share of stacks that are whole.
"""
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from cluster import DEBIAN_15, Cluster  # noqa: E402
from pprof import Capture  # noqa: E402

QUERIES = """
select sum(length(md5(i::text))) from generate_series(1, 20000) i;
select count(*) from t a join t b using (k) where a.v like '%7%';
select v from t order by v limit 5;
"""


def measure(pgflame, cluster, unwind, seconds=8):
    with tempfile.TemporaryDirectory() as folder:
        base = os.path.join(folder, "out")
        subprocess.run([pgflame, "record", "-p", str(cluster.pid), f"{seconds}s", "-F", "999",
                        "--mode", "cpu", "--unwind", unwind, "-o", base],
                       capture_output=True, check=True)
        capture = Capture(base + ".pb.gz")
    ends = capture.total(["stack_end"], value=0)
    samples = max(1, sum(ends.values()))
    return capture.recording["cost"]["bpf_ns"] / samples, samples, ends.get(("root",), 0) / samples


def main():
    pgflame, builds = sys.argv[1], sys.argv[2:] or [DEBIAN_15]
    for bindir in builds:
        with Cluster(bindir) as cluster:
            cluster.psql("create table t as select i % 5000 as k, md5(i::text) v "
                         "from generate_series(1, 30000) i; analyze t")
            with cluster.psql_loop(QUERIES, clients=2):
                time.sleep(1)
                for unwind in ("table", "fp"):
                    cost, samples, whole = measure(pgflame, cluster, unwind)
                    print(f"{bindir} --unwind {unwind}: {cost:.0f} ns per sample, "
                          f"{samples} samples, {whole:.2%} whole", flush=True)


if __name__ == "__main__":
    main()
