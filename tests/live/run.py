"""Runs the live tests: real PostgreSQL servers, real recordings. As root.

    tests/live/run.py PGFLAME [NAME...]   all *_test.py here, or the tests whose name contains NAME
"""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main():
    os.environ["PGFLAME"] = os.path.abspath(sys.argv[1])
    sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
    suite = unittest.defaultTestLoader.discover(HERE, pattern="*_test.py")
    wanted = sys.argv[2:]
    if wanted:
        suite = unittest.TestSuite(t for t in flatten(suite) if any(w in t.id() for w in wanted))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failures = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failures - len(result.skipped)} passed, {failures} failed")
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
