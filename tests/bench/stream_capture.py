#!/usr/bin/env python3
"""Writes a perf.data capture to standard output as `perf record -o -` would, its samples repeated
until the stream has so many bytes: stream_capture.py CAPTURE BYTES | pgflame report -

Nothing is stored: 10 GB take no room. Times go on from round to round. For captures of sample
type IP|TID|TIME|...|CALLCHAIN, without compression.
"""
import array
import struct
import sys

SAMPLE, HEADER_ATTR, FINISHED_ROUND = 9, 64, 68


def main():
    source, wanted = sys.argv[1], int(float(sys.argv[2]))
    with open(source, "rb") as file:
        contents = file.read()
    entry, attrs, attrs_size, data, size = struct.unpack_from("<QQQQQ", contents, 16)
    attr_size = entry - 16  # the place of its ids stands behind each attribute
    (sample_type,) = struct.unpack_from("<Q", contents, attrs + 24)
    assert sample_type & 0x10007 == 0x7, "needs IP|TID|TIME, no IDENTIFIER"
    out = sys.stdout.buffer
    out.write(b"PERFILE2" + struct.pack("<Q", 16))
    for at in range(attrs, attrs + attrs_size, entry):
        ids_at, ids_size = struct.unpack_from("<QQ", contents, at + attr_size)
        attr = contents[at:at + attr_size] + contents[ids_at:ids_at + ids_size]
        out.write(struct.pack("<IHH", HEADER_ATTR, 0, 8 + len(attr)) + attr)
    out.write(contents[data:data + size])
    written, at = size, data
    repeated, times, first, last = bytearray(), array.array("Q"), None, 0
    while at < data + size:
        kind, _, length = struct.unpack_from("<IHH", contents, at)
        if kind == SAMPLE:
            (time,) = struct.unpack_from("<Q", contents, at + 24)
            first = time if first is None else min(first, time)
            last = max(last, time)
            times.append(len(repeated) // 8 + 3)  # its time, in words
        if kind in (SAMPLE, FINISHED_ROUND):
            repeated += contents[at:at + length]
        at += length
    words, span = array.array("Q", bytes(repeated)), last - first + 1000
    while written < wanted:
        for word in times:
            words[word] += span
        out.write(words)
        written += len(repeated)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit("stream_capture.py: the reader stopped")
