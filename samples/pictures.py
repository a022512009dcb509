"""Records what the README's pictures show: pictures.py PGFLAME FOLDER.

A throwaway PostgreSQL under the demo's load and some readers and writers, 20 seconds; then the columns
that the deforming query needs are moved to the front, as its finding says, and 20 seconds again.
Leaves before.svg and diff.svg in FOLDER.
"""
import contextlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests", "support"))
from cluster import Cluster  # noqa: E402
from demo import LOAD, TABLES, WIDE_COLUMNS  # noqa: E402

SECONDS = "20s"
SETTINGS = {"max_parallel_workers_per_gather": "0", "fsync": "on", "compute_query_id": "on",
            "cluster_name": "shop"}

HOT = [148, 149, 150]
MENDED = f"""
create table narrow as select {", ".join(f"c{c}" for c in HOT)},
  {", ".join(f"c{c}" for c in range(1, WIDE_COLUMNS + 1) if c not in HOT)} from wide;
drop table wide;
alter table narrow rename to wide;
analyze wide;
"""


def record(pgflame, cluster, base):
    # In a UTS namespace of its own: the pictures name no real host.
    command = [pgflame, "record", "-p", str(cluster.pid), SECONDS, "-o", base, "--force",
               "--max-cpu", "0"]
    subprocess.run(["unshare", "--uts", "sh", "-c", 'hostname db1 && exec "$@"', "sh", *command],
                   check=True)


def load(cluster, stack):
    for name, sql in LOAD.items():
        # With pauses: the database, not the run queue, shall be what is seen.
        stack.enter_context(cluster.psql_loop(
            f"set application_name = '{name}';\n{sql}\n\\sleep 40 ms\n"))
    for options in (("-S", "-c", "2", "-R", "300"), ("-N", "-c", "2", "-R", "200")):
        stack.enter_context(cluster.pgbench("-n", *options, "-M", "prepared", "-T", "3600"))


def main():
    pgflame, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    before, after = os.path.join(folder, "before"), os.path.join(folder, "after")
    with Cluster(settings=SETTINGS) as cluster:
        cluster.psql(TABLES)
        cluster.pgbench_init(scale=20)
        for base, change in ((before, "select 1"), (after, MENDED)):
            cluster.psql(change)
            with contextlib.ExitStack() as stack:
                load(cluster, stack)
                record(pgflame, cluster, base)
    subprocess.run([pgflame, "diff", before + ".pb.gz", after + ".pb.gz", "--force",
                    "--svg", os.path.join(folder, "diff.svg")], check=True)


if __name__ == "__main__":
    main()
