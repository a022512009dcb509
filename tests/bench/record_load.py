#!/usr/bin/env python3
"""Records a mixed PostgreSQL load with perf: record_load.py OUTPUT SECONDS [RATE [CALL_GRAPH]]

CALL_GRAPH as perf record --call-graph takes it: fp (the default), dwarf,16384, ...
"""
import contextlib
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from cluster import Cluster  # noqa: E402

TABLES = """
create table wide as select g as c1, g+1 as c2, g+2 as c3, g%7 as c4, g::text as c5, md5(g::text) as c6
  from generate_series(1, 200000) g;
create table narrow as select g as id, md5(g::text) as name from generate_series(1, 100000) g;
"""
QUERIES = """
select sum(c4), max(c3) from wide;
select count(*) from wide where lower(c6) like '%ab%' and length(c5) > 3;
select count(*) from wide join narrow on wide.c6 = narrow.name;
select c6, count(*) from wide group by c6 order by 2 desc limit 5;
"""


def main():
    output, seconds = sys.argv[1], sys.argv[2]
    rate = sys.argv[3] if len(sys.argv) > 3 else "4999"
    call_graph = sys.argv[4] if len(sys.argv) > 4 else "fp"
    with Cluster() as cluster, contextlib.ExitStack() as stack:
        cluster.pgbench_init(5)
        cluster.psql(TABLES)
        stack.enter_context(cluster.pgbench("-S", "-c", "6", "-T", "3600"))
        stack.enter_context(cluster.psql_loop(QUERIES, clients=3))
        subprocess.run(["perf", "record", "-q", "-a", "-F", rate, "-e", "cpu-clock",
                        "--call-graph", call_graph, "-o", output, "--", "sleep", seconds], check=True)


if __name__ == "__main__":
    main()
