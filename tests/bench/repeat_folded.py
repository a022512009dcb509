#!/usr/bin/env python3
"""Folded stacks as of many such loads: the lines again and again, each time in another order and with
other counts, until there are so many bytes.

    tests/bench/repeat_folded.py FILE BYTES
"""
import pathlib
import random
import sys

random.seed(3)
stacks = [line.rpartition(b" ")[0] for line in pathlib.Path(sys.argv[1]).read_bytes().splitlines()]
left = int(sys.argv[2])
while left > 0 and stacks:
    random.shuffle(stacks)
    lines = b"".join(b"%s %d\n" % (stack, random.randint(1, 9)) for stack in stacks)
    sys.stdout.buffer.write(lines)
    left -= len(lines)
