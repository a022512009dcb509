"""How much of a stock Debian server gets a name under the mixed load of samples/demo.sh."""
import json
import os
import sys
import unittest
from collections import Counter
from contextlib import ExitStack

from cluster import Cluster
from recorder import Recorder

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "samples"))
from demo import LOAD, TABLES  # noqa: E402

# Sorts that spill to disk and groups are in no other test of the demo's load.
MORE_LOAD = {
    "sort": "set work_mem = '4MB'; select count(*) from (select line from words order by line "
            "offset 0) s;",
    "agg": "select count(*) from (select word, count(*) from words group by 1) s;",
}


def shares(capture, module):
    """Per kind of name, the samples of the module's frames, and of leaves in it; what has none."""
    frames, leaves, unnamed = Counter(), Counter(), Counter()
    functions, stacks = capture["functions"], capture["stacks"]
    for sample in capture["samples"]:
        if sample.get("state", "running") != "running":
            continue
        stack, leaf = sample["stack"], True
        while stack:
            location, stack = stacks[stack]
            lines = capture["locations"][location]["lines"] if location is not None else []
            if lines:
                function = functions[lines[0][0]]
                owner = function["module"]
                path = capture["modules"][owner]["path"] if owner is not None else ""
                if path.endswith(module):
                    frames[function["tier"]] += sample["count"]
                    leaves[function["tier"]] += sample["count"] * leaf
                    if function["tier"] in ("unnamed", "placed"):
                        unnamed[function["name"]] += sample["count"]
            leaf = False
    return frames, leaves, unnamed


class NamedShare(unittest.TestCase):
    def test_almost_every_frame_of_a_stripped_server_has_a_name(self):
        with Cluster(settings={"max_parallel_workers_per_gather": "0"}) as cluster, \
                Recorder() as recorder, ExitStack() as load:
            cluster.psql(TABLES)
            cluster.pgbench_init(scale=5)
            for sql in (LOAD | MORE_LOAD).values():
                load.enter_context(cluster.psql_loop(sql))
            load.enter_context(cluster.pgbench("-n", "-c", "4", "-T", "60"))
            recording = recorder.record("-p", str(cluster.pid), "15s")
            self.assertEqual(0, recording.code, recording.stderr)
            done = recorder.run("convert", recording.capture, "--to", "json", "-o", "-")
            frames, leaves, unnamed = shares(json.loads(done.stdout), "/bin/postgres")
        self.assertGreater(sum(frames.values()), 2000)
        for what, counts in (("frames", frames), ("leaf samples", leaves)):
            total = sum(counts.values())
            share = {tier: counts[tier] / total for tier in counts}
            print(f"\n  {total} {what} in the server: " +
                  ", ".join(f"{tier} {100 * part:.2f} %" for tier, part in share.items()))
            without = share.get("placed", 0) + share.get("unnamed", 0)
            self.assertLessEqual(without, 0.03, unnamed.most_common(10))
            self.assertLessEqual(share.get("unnamed", 0), 0.005, unnamed.most_common(10))


if __name__ == "__main__":
    unittest.main()
