"""A MIME part: where it stands, what it declares, and what it says when it is asked.

Does not know: how parts are found (`mime`), what a part is for.
References: RFC 2045, RFC 2046, RFC 2183, RFC 6532 (message/global).
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.fold import composed
from pydeliver.message.parameters import file_names, media_types, values_of
from pydeliver.message.text import decode_charset
from pydeliver.message.transfer import decode_transfer, decoded_size, transfer_encoding, uuencoded_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.message.header import Field

__all__ = ["MESSAGES", "Part", "Parts"]

MESSAGES = ("message/rfc822", "message/global", "message/news")
_HTML = ("text/html", "application/xhtml+xml")
_CHARSET_OCTETS = 64


class Part:
    """One part: where it stands, what it declares, and what it says.

    Part number 0 is the whole message.  `source` are the octets that the offsets
    count in: those received, or those of a message that was found encoded.
    """

    __slots__ = (
        "_html",
        "_names",
        "_notes",
        "_text",
        "body_start",
        "depth",
        "encoding",
        "end",
        "fields",
        "has_parts",
        "source",
        "start",
        "text_octets",
        "types",
    )

    def __init__(
        self, source: bytes, start: int, body_start: int, depth: int, fields: tuple[Field, ...], default: str
    ) -> None:
        self.source, self.start, self.body_start, self.depth = source, start, body_start, depth
        self.end = len(source)
        self.fields = fields
        self.types = media_types(fields) or (default,)
        self.encoding = transfer_encoding(fields)
        self.has_parts = False
        self.text_octets = 0
        self._notes: dict[str, None] = {}
        self._names: tuple[str, ...] | None = None
        self._text: str | None = None
        self._html: str | None = None

    def __repr__(self) -> str:
        return f"<Part {self.type} at {self.start}-{self.end}>"

    @property
    def type(self) -> str:
        """The type declared, of several the first; in lower case, without parameters."""
        return self.types[0]

    @property
    def is_attachment(self) -> bool:
        """A part that is not read in place: it has a name, is called an attachment, or is no text."""
        if self.has_parts and self.type not in MESSAGES:
            return False
        return not self.is_text or bool(self.names) or "attachment" in self.dispositions

    @property
    def is_text(self) -> bool:
        return any([_is_text(name) for name in self.types])

    @property
    def is_html(self) -> bool:
        return any([name in _HTML for name in self.types])

    @property
    def dispositions(self) -> tuple[str, ...]:
        """What the Content-Disposition fields call it, in lower case."""
        fields = [field for field in self.fields if field.name.lower() == "content-disposition"]
        said = [field.unfolded.partition(b";")[0].split(None, 1) for field in fields]
        return tuple([words[0].decode("latin-1").lower() for words in said if words])

    @property
    def names(self) -> tuple[str, ...]:
        """Every reading of the file name, the likeliest first; empty if it has none."""
        if self._names is None:
            raw = self.source[self.body_start : self.end] if self.encoding == "uuencode" else b""
            self._names, notes = file_names(self.fields, uuencoded_names(raw))
            self._notes.update(dict.fromkeys(notes))
        return self._names

    @property
    def size(self) -> int:
        """Octets of the body, decoded; of a part that holds others, as they stand."""
        return decoded_size(self.source, self.body_start, self.end, self.encoding)

    @property
    def magic(self) -> str:
        """The type its octets begin as, whatever is declared; "" where there are none or they are parts."""
        from pydeliver.message.magic import SNIFFED_OCTETS, sniff

        return "" if self.has_parts else sniff(self.content(SNIFFED_OCTETS))

    def content(self, octets: int) -> bytes:
        """The beginning of the decoded body: so many octets, or fewer where base64 has padding in the middle."""
        return decode_transfer(self.source, self.body_start, self.end, self.encoding, octets)

    @property
    def text(self) -> str:
        """What it says, HTML as a reader sees it; empty if it is no text."""
        if self._text is None:
            said = self.source_text
            if self.is_html:
                from pydeliver.message.html import html_text

                said, is_complete = html_text(said)
                if not is_complete:
                    self._notes[f"text: of HTML not more than {limits.HTML_TAGS} tags are read"] = None
                said = composed(said)
            self._text = said
        return self._text

    @property
    def source_text(self) -> str:
        """The text as it was sent, HTML with its tags."""
        if self._html is None:
            self._html = self._decoded() if self.is_text and not self.has_parts else ""
        return self._html

    def _decoded(self) -> str:
        """The octets in the charset declared, else as UTF-8, else as Latin-1; lines end with LF."""
        octets = self.content(self.text_octets)
        if self.end - self.body_start > self.text_octets and len(octets) < self.size:
            of_part = self.text_octets == limits.PART_TEXT_OCTETS
            most, what = (limits.PART_TEXT_OCTETS, "a part") if of_part else (limits.MESSAGE_TEXT_OCTETS, "all parts")
            self._notes[f"text: not more than {most} octets of {what} are read"] = None
        charset, *_ = (*values_of(self.fields, "content-type", "charset"), b"")
        text = decode_charset(octets, charset[:_CHARSET_OCTETS].decode("latin-1"))
        return composed(text.removeprefix("\ufeff").replace("\r\n", "\n"))

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits cut off of what has been asked for."""
        return tuple(self._notes)


def _is_text(name: str) -> bool:
    return name in _HTML or (name.startswith(("text/", "message/")) and name not in MESSAGES)


class Parts:
    """The parts of a message, in order; the first is the message itself."""

    __slots__ = ("_notes", "all")

    def __init__(self, parts: tuple[Part, ...], notes: tuple[str, ...]) -> None:
        self.all, self._notes = parts, notes
        left = limits.MESSAGE_TEXT_OCTETS
        for part in parts:
            if part.is_text and not part.has_parts:
                part.text_octets = min(left, limits.PART_TEXT_OCTETS)
                left -= min(part.end - part.body_start, part.text_octets)

    @property
    def attachments(self) -> tuple[Part, ...]:
        return tuple([part for part in self.all if part.is_attachment])

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits cut off, in words for the trace, each once."""
        return tuple(dict.fromkeys([*self._notes, *[note for part in self.all for note in part.notes]]))
