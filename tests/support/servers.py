"""The PostgreSQL servers that tests run against, by major version."""
import os
import subprocess

from cluster import DEBIAN_15

MAJORS = (13, 14, 15, 16, 17, 18)
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def bindir_of(major):
    """Debian's 15, and builds with symbol tables (fetched once) for the others."""
    if major == 15:
        return DEBIAN_15
    script = os.path.join(ROOT, "tests", "support", "fetch_postgres.sh")
    found = subprocess.run([script, str(major)], check=True, capture_output=True, text=True)
    return os.path.dirname(os.path.join(ROOT, found.stdout.split()[1]))
