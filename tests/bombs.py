"""Message bombs: what made mail programs slow, fat or dead, each made by a few lines.

Does not know: what is done with them.
"""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Callable

_MIB = 1 << 20
_CHARSETS = (
    *(b"idna", b"punycode", b"zip", b"undefined", b"unicode_escape", b"utf-7", b"utf-16", b"utf-32", b"hex", b"mbcs"),
    *(b"iso-2022-jp", b"hz", b"../../etc/passwd", b"\xff", b"'", b"x" * 5_000, b"raw_unicode_escape", b"rot13"),
)


def _fields(*lines: bytes) -> bytes:
    return b"\n".join([b"From: bob@example.net", b"Subject: a bomb", b"MIME-Version: 1.0", *lines, b"", b""])


def _multipart(boundary: bytes = b"b") -> bytes:
    return _fields(b"Content-Type: multipart/mixed; boundary=" + boundary)


def _times(piece: bytes, octets: int) -> bytes:
    return piece * (octets // len(piece) + 1)


def _numbered(piece: str, count: int) -> bytes:
    return "".join([piece % number for number in range(count)]).encode()


def _html(octets: bytes) -> bytes:
    return _fields(b"Content-Type: text/html") + octets


def _text(octets: bytes, charset: bytes = b"utf-8") -> bytes:
    return _fields(b"Content-Type: text/plain; charset=" + charset) + octets


def _ten_parts(part: bytes) -> bytes:
    return _multipart() + (b"--b\n" + part + b"\n") * 10


def _nested(depth: int) -> bytes:
    parts = [b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (n, n + 1) for n in range(depth)]
    closed = [b"--b%d--\n" % (depth - n) for n in range(depth)]
    return _multipart(b"b0") + b"".join(parts + closed)


def _many_boundaries(number: int) -> tuple[bytes]:
    return (b"Content-Type: multipart/mixed; boundary=" + b"b" * 60 + b"%d" % number,)


def _encoded_messages(layers: int) -> bytes:
    inner = _fields(b"Content-Type: text/plain") + _times(b"words\n", _MIB)
    for _ in range(layers):
        inner = _fields(b"Content-Type: message/rfc822", b"Content-Transfer-Encoding: base64") + encodebytes(inner)
    return inner


BOMBS: dict[str, Callable[[], bytes]] = {
    # The table of what the library `email` of CPython makes of them: seconds to minutes, gigabytes, or an exception.
    "32,000 recipients": lambda: _fields(b"To: " + b", ".join([b"ann%d@example.org" % n for n in range(32_000)])),
    "a million recipients": lambda: _fields(
        b"To: " + b",\n ".join([b"ann%d@example.org" % n for n in range(1_000_000)])
    ),
    "a subject of 250,000 words": lambda: _fields(b"Subject: " + b"word " * 250_000),
    "a subject of 32,000 encoded words": lambda: _fields(b"Subject: " + b" =?utf-8?q?a=C3=A9?=" * 32_000),
    "32,000 parameters": lambda: _fields(b"Content-Type: text/plain" + _numbered("; p%d=x", 32_000)),
    "300,000 parentheses in a field": lambda: _fields(b"To: " + b"(" * 300_000),
    "10,000 multiparts in one another": lambda: _nested(10_000),
    "10,000 messages in one another": lambda: (
        _fields(b"Content-Type: message/rfc822") + b"Content-Type: message/rfc822\n\n" * 10_000
    ),
    "400,000 parts": lambda: _multipart() + b"--b\n\nx\n" * 400_000,
    "a million header lines": lambda: _fields(b"X-A: b\n" * 999_999 + b"X-A: b"),
    "a body of 25 MB": lambda: _text(_times(b"The quick brown fox jumps over the lazy dog.\n", 25 * _MIB)),
    "a parameter of 70 letters and a sign that is not ASCII": lambda: _fields(
        b"Content-Type: text/plain; " + b"a" * 70 + "=\u00e9".encode()
    ),
    "addresses that break readers": lambda: _fields(
        b"To: a@", b"From: x@", b"Message-ID: <>", b"Message-ID: <", b"Cc: =?utf-8?q?=0A?= <a@b>, group:;"
    ),
    "RFC 2231 that breaks readers": lambda: _fields(
        b"Content-Type: text/plain; x*0=a; x*=utf-8''b; charset*=utf-8''idna; charset*0*=x'y; charset=\"a\0b\"",
        b"Content-Disposition: attachment; filename*0*=''''; filename*99999999999999999=x; filename*1x*=y; filename**=",
    ),
    "charsets that break readers": lambda: (
        _multipart()
        + b"".join([b"--b\nContent-Type: text/plain; charset=%s\n\n\xff\xfe+AGE-\x1b$B\n" % name for name in _CHARSETS])
    ),
    # The others: what could break this program.
    "a hundred boundaries, half a million lines that begin as they": lambda: (
        _fields(*_many_boundaries(0))
        + b"".join([b"--" + b"b" * 60 + b"%d\n" % n + _fields(*_many_boundaries(n + 1)) for n in range(99)])
        + (b"--" + b"b" * 59 + b"\n") * 500_000
    ),
    "25 MB of line ends and hyphens": lambda: _multipart() + b"\n--" * (25 * _MIB // 3),
    "10,000 parts with a file name of 400 octets": lambda: (
        _multipart() + (b"--b\nContent-Type: x/y; name=" + b"%41=?" * 80 + b"\n\nx\n") * 10_000
    ),
    "100 parts of 10,000 fields": lambda: _multipart() + (b"--b\n" + b"X-A: b\n" * 10_000 + b"\nx\n") * 100,
    "a parameter in a thousand sections": lambda: _fields(
        b"Content-Disposition: attachment" + _numbered("; filename*%d*=%%41", 1_000)
    ),
    "a megabyte of percents": lambda: _fields(b"Content-Disposition: attachment; filename*=" + b"%" * 900_000),
    "a megabyte of quotes": lambda: _fields(b"Content-Type: x/y; name=" + b'"' * 900_000),
    "a megabyte of backslashes": lambda: _fields(b'Content-Type: x/y; name="' + b"\\" * 900_000),
    "a megabyte of comments": lambda: _fields(b"Content-Type: x/y; name=" + b"(" * 450_000 + b")" * 450_000),
    "a megabyte of padding": lambda: _fields(b"Content-Transfer-Encoding: base64") + _times(b"QQ==", 2 * _MIB),
    "ten megabytes of encoded signs": lambda: _ten_parts(
        b"Content-Transfer-Encoding: quoted-printable\n\n" + _times(b"=C3=A9", 4 * _MIB)
    ),
    "ten megabytes of combining marks": lambda: _ten_parts(b"\n" + _times("\u0301\u0327".encode(), _MIB)),
    "ten megabytes of letters beyond the first plane": lambda: _ten_parts(b"\n" + _times("\U0001d400a".encode(), _MIB)),
    "ten megabytes of which every other is no ASCII": lambda: _ten_parts(
        b"Content-Type: text/plain; charset=latin1\n\n" + _times(b"\xe9A", _MIB)
    ),
    "ten megabytes with one letter beyond the first plane in each": lambda: _ten_parts(
        b"\n\xf0\x9d\x90\x80" + _times(b"LETTERS ", _MIB)
    ),
    "ten megabytes of UTF-7": lambda: _ten_parts(
        b"Content-Type: text/plain; charset=utf-7\n\n" + _times(b"+AGE-", _MIB)
    ),
    "ten megabytes of tags": lambda: _ten_parts(b"Content-Type: text/html\n\n" + _times(b"<p>x", _MIB)),
    "formatting tags never closed, each another": lambda: _html(_numbered("<b a=%d><p>", 90_000)),
    "divisions in one another": lambda: _html(_times(b"<div>", _MIB)),
    "a tag with 100,000 attributes": lambda: _html(b"<p " + _numbered("a%d=1 ", 100_000) + b">x"),
    "a tag of signs that end it, in quotes": lambda: _html(b'<p "' + b">" * _MIB),
    "comments never closed": lambda: _html(_times(b"<!--", _MIB)),
    "references": lambda: _html(_times(b"&CounterClockwiseContourIntegral;", _MIB)),
    "signs that open a tag": lambda: _html(_times(b"<", _MIB)),
    "messages in base64 in one another": lambda: _encoded_messages(8),
    "zeros": lambda: bytes(8 * _MIB),
}

# A rule file that asks everything, and stores by the answers.
EVERYTHING = """
list known = ["*@nowhere.example", "nobody@example.net"]
rule "Fields" when subject contains "z!z" or from in known or every addressee.domain is "example.com"
    or to.name matches /!z+top/ or cc contains "z!z" or reply-to is "x@y" or list-id matches "*.z!z"
    or message-id ends with "z!z" or date contains "z!z" or header "X-A" is "z!z" or bcc exists
    or count of to is 3 or count of /z!z/ in subject > 1 { file "Fields" }
rule "Body" when body contains "z!z" or body matches /!z(y+)z!/ or every body starts with "z!z"
    or body.raw contains "z!z" or body.raw matches /!z(y+)z!/ or body.html contains "z!z" or body.size is 3
    or headers.raw matches /^z!z: / or headers.raw contains "z!z: " or message.raw contains "z!z: "
    or size is 3 or lines is 99999999 or count of /z!z/ in body > 3 { file "Body" }
rule "Parts" when attachment.name matches ["*.z!z", /!z+top/] or attachment.type is "z!/z"
    or attachment.magic is "z!/z" or attachment.size is 12345678 or attachment is "z!z"
    or part.type is "z!/z" or part.size is 12345678 or part.text contains "z!z" or part contains "z!z"
    or count of attachment is 99999 or count of part is 99999 or count of attachment.name is 99999 { file "Parts" }
rule "One by one" {
    for each attachment { if attachment.name is "z!z" and attachment.size > 1 { file "One" } }
    for each part { if part.type is "z!z" and part.text contains "z!z" { file "One" } }
    for each match of /!z(y+)z!/ in body { file "One" }
    for each to { if to is "z!z" { file "One" } }
    for each header "X-A" { if header "X-A" is "z!z" { file "One" } }
}
"""
