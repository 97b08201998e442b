"""A message: a lazy, immutable view over the octets received.

Any octets are a message and nothing raises (`header` says what counts as what).
The octets are never copied nor written anew: what is stored is what came, less a
leading mbox From_ line.  A limit cuts off what rules can match, never what is
stored; `notes` says so in words.

Does not know: how a view is edited (`edit`), how parts are found (`mime`), rules, where the octets came from.
References: RFC 5322, RFC 4155 (the From_ line).
"""

from __future__ import annotations

from pydeliver.message.header import Field, Layout, scan_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydeliver.message.part import Parts
    from pydeliver.message.spooled import Spooled

__all__ = ["Message"]


class Message:
    """The octets received, with the fields and the body in them; edits lie over it in `head`.

    `raw`, `body` and `body_offset` are always of the octets received.
    """

    __slots__ = ("_edited", "_index", "_layout", "_parts", "_raw", "_start")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._start = from_line_octets(raw)
        self._layout: Layout | None = None
        self._index: dict[str, tuple[Field, ...]] | None = None
        self._edited: tuple[bytes, tuple[Field, ...], bytes] | None = None
        self._parts: Parts | None = None

    def __repr__(self) -> str:
        return f"<Message of {self.size} octets>"

    @property
    def raw(self) -> bytes:
        """All octets as received, the From_ line too; edits are not in them."""
        return self._raw

    @property
    def from_line(self) -> bytes:
        """The leading mbox From_ line with its line end; empty if there is none."""
        return self._raw[: self._start]

    @property
    def size(self) -> int:
        """Octets of what is stored."""
        stored = len(self._raw) - self._start
        if self._edited is None:
            return stored
        head, _, separator = self._edited
        return stored + len(head) + len(separator) - (self.layout.scanned_end - self._start)

    @property
    def lines(self) -> int:
        """Lines of the body; a last one without a line end counts."""
        raw, start = self._raw, self.body_offset
        unfinished = len(raw) > start and not raw.endswith(b"\n")
        return raw.count(b"\n", start) + unfinished

    @property
    def line_end(self) -> bytes:
        """CRLF if the first line ends so, else LF; a From_ line is the MTA's and counts only if it is all."""
        raw = self._raw
        at = raw.find(b"\n", self._start)
        if at < 0:
            at = self._start - 1
        return b"\r\n" if at > 0 and raw[at - 1 : at + 1] == b"\r\n" else b"\n"

    @property
    def layout(self) -> Layout:
        """Where the header as received has its fields and its end."""
        if self._layout is None:
            self._layout = scan_header(self._raw, self._start)
        return self._layout

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields in order, the edits among them."""
        return self._edited[1] if self._edited is not None else self.layout.fields

    def values(self, name: str) -> tuple[Field, ...]:
        """The fields of that name in any case, in order."""
        if self._index is None:
            found: dict[str, list[Field]] = {}
            for field in self.fields:
                found.setdefault(field.name.lower(), []).append(field)
            self._index = {key: tuple(fields) for key, fields in found.items()}
        return self._index.get(name.lower(), ())

    @property
    def head(self) -> tuple[bytes, int, int]:
        """Octets, start and end of what was searched for fields: what an edit may change."""
        if self._edited is not None:
            return self._edited[0], 0, len(self._edited[0])
        return self._raw, self._start, self.layout.scanned_end

    @property
    def header(self) -> memoryview:
        """The header with its edits, without the empty line behind it."""
        octets, start, end = self.head
        layout = self.layout
        unsearched = memoryview(self._raw)[layout.scanned_end : layout.header_end]
        if self._edited is None:
            return memoryview(self._raw)[start : layout.header_end]
        return memoryview(octets + unsearched) if unsearched else memoryview(octets)[start:end]

    @property
    def body(self) -> memoryview:
        return memoryview(self._raw)[self.layout.body_offset :]

    @property
    def body_offset(self) -> int:
        """Where the body begins in `raw`: behind the empty line."""
        return self.layout.body_offset

    @property
    def parts(self) -> Parts:
        """The MIME parts, of which the first is the message itself; found, and MIME loaded, when first asked for."""
        if self._parts is None:
            from pydeliver.message.mime import find_parts

            self._parts = find_parts(self)
        return self._parts

    def chunks(self) -> Iterator[memoryview | bytes]:
        """What is stored, in order: everything less the From_ line, with the edits; the body is not copied."""
        start = self._start
        if self._edited is not None:
            start = self.layout.scanned_end
            yield self._edited[0] + self._edited[2]
        spooled = self._spooled
        if spooled is None:
            yield memoryview(self._raw)[start:]
        else:
            yield from spooled.pieces(start)

    @property
    def file(self) -> Spooled | None:
        """The file of a large message, if it holds what `chunks` gives and nothing else."""
        return self._spooled if self._edited is None and not self._start else None

    @property
    def _spooled(self) -> Spooled | None:
        return None if type(self._raw) is bytes else self._raw  # type: ignore[return-value]

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits cut off of the header and of the views asked for so far, in words for the trace."""
        notes = list(self.layout.notes)
        for field in self.fields:
            if field.end - field.start > _NOTABLE_OCTETS:
                notes.extend(field.notes)
        return tuple(notes)

    def with_head(self, head: bytes, fields: tuple[Field, ...], separator: bytes) -> Message:
        """Return a view of the same octets with another head; `fields` have their offsets in it.

        `separator` is an empty line behind it, where the octets received have none.
        """
        message = Message(self._raw)
        message._layout = self.layout
        message._edited = (head, fields, separator)
        if self._parts is not None and _about_content(self.fields) == _about_content(fields):
            message._parts = self._parts
        return message


def _about_content(fields: tuple[Field, ...]) -> list[tuple[str, bytes]]:
    """The fields that decide about MIME parts."""
    return [(field.name.lower(), field.raw_value) for field in fields if field.name[:8].lower() == "content-"]


_NOTABLE_OCTETS = 20_000  # 10,000 addresses or encoded words do not fit in less


def from_line_octets(raw: bytes) -> int:
    """Length of the leading From_ line, of any form an MTA or mbox writes; 0 if there is none.

    `From : ann@x` is a field in obsolete syntax, `>From ` is no From_ line.
    """
    if not raw.startswith(b"From "):
        return 0
    end = raw.find(b"\n") + 1 or len(raw)
    return 0 if raw[5 : min(end, 1000)].lstrip(b" \t").startswith(b":") else end
