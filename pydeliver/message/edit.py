"""Edits of a message: of its header an overlay over the octets received, or octets in place of a part.

What is not edited stays octet for octet the same, the body is shared.  A value
can never add a line or a field: CR, LF and NUL become spaces, everything that is
not printable ASCII is written in encoded words.  A name that is no field name is
a `ValueError`: whoever wrote the edit made the mistake, not the message.

`add` puts a field at the top, the last added first, so that it stands among the trace
fields; `set` replaces the first field of that name and drops the others, or adds;
`remove` drops all, and a broken line before one with it.  Fields that a limit hid from the search are not touched.
`replace` puts octets where the header, the body or the whole message was.

Does not know: rules, who asked for an edit.
References: RFC 5322 sections 2.1.1 and 2.2.3, RFC 2047 section 5.
"""

from __future__ import annotations

from pydeliver.message.header import Field, is_field_name
from pydeliver.message.text import encode_words, one_line
from pydeliver.message.view import Message, from_line_octets
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Edit", "edited", "portion_of", "render_field", "replacement_mistake"]

_LINE_CHARACTERS = 76  # of a line with an encoded word (RFC 2047 section 2)
_LONGEST_LINE = 998  # RFC 5322 section 2.1.1
_LONGEST_WORD = 900  # leaves room for a name; a longer one is encoded, so that it can be folded


@value
class Edit:
    """One change: `kind` is add, set or remove of a field; `value` is text, not yet encoded.

    Or it is replace: of the `name`d portion, header, body or "" for all, by `octets`.
    """

    kind: str
    name: str
    value: str = ""
    octets: bytes = b""


def edited(message: Message, edits: Iterable[Edit]) -> Message:
    """Return a view of the message with the edits made, in order."""
    pieces: list[tuple[str, bytes]] = []
    changed = False
    for edit in edits:
        if edit.kind == "replace":
            message, changed = _replaced(_overlay(message, pieces) if changed else message, edit), False
            continue
        if not changed:
            pieces, line_end = _pieces(message), message.line_end
        if not is_field_name(edit.name.encode("utf-8", "surrogatepass")):
            raise ValueError(f"{edit.name!r} is no field name: printable ASCII without space and colon is expected")
        pieces = _applied(pieces, edit, line_end)
        changed = True
    return _overlay(message, pieces) if changed else message


def portion_of(message: Message, portion: str) -> Iterator[bytes | memoryview]:
    """The octets of the header with the empty line behind it, of the body, or of all."""
    if portion != "body":
        yield from (message.header, message.line_end) if portion else message.chunks()
    else:
        yield message.body


def replacement_mistake(portion: str, octets: bytes) -> str:
    """Why octets cannot stand in place of a portion; empty text if they can."""
    if not octets.strip():
        return "it gave nothing"
    if portion == "body":
        return ""
    first = Message(octets).layout.fields[:1]
    if not first or first[0].start != from_line_octets(octets):
        return "what it gave has no header"
    head = octets.rstrip(b"\r\n")
    if portion and (b"\n\n" in head or b"\n\r\n" in head):
        return "what it gave is more than a header"
    return ""


def _replaced(message: Message, edit: Edit) -> Message:
    if not edit.name:
        return Message(edit.octets)
    line_end = message.line_end
    if edit.name == "body":
        return Message(b"".join([message.header, line_end, edit.octets]))
    header = edit.octets[from_line_octets(edit.octets) :].rstrip(b"\r\n")
    return Message(b"".join([header, line_end, line_end, message.body]))


def _pieces(message: Message) -> list[tuple[str, bytes]]:
    """The head in pieces: name in small letters and octets; what is no field has no name."""
    octets, position, end = message.head
    pieces = []
    for field in message.fields:
        if position < field.start:
            pieces.append(("", octets[position : field.start]))
        pieces.append((field.name.lower(), octets[field.start : field.end]))
        position = field.end
    if position < end:
        pieces.append(("", octets[position:end]))
    return pieces


def _applied(pieces: list[tuple[str, bytes]], edit: Edit, line_end: bytes) -> list[tuple[str, bytes]]:
    key = edit.name.lower()
    if edit.kind == "remove":
        return _removed(pieces, key)
    if edit.kind not in ("add", "set"):
        raise ValueError(f"{edit.kind!r} is no edit: add, set or remove is expected")
    new = (key, render_field(edit.name, edit.value, line_end))
    if edit.kind == "set":
        first = next((at for at, piece in enumerate(pieces) if piece[0] == key), None)
        if first is not None:
            return [*pieces[:first], new, *_removed(pieces[first + 1 :], key)]
    # A broken first line that begins with a space would become part of a value put above it.
    top = 1 if pieces and pieces[0][1][:1] in (b" ", b"\t") else 0
    return [*pieces[:top], new, *pieces[top:]]


def _removed(pieces: list[tuple[str, bytes]], key: str) -> list[tuple[str, bytes]]:
    """Drop the fields of that name; a broken line that stood before one goes with it.

    It was part of the header only because a field followed.
    """
    kept = [piece for piece in pieces if piece[0] != key]
    return [
        piece
        for at, piece in enumerate(kept)
        if piece[0] or piece is pieces[-1] or (at + 1 < len(kept) and kept[at + 1][0])
    ]


def _overlay(message: Message, pieces: list[tuple[str, bytes]]) -> Message:
    head = b"".join([octets for _, octets in pieces])
    return message.with_head(head, tuple(_fields(head, pieces)), _separator(message, head))


def _separator(message: Message, head: bytes) -> bytes:
    """The line end that keeps a new header off a body that had no header above it; else nothing."""
    layout, raw = message.layout, message.raw
    rest = raw[layout.scanned_end : layout.scanned_end + 1]
    alone = not layout.fields and bool(rest)
    if head and alone and (layout.scanned_end == layout.body_offset or rest in (b" ", b"\t")):
        return message.line_end
    return b""


def _fields(head: bytes, pieces: list[tuple[str, bytes]]) -> Iterator[Field]:
    position = 0
    for name, octets in pieces:
        if name:
            colon = octets.find(b":")
            written = octets[:colon].rstrip(b" \t").decode("ascii")
            yield Field(head, written, position, position + colon + 1, position + len(octets))
        position += len(octets)


def render_field(name: str, text: str, line_end: bytes) -> bytes:
    """Write one field with its line end; reading it again gives the text, stripped."""
    words = _words(one_line(text).strip())
    longest = _LINE_CHARACTERS if any([word.lstrip(" ").startswith("=?") for word in words]) else _LONGEST_LINE
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + len(word) > longest:
            lines.append(line)
            line = ""
        line += word
    lines.append(line)
    return line_end.join([line.encode("ascii") for line in lines]) + line_end


def _words(text: str) -> list[str]:
    """Split text where it may be folded: each word brings the spaces before it.

    From the first word that must be encoded to the last everything is, so that
    no space between two encoded words is lost.
    """
    words, spaces = [], ""
    for word in text.split(" "):
        if word:
            words.append(f"{spaces} {word}")
            spaces = ""
        else:
            spaces += " "
    odd = [at for at, word in enumerate(words) if _must_be_encoded(word)]
    if not odd:
        return words
    first, last = odd[0], odd[-1] + 1
    span = "".join(words[first:last])
    plain = span.lstrip(" ")
    encoded = [f" {word}" for word in encode_words(plain)]
    encoded[0] = span[: len(span) - len(plain)] + encoded[0][1:]
    return [*words[:first], *encoded, *words[last:]]


def _must_be_encoded(word: str) -> bool:
    if "=?" in word or len(word) > _LONGEST_WORD:
        return True
    return not (word.isascii() and word.isprintable())
