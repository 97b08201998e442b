"""MIME: the parts of a message, found by offsets in the octets received.

One linear scan, without recursion; any octets are a message with at least one
part, itself.  What counts as what:

* A *delimiter* is a line that begins with `--` and the boundary, whatever follows (RFC 2046 section 5.1.1); of
  several boundaries the longest counts, of equal ones that of the innermost multipart not yet closed.
* `--` behind it closes the multipart.  What follows is no part, until the next delimiter: one of the same boundary
  begins a part again, for there are readers that go on.
* An outer delimiter ends what stands inside, closed or not; the end of the message ends everything.  A delimiter with
  nothing behind it begins no part.
* Every boundary declared counts, of two parameters or two Content-Type fields.  If none is declared, it is what the
  first line that begins with `--` says.
* message/rfc822 holds a message, also in base64 or quoted-printable, which is not allowed and occurs.
* In multipart/digest a part without a type is message/rfc822, elsewhere text/plain.
* Over a limit nothing more is looked at, and a note says so.

Does not know: what a part says (`part`); rules.
References: RFC 2046, RFC 2045, RFC 6532 (message/global).
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.message.header import scan_header
from pydeliver.message.parameters import values_of
from pydeliver.message.part import MESSAGES, Part, Parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydeliver.message.header import Field
    from pydeliver.message.view import Message

__all__ = ["find_parts"]

_CR = 13
_PLAIN, _MESSAGE = "text/plain", "message/rfc822"
_BOUNDARY_OCTETS = 2_048  # compared; RFC 2046 allows 70, Postfix takes as many
_BOUNDARIES = 4  # of one multipart
_GUESSED_OCTETS = 65_536  # searched for a boundary that was not declared


def find_parts(message: Message) -> Parts:
    """Find the parts of a message; the fields of its own header are those of the view, with its edits."""
    scan = _Scan()
    top = Part(message.raw, len(message.from_line), message.body_offset, 0, _content(message.fields), _PLAIN)
    parts = scan.region(top)
    at = 0
    while at < len(parts):
        inner = scan.encoded_message(parts[at])
        at += 1
        if inner is not None:
            parts[at:at] = scan.region(inner)
    return Parts(tuple(parts), tuple(scan.notes))


def _content(fields: Iterable[Field]) -> tuple[Field, ...]:
    return tuple([field for field in fields if field.name[:8].lower() == "content-"])


class _Multipart:
    """A multipart under way; `opened` is how many parts were open when it began, itself included."""

    __slots__ = ("is_closed", "opened", "part")

    def __init__(self, part: Part, opened: int) -> None:
        self.part, self.opened, self.is_closed = part, opened, False


class _Delimiter:
    """What separates the parts of a multipart, and the next place where it stands: the line end before it."""

    __slots__ = ("at", "level", "line")

    def __init__(self, line: bytes, level: int) -> None:
        self.line, self.level, self.at = line, level, _UNKNOWN


_UNKNOWN = -2


class _Scan:
    """One scan under way: what is open, and what has been spent of the limits."""

    def __init__(self) -> None:
        self.notes: dict[str, None] = {}
        self.parts = 0
        self.header_octets = 0
        self.decoded_octets = 0
        self.source = b""
        self.found: list[Part] = []
        self.opened: list[Part] = []  # each inside the one before it
        self.levels: list[_Multipart] = []
        self.delimiters: list[_Delimiter] = []  # of the levels, outermost first

    def region(self, top: Part) -> list[Part]:
        """Find the parts in one source: `top` and all in it."""
        self.source, self.found, self.opened, self.levels, self.delimiters = top.source, [], [], [], []
        self._add(top, len(self.source))
        position = top.body_start
        while (delimiter := self._next(position)) is not None:
            level = self.levels[delimiter.level]
            self._end_parts(delimiter)
            behind = delimiter.at + len(delimiter.line)
            position = self.source.find(b"\n", behind) + 1 or len(self.source)
            level.is_closed = self.source.startswith(b"--", behind)
            if not level.is_closed and position < len(self.source):
                if self._is_full():
                    break
                position = self._begin_part(level.part, position)
        return self.found

    def _next(self, position: int) -> _Delimiter | None:
        """The first delimiter on a line that begins at `position` or behind; each octet is searched once for each."""
        source, nearest = self.source, None
        for delimiter in self.delimiters:
            if delimiter.at < position - 1:
                if position == 0 and source.startswith(delimiter.line[1:]):
                    delimiter.at = -1
                else:
                    at = source.find(delimiter.line, max(position - 1, 0))
                    delimiter.at = at if at >= 0 else len(source)
            if delimiter.at < len(source) and (nearest is None or self._is_before(delimiter, nearest)):
                nearest = delimiter
        return nearest

    def _is_before(self, inner: _Delimiter, outer: _Delimiter) -> bool:
        if inner.at != outer.at:
            return inner.at < outer.at
        if len(inner.line) != len(outer.line):
            return len(inner.line) > len(outer.line)
        return not self.levels[inner.level].is_closed

    def _end_parts(self, delimiter: _Delimiter) -> None:
        """All that stands inside the delimiter's multipart ends before the line end that belongs to the delimiter."""
        end = delimiter.at
        if end > 0 and self.source[end - 1] == _CR:
            end -= 1
        for part in reversed(self.opened[self.levels[delimiter.level].opened :]):
            part.end = end = max(end, part.body_start)
        del self.opened[self.levels[delimiter.level].opened :]
        del self.levels[delimiter.level + 1 :]
        while self.delimiters[-1].level > delimiter.level:
            self.delimiters.pop()

    def _is_full(self) -> bool:
        if self.parts >= limits.MIME_PARTS:
            self.notes[f"MIME: not more than {limits.MIME_PARTS} parts are looked at"] = None
        elif self.header_octets >= limits.MIME_HEADER_OCTETS:
            self.notes[f"MIME: not more than {limits.MIME_HEADER_OCTETS} octets of parts' headers are read"] = None
        else:
            return False
        return True

    def _begin_part(self, parent: Part, start: int) -> int:
        """Read the header of a part of a multipart, and what it holds; where its body begins."""
        following = self._next(start)
        stop = following.at + 1 if following is not None else len(self.source)
        default = _MESSAGE if "multipart/digest" in parent.types else _PLAIN
        part = self._part(start, stop, parent, default)
        self._add(part, stop)
        return part.body_start

    def _part(self, start: int, stop: int, parent: Part, default: str) -> Part:
        layout = scan_header(self.source, start, stop)
        self.header_octets += layout.header_end - start
        self.notes.update(dict.fromkeys([f"part's {note}" for note in layout.notes]))
        parent.has_parts = True
        return Part(self.source, start, layout.body_offset, parent.depth + 1, _content(layout.fields), default)

    def _add(self, part: Part, stop: int) -> None:
        """Note a part, and the messages in it one inside the other; its body ends at `stop` at the latest."""
        while True:
            self.found.append(part)
            self.opened.append(part)
            self.parts += 1
            is_multipart = any([name.startswith("multipart/") for name in part.types])
            is_message = _holds_message(part) and not _is_encoded(part, stop)
            if not (is_multipart or is_message) or self._is_deep(part):
                return
            if is_multipart:
                self._open(part, stop)
                return
            if self._is_full():
                return
            part.encoding = ""
            start = part.body_start
            if self.source.startswith(b"From ", start, stop):  # as mbox has it
                start = self.source.find(b"\n", start, stop) + 1 or stop
            part = self._part(start, stop, part, _PLAIN)

    def _is_deep(self, part: Part) -> bool:
        if part.depth >= limits.MIME_DEPTH:
            self.notes[f"MIME: not more than {limits.MIME_DEPTH} parts inside one another are looked at"] = None
        return part.depth >= limits.MIME_DEPTH

    def _open(self, part: Part, stop: int) -> None:
        """Begin a multipart: from here on its delimiters count."""
        said = [value[:_BOUNDARY_OCTETS].rstrip() for value in values_of(part.fields, "content-type", "boundary")]
        boundaries = list(dict.fromkeys([boundary for boundary in said if boundary])) or self._guessed(part, stop)
        most = _BOUNDARIES if len(self.delimiters) < limits.MIME_DEPTH else 1
        if boundaries:
            part.encoding = ""  # no other is allowed, and delimiters are in plain sight
            self.levels.append(_Multipart(part, len(self.opened)))
            level = len(self.levels) - 1
            self.delimiters += [_Delimiter(b"\n--" + boundary, level) for boundary in boundaries[:most]]

    def _guessed(self, part: Part, stop: int) -> list[bytes]:
        """What the first line that begins with `--` says, for a multipart that declares no boundary."""
        start = part.body_start
        for line in self.source[start : min(stop, start + _GUESSED_OCTETS)].split(b"\n"):
            boundary = line[2:].rstrip()
            if line.startswith(b"--") and boundary and len(boundary) <= _BOUNDARY_OCTETS:
                return [boundary]
        return []

    def encoded_message(self, part: Part) -> Part | None:
        """The message that stands encoded in a part that holds one; None if there is none, or a limit is passed."""
        if part.has_parts or not part.encoding or not _holds_message(part) or self._is_deep(part) or self._is_full():
            return None
        octets = part.content(limits.MESSAGE_TEXT_OCTETS - self.decoded_octets)
        if len(octets) < part.size:
            self.notes[f"MIME: not more than {limits.MESSAGE_TEXT_OCTETS} octets of encoded messages are read"] = None
        self.decoded_octets += len(octets)
        self.source = octets
        return self._part(0, len(octets), part, _PLAIN) if octets else None


def _holds_message(part: Part) -> bool:
    return any([name in MESSAGES for name in part.types])


def _is_encoded(part: Part, stop: int) -> bool:
    """Whether a message that is declared to be encoded is: fields in plain sight say that it is not."""
    if not part.encoding:
        return False
    layout = scan_header(part.source, part.body_start, stop)
    if part.encoding != "quoted-printable":
        return not layout.fields
    return b"=3D" in part.source[part.body_start : layout.header_end]
