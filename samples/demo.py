"""The load and the recording of demo.sh: demo.py PGFLAME SECONDS."""
import contextlib
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests", "support"))
from cluster import Cluster  # noqa: E402

WIDE_COLUMNS = 150

TABLES = f"""
create table wide as select {", ".join(f"i + {c} as c{c}" for c in range(1, WIDE_COLUMNS + 1))}
  from generate_series(1, 20000) i;
create table words as select i as id, md5(i::text) as word, md5((i * 7)::text) || ' lorem' as line
  from generate_series(1, 200000) i;
create table orders as select i as id, i % 50000 as customer, md5(i::text) as note
  from generate_series(1, 200000) i;
create table customers as select i as id, md5(i::text) as name from generate_series(1, 50000) i;
analyze;
"""

LOAD = {
    # reads the last columns of wide rows: every column before them has to be walked
    "deform": "select sum(c148), sum(c149), max(c150) from wide;",
    # functions and patterns on every row
    "qual": "select count(*) from words where lower(line) like '%abc%f%' or word ~ '^a.*9b';",
    # a join through a hash table that fits into memory
    "hashjoin": "set work_mem = '64MB'; set enable_mergejoin = off; "
                "select count(*) from orders o join customers c on c.name = o.note;",
}


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    pgflame, seconds = sys.argv[1], sys.argv[2]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    print("starting a throwaway PostgreSQL and loading tables ...", flush=True)
    with Cluster(settings={"max_parallel_workers_per_gather": "0"}) as cluster:
        cluster.psql(TABLES)
        cluster.pgbench_init(scale=5)
        with contextlib.ExitStack() as load:
            for sql in LOAD.values():
                load.enter_context(cluster.psql_loop(sql))
            load.enter_context(cluster.pgbench("-n", "-S", "-c", "4", "-M", "prepared", "-T", "3600"))
            command = [pgflame, "record", "-p", str(cluster.pid), f"{seconds}s",
                       "-o", "pgflame-demo", "--force"]
            print("$", "pgflame", *command[1:], flush=True)
            with subprocess.Popen(command) as recording:
                try:
                    return recording.wait()
                except KeyboardInterrupt:
                    recording.send_signal(signal.SIGINT)
                    recording.wait()  # it ends with a complete report, within moments
                    raise


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("demo: interrupted, everything it started is gone")
