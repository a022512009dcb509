#!/usr/bin/env python3
"""As many sessions one after the other as a server manages, with next to no work on this side:

    connection_storm.py SOCKET USER SESSIONS

keeps SESSIONS sessions open that run `select 1` and end; each is followed by the next. Prints how many there were and how many were refused when it is told to stop (SIGTERM).
The server must trust the user.
"""
import selectors
import signal
import socket
import struct
import sys

READY = b"Z\0\0\0\5I"  # for the next command

def message(kind, body):
    return kind + struct.pack(">I", 4 + len(body)) + body


def session(user):
    """What is said in turn, each when the server is ready."""
    protocol = struct.pack(">I", 196608)  # 3.0
    names = b"user\0" + user.encode() + b"\0database\0postgres\0\0"
    return [message(b"", protocol + names), message(b"Q", b"select 1\0"), message(b"X", b"")]


class Storm:
    def __init__(self, path, user):
        self.path, self.words = path, session(user)
        self.open = selectors.DefaultSelector()
        self.ended = self.refused = 0

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.path)
        words = iter(self.words)
        connection.send(next(words))
        connection.setblocking(False)
        self.open.register(connection, selectors.EVENT_READ, words)

    def look(self):
        for key, _ in self.open.select(0.1):
            answer = key.fileobj.recv(65536)
            self.refused += answer[:1] == b"E"
            if answer.endswith(READY):
                key.fileobj.send(next(key.data))
            if answer:
                continue
            self.open.unregister(key.fileobj)
            key.fileobj.close()
            self.ended += 1
            self.connect()


def main():
    path, user, sessions = sys.argv[1:]
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    storm = Storm(path, user)
    for _ in range(int(sessions)):
        storm.connect()
    while not stopped:
        storm.look()
    print(storm.ended, storm.refused)


if __name__ == "__main__":
    main()
