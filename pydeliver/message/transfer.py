"""Transfer encodings: base64, quoted-printable and uuencode read whatever was made of them.

Never raises, in linear time.  What is no digit of base64 is passed over, padding
in the middle begins anew behind it, a broken escape stays as written.

Does not know: what the octets are.
References: RFC 2045 section 6.
"""

from __future__ import annotations

from binascii import Error, a2b_qp, a2b_uu

from pydeliver.message.parameters import without_comments
from pydeliver.message.text import BASE64_DIGITS, decode_base64_digits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydeliver.message.header import Field

__all__ = ["decode_transfer", "decoded_size", "transfer_encoding", "uuencoded_names"]

_ENCODINGS = {
    b"base64": "base64",
    b"quoted-printable": "quoted-printable",
    b"quotedprintable": "quoted-printable",
    b"x-uuencode": "uuencode",
    b"x-uue": "uuencode",
    b"uuencode": "uuencode",
    b"uue": "uuencode",
}
_TOKEN = bytes([octet for octet in range(33, 127) if octet not in b"()<>@,;:\\\"'/[]?="])
_NOT_TOKEN = bytes([octet for octet in range(256) if octet not in _TOKEN])
_IN_BASE64 = BASE64_DIGITS + b"="
_NOT_BASE64 = bytes([octet for octet in range(256) if octet not in _IN_BASE64])
_NOT_A_DIGIT = _NOT_BASE64 + b"="
_PIECES = 10_000  # of base64 with padding between them; a usual part is one
_CHUNK = 1 << 18  # octets decoded in one go
_MOST_BEGIN = 1_000  # octets searched for the begin of uuencoded lines


def transfer_encoding(fields: Iterable[Field]) -> str:
    """Which encoding the fields declare: the first that we know, "" where none is."""
    for field in fields:
        if field.name.lower() == "content-transfer-encoding":
            declared = without_comments(field.unfolded).partition(b";")[0].lower()
            encoding = _ENCODINGS.get(declared.translate(None, _NOT_TOKEN))
            if encoding:
                return encoding
    return ""


def decode_transfer(source: bytes, start: int, end: int, encoding: str, octets: int) -> bytes:
    """Return the first octets of what stood between `start` and `end` before it was encoded."""
    if encoding == "base64":
        return _decode_base64(source, start, end, octets)
    if encoding == "quoted-printable":
        return _gathered(map(_decode_quoted_printable, _line_chunks(source, start, end)), octets)
    if encoding == "uuencode":
        return _gathered(map(_decode_uu, _uu_lines(source[start:end])), octets)
    return source[start : min(end, start + octets)]


def _gathered(more: Iterable[bytes], octets: int) -> bytes:
    """Join pieces until there are so many octets."""
    pieces, gathered = [], 0
    for piece in more:
        pieces.append(piece)
        gathered += len(piece)
        if gathered >= octets:
            break
    return b"".join(pieces)[:octets]


def _decode_base64(source: bytes, start: int, end: int, octets: int) -> bytes:
    chunks = (source[at : min(at + _CHUNK, end)].translate(None, _NOT_BASE64) for at in range(start, end, _CHUNK))
    digits = _gathered(chunks, (octets * 4 + 5) // 3).rstrip(b"=")
    if b"=" not in digits:
        return decode_base64_digits(digits)[:octets]
    return b"".join([decode_base64_digits(piece) for piece in digits.split(b"=", _PIECES)[:_PIECES]])[:octets]


def _decode_quoted_printable(raw: bytes) -> bytes:
    """Signs that were not encoded stand for themselves; CPython would read two of them as one."""
    return a2b_qp(_without_blanks_at_line_ends(raw).replace(b"==", b"=3D=3D"))


def _without_blanks_at_line_ends(raw: bytes) -> bytes:
    """They are no text (RFC 2045 section 6.7, rule 3); `=` before them is still a soft line break."""
    if not any([blanks in raw for blanks in (b" \n", b" \r\n", b"\t\n", b"\t\r\n")]):
        return raw
    lines = [line.rstrip(b" \t\r") + (b"\r" if line.endswith(b"\r") else b"") for line in raw.split(b"\n")]
    return b"\n".join(lines)


def _uu_lines(raw: bytes) -> Iterator[bytes]:
    """The encoded lines: those between the one that begins with `begin` and `end`."""
    inside = False
    for line in raw.split(b"\n"):
        if not inside:
            inside = line.startswith(b"begin ")
        elif line.startswith(b"end"):
            return
        else:
            yield line.rstrip(b"\r")


def _decode_uu(line: bytes) -> bytes:
    try:
        return a2b_uu(line)
    except Error:  # too long, as some encoders make them, or no such line at all
        octets = (line[0] - 32) & 63 if line else 0
        try:
            return a2b_uu(line[: (octets * 4 + 5) // 3])
        except Error:
            return b""


def uuencoded_names(raw: bytes) -> tuple[bytes, ...]:
    """The name that stands behind `begin 644`."""
    for line in raw[:_MOST_BEGIN].split(b"\n"):
        if line.startswith(b"begin "):
            return tuple(line.strip().split(b" ", 2)[2:])
    return ()


def decoded_size(source: bytes, start: int, end: int, encoding: str) -> int:
    """How many octets decoding gives; never more than a chunk is copied at a time."""
    if encoding == "base64":
        chunks = [(at, min(at + _CHUNK, end)) for at in range(start, end, _CHUNK)]
        return sum([len(source[at:to].translate(None, _NOT_A_DIGIT)) for at, to in chunks]) * 3 // 4
    if encoding == "quoted-printable":
        return sum([len(_decode_quoted_printable(piece)) for piece in _line_chunks(source, start, end)])
    if encoding == "uuencode":
        return sum([len(_decode_uu(line)) for line in _uu_lines(source[start:end])])
    return end - start


def _line_chunks(source: bytes, start: int, end: int) -> Iterator[bytes]:
    """The octets in chunks that end with a line, so that no escape is cut."""
    while start < end:
        cut = min(start + _CHUNK, end)
        if cut < end:
            cut = source.rfind(b"\n", start, cut) + 1 or cut
        yield source[start:cut]
        start = cut
