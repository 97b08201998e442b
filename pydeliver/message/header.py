"""The header: one linear scan of the received octets, and the fields it finds.

Any octets are a message, and nothing here raises.  What counts as what:

* A line ends with LF or CRLF, also mixed.  A bare CR or a NUL ends nothing: it is an octet of the value.
* A *field* is a name of RFC 5322 ftext, perhaps spaces before the colon (obsolete syntax), a colon, and a value
  that goes on over lines that begin with space or tab.  A name that is empty, has a space inside it or 8-bit
  octets is none.
* The header ends at the first line that is empty or holds nothing but CR.  A line of spaces is a continuation.
* A *broken line* is neither field nor continuation of one; a message's first line is broken if it begins with a
  space.  If a field follows it (and its own continuations) at once, it is stepped over; else the header ends
  before it, and it is the first line of the body: the separator was forgotten.  A line that begins with `--` always
  ends the header (a MIME boundary), `>From ` never does (an mbox habit).
* What begins within `limits.HEADER_OCTETS` but does not end there is no field, and after
  `limits.HEADER_FIELDS` fields the rest is not looked at.  Then the header ends at the next empty line.

Does not know: what a field means, edits, MIME.
References: RFC 5322 sections 2.2, 3.6.8 and 4.5.
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.fold import composed
from pydeliver.message.addresses import parse_addresses
from pydeliver.message.text import decode_words, guess
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.address import Address

__all__ = ["Field", "Layout", "is_field_name", "scan_header"]

_SPACE, _TAB, _LF, _CR = 32, 9, 10, 13
_FTEXT = bytes([octet for octet in range(33, 127) if octet != ord(":")])
_USUAL_NAMES = {  # nine in ten fields of real mail: looked up, not checked octet by octet
    name.encode("ascii"): name
    for name in (
        *("Received", "Return-Path", "Delivered-To", "X-Original-To", "Authentication-Results", "DKIM-Signature"),
        *("From", "To", "Cc", "Subject", "Date", "Message-ID", "Message-Id", "In-Reply-To", "References", "Reply-To"),
        *("MIME-Version", "Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"),
        *("List-Id", "List-Post", "List-Help", "List-Subscribe", "List-Unsubscribe", "List-Archive", "Precedence"),
        *("Sender", "Errors-To", "X-Mailer", "User-Agent", "X-Priority", "X-Spam-Status", "X-Spam-Level"),
    )
}


class Field:
    """One field of a header, in the octets of `source`: its name, its value and what that says.

    Views of the value are made when first asked for, and kept.
    """

    __slots__ = ("_addresses", "_end", "_name", "_raw_text", "_source", "_start", "_text", "_value_start")

    def __init__(self, source: bytes, name: str, start: int, value_start: int, end: int) -> None:
        self._source = source
        self._name = name
        self._start = start
        self._value_start = value_start
        self._end = end
        self._raw_text: str | None = None
        self._text: str | None = None
        self._addresses: tuple[Address, ...] | None = None

    def __repr__(self) -> str:
        return f"<Field {self._name}: {self.raw_text[:60]!r}>"

    @property
    def source(self) -> bytes:
        """The octets that the offsets count in: the message as received, or the header as edited."""
        return self._source

    @property
    def name(self) -> str:
        """The name as written."""
        return self._name

    @property
    def start(self) -> int:
        return self._start

    @property
    def value_start(self) -> int:
        """Where the value begins: just after the colon."""
        return self._value_start

    @property
    def end(self) -> int:
        """Where the next line begins: behind the line end of the last continuation."""
        return self._end

    @property
    def raw_value(self) -> bytes:
        """The value as received, with folding and its line end."""
        return self._source[self._value_start : self._end]

    @property
    def unfolded(self) -> bytes:
        """The value on one line: line ends before a continuation are gone, a bare CR is a space."""
        raw = self._source[self._value_start : self._end]
        return raw.replace(b"\r\n", b"").replace(b"\n", b"").replace(b"\r", b" ")

    @property
    def raw_text(self) -> str:
        """The unfolded value as UTF-8, else Latin-1, stripped; encoded words stand as written."""
        if self._raw_text is None:
            self._raw_text = guess(self.unfolded).strip()
        return self._raw_text

    @property
    def text(self) -> str:
        """The value decoded (RFC 2047), in NFC, stripped; one line, whatever was encoded into it."""
        if self._text is None:
            self._text = composed(decode_words(self.unfolded)).strip()
        return self._text

    @property
    def addresses(self) -> tuple[Address, ...]:
        if self._addresses is None:
            self._addresses = parse_addresses(self.unfolded)
        return self._addresses

    @property
    def angle(self) -> str:
        """What stands in the first `<…>`, else the whole text: for List-Id and Message-ID."""
        text = self.text
        opening = text.find("<")
        closing = text.find(">", opening + 1)
        return text[opening + 1 : closing].strip() if 0 <= opening < closing else text

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits cut off of the views that have been asked for."""
        notes = []
        if self._text is not None and self.raw_value.count(b"=?") > limits.ENCODED_WORDS:
            notes.append(f"{self._name}: not more than {limits.ENCODED_WORDS} encoded words are decoded")
        if self._addresses is not None and len(self._addresses) >= limits.ADDRESSES:
            notes.append(f"{self._name}: not more than {limits.ADDRESSES} addresses are read")
        return tuple(notes)


@value
class Layout:
    """Where a header's fields are and where it ends.

    `scanned_end` is where the search for fields ended; beyond `header_end` only by a limit.
    `body_offset` is behind the empty line, or equal to `header_end` if there is none.
    """

    fields: tuple[Field, ...]
    scanned_end: int
    header_end: int
    body_offset: int
    notes: tuple[str, ...]


def is_field_name(name: bytes) -> bool:
    """RFC 5322 section 3.6.8: printable ASCII, no space, no colon, not empty."""
    return bool(name) and not name.translate(None, _FTEXT)


def _field_name(raw: bytes, position: int, colon: int) -> str:
    """The name between a line's begin and its first colon; empty if it is none."""
    if colon <= position:
        return ""
    name = raw[position:colon]
    usual = _USUAL_NAMES.get(name)
    if usual:
        return usual
    name = name.rstrip(b" \t")
    return name.decode("ascii") if is_field_name(name) else ""


def scan_header(raw: bytes, start: int, stop: int | None = None) -> Layout:
    """Find the fields of the message or MIME part that begins at `start`; nothing is looked at from `stop` on."""
    find, length = raw.find, len(raw) if stop is None else stop
    limit = min(length, start + limits.HEADER_OCTETS)
    fields: list[Field] = []
    position = start
    while position < length:
        end = find(b"\n", position, length) + 1 or length
        first = raw[position]
        if first in (_LF, _CR) and _is_empty(raw, position, end):
            return Layout(tuple(fields), position, position, end, ())
        while end < limit and (raw[end] == _SPACE or raw[end] == _TAB):
            end = find(b"\n", end, length) + 1 or length
        if end >= limit and limit < length:
            return _cut(raw, position, length, fields, f"header: not searched beyond {limits.HEADER_OCTETS} octets")
        colon = find(b":", position, end)
        name = _field_name(raw, position, colon) if colon > position else ""
        if name:
            if len(fields) >= limits.HEADER_FIELDS:
                return _cut(
                    raw, position, length, fields, f"header: not more than {limits.HEADER_FIELDS} fields are read"
                )
            fields.append(Field(raw, name, position, colon + 1, end))
        elif not _is_stepped_over(raw, position, end, limit):
            return Layout(tuple(fields), position, position, position, ())
        position = end
    return Layout(tuple(fields), length, length, length, ())


def _is_empty(raw: bytes, position: int, end: int) -> bool:
    return not raw[position:end].strip(b"\r\n")


def _is_stepped_over(raw: bytes, position: int, end: int, limit: int) -> bool:
    """Whether the header goes on behind the broken line at `position`."""
    if raw.startswith(b"--", position):
        return False
    if raw.startswith(b">From ", position):
        return True
    colon = raw.find(b":", end, limit)
    return bool(_field_name(raw, end, colon))


def _cut(raw: bytes, position: int, length: int, fields: list[Field], note: str) -> Layout:
    """End the search for fields at `position`: the header ends at the next empty line.

    A line over the limit that cannot be a field is the body's first one.
    """
    end = body = length
    colon = raw.find(b":", position, position + limits.HEADER_OCTETS)
    if not _field_name(raw, position, colon):
        return Layout(tuple(fields), position, position, position, (note,))
    for empty in (b"\n\n", b"\n\r\n", b"\n\r\r\n"):
        at = raw.find(empty, position, min(end + len(empty), length))
        if 0 <= at < end:
            end, body = at + 1, at + len(empty)
    return Layout(tuple(fields), position, end, body, (note,))
