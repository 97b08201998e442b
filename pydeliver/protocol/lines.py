"""Octets of a connection cut into lines, and into the content of a message.

A line ends in CRLF and in nothing else; the content of DATA ends at exactly
CRLF.CRLF.  Whatever reads another end there than its neighbour can be made to
see a second message inside the first.  Content is handed on as it arrives, so
that a message need not be held, and never cut between CR and LF.

Does not know: commands, sockets.
References: RFC 5321 sections 2.3.8, 4.1.1.4, 4.5.2; RFC 3030 section 2.
"""

from __future__ import annotations

_END = b"\r\n.\r\n"


class LineError(Exception):
    """A line that is too long, or that does not end in CRLF."""


class Lines:
    """Octets received and not yet used."""

    __slots__ = ("_buffer", "_limit", "_searched")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._searched = 0  # octets at the start in which there is no LF

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, octets: bytes) -> None:
        self._buffer += octets

    def next_line(self) -> bytes | None:
        """The next line without its CRLF, None if it has not come whole.

        Raises LineError; then nothing more can be read, for where the next line
        begins is not known.
        """
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            if len(self._buffer) > self._limit:
                raise LineError("the line is too long")
            self._searched = len(self._buffer)
            return None
        if end >= self._limit:
            raise LineError("the line is too long")
        line = bytes(self._buffer[: end + 1])
        if line.find(b"\r") != end - 1 or end == 0:
            raise LineError("a line ends in CRLF, and CR or LF stand nowhere else")
        del self._buffer[: end + 1]
        self._searched = 0
        return line[:-2]

    def take(self, octets: int) -> bytes:
        """At most so many of the octets that are there."""
        taken = bytes(self._buffer[:octets])
        del self._buffer[:octets]
        self._searched = 0
        return taken


class Content:
    """The content of one message as it arrives, and what is odd about it.

    `octets` counts it as it is on the wire.  `bare`: a CR or LF stood alone.
    """

    __slots__ = ("_held", "bare", "octets")

    def __init__(self) -> None:
        self._held = b""
        self.octets = 0
        self.bare = False

    def _told(self, piece: bytes) -> bytes:
        self.octets += len(piece)
        pairs = piece.count(b"\r\n")
        if piece.count(b"\n") != pairs or piece.count(b"\r") != pairs:
            self.bare = True
        return piece


class DotContent(Content):
    """What follows DATA: dots at the start of a line are doubled, and a line of one dot ends it."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        super().__init__()
        self._held = b"\r\n"  # of the command's own line: a first line of one dot is the end
        self._before = 2  # octets at the start of what is held that are not content

    def add(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """Return the content that came, and what follows its end; None if the end has not come."""
        text = self._held + octets
        pieces: list[bytes] = []
        start = self._before
        at = text.find(b"\r\n.", 0)
        while at >= 0:
            if text.startswith(_END, at):
                pieces.append(text[start : at + 2])
                self._held, self._before = b"", 0
                return self._told(b"".join(pieces)), text[at + 5 :]
            if _END.startswith(text[at:]):
                break  # it may be the end: more must come first
            pieces.append(text[start : at + 2])
            start = at + 3
            at = text.find(b"\r\n.", at + 2)
        if at < 0:
            at = len(text) - (2 if text.endswith(b"\r\n") else 1 if text.endswith(b"\r") else 0)
        if at >= start:
            pieces.append(text[start:at])
            self._held, self._before = text[at:], 0
        else:  # only a part of the command's own CRLF, or a dot that is not content, is left
            self._held, self._before = text[at:], start - at
        return self._told(b"".join(pieces)), None


class ChunkContent(Content):
    """What follows BDAT: counted, and nothing in it has a meaning."""

    __slots__ = ()

    def add(self, octets: bytes, is_last: bool) -> bytes:
        """Return the content so far; a CR at its end waits for what follows it."""
        text = self._held + octets
        cut = len(text) - (text.endswith(b"\r") and not is_last)
        self._held = text[cut:]
        return self._told(text[:cut])
