"""PostgreSQL builds other than the host's own."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def without_frame_pointers():
    """The folder of the programs of a PostgreSQL 18 that was compiled without frame pointers."""
    script = os.path.join(ROOT, "tests", "support", "fetch_postgres.sh")
    line = subprocess.run([script, "18"], capture_output=True, text=True, check=True).stdout
    return os.path.dirname(os.path.realpath(os.path.join(ROOT, line.split()[1])))
