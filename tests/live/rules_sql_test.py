"""Every SQL statement that a rule hands out runs on every major that it is shown for."""
import pathlib
import re
import tomllib
import unittest

from cluster import Cluster
from servers import MAJORS, bindir_of

RULES = pathlib.Path(__file__).resolve().parents[2] / "src" / "diagnose" / "rules"
SETUP = """
create extension pg_stat_statements; create extension pgstattuple;
create table confirm_table as select g as a, array[g] as b from generate_series(1, 100) g;
create index confirm_btree on confirm_table(a);
create index confirm_gin on confirm_table using gin(b);
create index confirm_hash on confirm_table using hash(a);
analyze confirm_table;
"""


def texts(value, major):
    for one in value if isinstance(value, list) else [value]:
        bounded = one if isinstance(one, dict) else {"text": one}
        if bounded.get("since", 0) <= major <= bounded.get("until", 99):
            yield bounded["text"]


def statements(major):
    """(id, SQL) of everything that can be pasted into psql, shell commands and comments aside."""
    for file in sorted(RULES.glob("*.toml")):
        book = tomllib.loads(file.read_text())
        for entry in book.get("rule", []) + book.get("wait", []):
            name = entry.get("id") or str(entry["event"])
            for text in texts(entry.get("confirm", []), major):
                if not text.startswith(("--", "\\! ")):
                    yield name, text


def runnable(name, sql):
    index = {"GIN": "confirm_gin", "HASHIDX": "confirm_hash"}.get(name, "confirm_btree")
    sql = sql.replace("'TABLE'", "'confirm_table'").replace("'INDEX'", f"'{index}'")
    sql = sql.replace("QUERY;", "SELECT 1;")
    return re.sub(r"--.*", "", sql)


class RulesSql(unittest.TestCase):
    def test_every_statement_runs_on_every_major_it_is_shown_for(self):
        for major in MAJORS:
            settings = {"shared_preload_libraries": "'pg_stat_statements'"}
            with Cluster(bindir_of(major), settings=settings) as cluster:
                cluster.psql(SETUP)
                ran = 0
                for name, sql in statements(major):
                    with self.subTest(major=major, rule=name, sql=sql):
                        cluster.psql(runnable(name, sql))
                    ran += 1
                self.assertGreater(ran, 40, major)


if __name__ == "__main__":
    unittest.main()
