"""symbolizer/reference/generate.sh makes the references that are in the repository."""
import glob
import os
import subprocess
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCRIPT = os.path.join(ROOT, "symbolizer", "reference", "generate.sh")
DATA = os.path.join(ROOT, "symbolizer", "reference", "data")
TOOL = os.path.join(os.path.dirname(os.environ["PGFLAME"]), "..", "..", "symbolizer",
                    "pgflame_reference")


def unpacked(path):
    return subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout


class Generate(unittest.TestCase):
    def test_it_makes_the_same_references_again(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([SCRIPT, "-c", "gcc7", "-o", folder, TOOL, "15", "17"], check=True,
                           capture_output=True)
            made = sorted(os.path.basename(path) for path in glob.glob(folder + "/*"))
            modules = ("pg_stat_statements", "pg_trgm", "plpgsql", "postgres", "postgres_fdw")
            self.assertEqual(sorted(f"{module}-{major}-gcc7.zst" for module in modules
                                    for major in (15, 17)), made)
            for name in made:
                self.assertEqual(unpacked(os.path.join(DATA, name)),
                                 unpacked(os.path.join(folder, name)), name)

    def test_it_says_what_it_wants(self):
        for arguments, code in (([], 2), (["-c", "msvc", TOOL], 2), (["/nowhere/tool", "15"], 1)):
            done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
            self.assertEqual(code, done.returncode, done.stderr)
            self.assertTrue(done.stderr)


if __name__ == "__main__":
    unittest.main()
