#!/usr/bin/env python3
"""Repeats the samples of a perf.data file: multiply_capture.py INPUT OUTPUT TIMES

The records stay as they are but for their time, which goes on where the round before ended; maps
and names are not repeated. For captures with one event, sample type
IP|TID|TIME|...|CALLCHAIN, and without compression.
"""
import struct
import sys

SAMPLE, FINISHED_ROUND = 9, 68


def main():
    source, target, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(source, "rb") as file:
        contents = file.read()
    attr_size, attrs, _, data, size = struct.unpack_from("<QQQQQ", contents, 16)
    (sample_type,) = struct.unpack_from("<Q", contents, attrs + 24)
    assert attr_size >= 80 and sample_type & 0x10007 == 0x7, "needs IP|TID|TIME, no IDENTIFIER"
    time_at = 8 + 8 + 8  # header, ip, pid and tid
    repeated, first, last, at = [], None, 0, data
    while at < data + size:
        kind, _, length = struct.unpack_from("<IHH", contents, at)
        if kind == SAMPLE:
            (time,) = struct.unpack_from("<Q", contents, at + time_at)
            first = time if first is None else min(first, time)
            last = max(last, time)
        if kind in (SAMPLE, FINISHED_ROUND):
            repeated.append((kind, at, length))
        at += length
    span = last - first + 1000
    with open(target, "wb") as out:
        out.write(contents[:data + size])
        grown = 0
        for turn in range(1, times):
            for kind, at, length in repeated:
                record = bytearray(contents[at:at + length])
                if kind == SAMPLE:
                    (time,) = struct.unpack_from("<Q", record, time_at)
                    struct.pack_into("<Q", record, time_at, time + span * turn)
                out.write(record)
                grown += length
        # The feature table follows the data and points to sections behind it.
        table = contents[data + size:]
        bits = int.from_bytes(contents[72:104], "little")
        moved = bytearray(table)
        for i in range(bin(bits).count("1")):
            (offset,) = struct.unpack_from("<Q", moved, i * 16)
            struct.pack_into("<Q", moved, i * 16, offset + grown)
        out.write(moved)
        out.seek(48)
        out.write(struct.pack("<Q", size + grown))


if __name__ == "__main__":
    main()
