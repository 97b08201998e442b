"""One SMTP session with a server on loopback, and a port for one.

Does not know: which server it is.
References: RFC 5321.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress


class Session:
    """One SMTP session, by hand: smtplib and `email` change messages."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._replies = self._socket.makefile("rb")

    def __enter__(self) -> Session:
        try:
            self._expect(b"220")
            self._say(b"EHLO client.test.example", b"250")
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, AssertionError):
            self._say(b"QUIT", b"221")
        self._close()

    def _close(self) -> None:
        self._replies.close()
        self._socket.close()

    def send(self, raw: bytes, recipients: Sequence[str], sender: str) -> str:
        self._say(f"MAIL FROM:<{sender}> BODY=8BITMIME".encode(), b"250")
        for recipient in recipients:
            self._say(f"RCPT TO:<{recipient}>".encode(), b"250")
        self._say(b"DATA", b"354")
        wire = b"".join([b"." * line.startswith(b".") + line + b"\r\n" for line in lines_of(raw)])
        reply = self._say(wire + b".", b"250")
        return reply.split()[-1].decode()

    def _say(self, line: bytes, expected: bytes) -> bytes:
        self._socket.sendall(line + b"\r\n")
        return self._expect(expected)

    def _expect(self, code: bytes) -> bytes:
        line = self._replies.readline()
        while line[3:4] == b"-":
            line = self._replies.readline()
        assert line.startswith(code), line
        return line


def lines_of(raw: bytes) -> list[bytes]:
    """The lines of a message as any mail server sees them, without their ends."""
    lines = raw.split(b"\n")
    return [line.rstrip(b"\r") for line in (lines if lines[-1] else lines[:-1])]


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_answers(port: int, seconds: float, lives: Callable[[], bool]) -> bool:
    """Wait for a server to greet; False if it ended or took too long."""
    give_up = time.monotonic() + seconds
    while lives() and time.monotonic() < give_up:
        with suppress(OSError, AssertionError), Session(port):
            return True
        time.sleep(0.02)
    return False
