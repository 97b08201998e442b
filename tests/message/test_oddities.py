"""Odd messages, each named by its oddity: what is a field, where the header ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydeliver.message.edit import Edit, edited
from pydeliver.message.view import Message
from pydeliver.value import value

CORPUS = Path(__file__).parent.parent / "corpus"


@value
class Oddity:
    """A file of tests/corpus, the fields read from it in order, and its body."""

    name: str
    fields: tuple[tuple[str, str], ...]
    body: bytes


def odd(name: str, *fields: str, body: bytes) -> Oddity:
    return Oddity(name, tuple([(n, v) for n, _, v in [field.partition(": ") for field in fields]]), body)


ANN, LF, CRLF = "From: ann@example.org", b"body\n", b"body\r\n"
ODDITIES = [
    odd("bare-cr-in-value", "Subject: one From: evil@example.org", "To: ann@example.org", body=LF),
    odd("bare-cr-only", "Subject: one From: ann@example.org  body", body=b""),
    odd("blank-line-of-spaces", "Subject: one", ANN, body=LF),
    odd("body-begins-with-space", "Subject: one", body=b" indented body\n"),
    odd("body-of-zero-octets", "Subject: empty body", body=b""),
    odd("boundary-first", body=b"--x\nContent-Type: text/plain\n\ntext\n--x--\n"),
    odd("broken-base64", "Subject: Hallo WeltHallo Welt", body=LF),
    odd("byte-order-mark", ANN, body=LF),
    odd("cr-cr-lf", "Subject: twice converted", ANN, body=b"body\r\r\n"),
    odd("crlf", "Subject: wire", "To: ann@example.org, bob@example.org", body=CRLF),
    odd("duplicate-subjects", "Subject: one", "subject: two", "SUBJECT: three", body=LF),
    odd("empty-header", body=b"Subject: this is the body\n"),
    odd("empty-name", ANN, "Subject: after it", body=LF),
    odd("empty-value", "Subject: ", "To: ", ANN, body=LF),
    odd("encoded-line-end", "Subject: a  Bcc: evil@example.org", body=LF),
    odd("first-line-a-continuation", "Delivered-To: ann@example.org", "Subject: led by spaces", body=LF),
    odd("first-line-an-indented-field", "Subject: the first line was indented", body=LF),
    odd("from-line", "Subject: piped", body=LF),
    odd("from-line-alone", body=b""),
    odd("from-line-crlf", "Subject: piped", body=CRLF),
    odd("from-line-lf-before-crlf", "Subject: mixed", body=CRLF),
    odd("from-line-without-date", "Subject: no date", body=LF),
    odd(
        "groups-and-comments",
        "To: Team: Ann (the (real) one) <ann@example.org>, bob@example.org;, carl@example.org",
        "Cc: undisclosed-recipients:;",
        body=LF,
    ),
    odd("header-only-no-blank-line", ANN, "Subject: nothing follows", body=b""),
    odd("last-field-without-line-end", ANN, "Subject: cut off", body=b""),
    odd("line-without-colon-among-fields", ANN, "Subject: still the header", body=LF),
    odd("long-line", "Subject: " + "x" * 20_000, ANN, body=b"y" * 20_000 + b"\n"),
    odd("mixed-line-ends", "Subject: one", "To: ann@example.org, bob@example.org", "From: x@example.org", body=LF),
    odd("name-with-8bit", ANN, "Subject: yes", body=LF),
    odd("name-with-space", ANN, "Subject: yes", body=LF),
    odd("no-header-at-all", body=b"Dear Ann,\nthis is only text: no header.\n\nBob\n"),
    odd("nul-in-name", ANN, body=LF),
    odd("nul-in-value", "Subject: be fore", ANN, body=b"bo\0dy\n"),
    odd("only-a-line-end", body=b""),
    odd("quoted-from-line", "Subject: quoted", body=LF),
    odd("raw-8bit-latin1", "Subject: Grüße aus Köln", "From: Jürgen <j@example.org>", body=LF),
    odd("raw-8bit-utf8", "Subject: Grüße aus Köln", "From: Jürgen <j@example.org>", body=LF),
    odd("separator-forgotten", ANN, "Subject: text follows at once", body=b"Dear Bob,\nhere is: text.\n\nAnn\n"),
    odd(
        "separator-forgotten-before-boundary",
        "Subject: parts",
        "Content-Type: multipart/mixed; boundary=x",
        body=b"--x\nContent-Type: text/plain\n\ntext\n--x--\n",
    ),
    odd("space-before-colon", ANN, "Subject: obsolete syntax", body=LF),
    odd("split-character", "Subject: Grüßé", body=LF),
    odd("tab-folding", "Subject: folded\tthree times \there", body=LF),
    odd(
        "two-addresses-in-one",
        "From: alice@example.org)bob@example.org",
        'To: "a" <b@example.org> <d@example.org>',
        body=LF,
    ),
    odd("two-from-lines", "Subject: twice", body=LF),
    odd("unknown-charset", "Subject: Grüßeüax\x9c", body=LF),
    odd("unterminated-encoded-word", "Subject: =?utf-8?q?never closed =?utf-8?q?open", body=LF),
    odd("zero-octets", body=b""),
]


def read(name: str) -> Message:
    return Message((CORPUS / f"{name}.eml").read_bytes())


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
def test_fields_and_body(oddity: Oddity) -> None:
    message = read(oddity.name)
    assert tuple([(field.name, field.text) for field in message.fields]) == oddity.fields
    assert bytes(message.body) == oddity.body


def test_every_odd_message_has_a_row_and_stands_in_the_readme() -> None:
    files = sorted([path.stem for path in CORPUS.glob("*.eml")])
    assert files == sorted([oddity.name for oddity in ODDITIES])
    readme = (CORPUS / "README.md").read_text("utf-8")
    assert [name for name in files if f"`{name}.eml`" not in readme] == []


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
def test_a_field_added_at_the_top_changes_nothing_else(oddity: Oddity) -> None:
    message = edited(read(oddity.name), [Edit("add", "X-Added", "yes")])
    again = Message(b"".join(message.chunks()))
    assert [(field.name, field.text) for field in again.fields] == [("X-Added", "yes"), *oddity.fields]
    assert [(field.name, field.text) for field in message.fields] == [("X-Added", "yes"), *oddity.fields]
    assert bytes(again.body) == oddity.body
    assert again.size == message.size == len(again.raw)


FROM = b"From ann@example.org Tue Nov 24 10:00:00 2026"


@pytest.mark.parametrize(
    ("name", "from_line", "line_end"),
    [
        ("from-line", FROM + b"\n", b"\n"),
        ("from-line-crlf", FROM + b"\r\n", b"\r\n"),
        ("from-line-lf-before-crlf", FROM + b"\n", b"\r\n"),
        ("from-line-alone", FROM, b"\n"),
        ("from-line-without-date", b"From ann@example.org\n", b"\n"),
        ("two-from-lines", FROM + b"\n", b"\n"),
        ("quoted-from-line", b"", b"\n"),
        ("space-before-colon", b"", b"\n"),
        ("crlf", b"", b"\r\n"),
        ("cr-cr-lf", b"", b"\r\n"),
        ("mixed-line-ends", b"", b"\r\n"),
        ("zero-octets", b"", b"\n"),
        ("only-a-line-end", b"", b"\n"),
        ("bare-cr-only", b"", b"\n"),
    ],
)
def test_from_line_and_line_end(name: str, from_line: bytes, line_end: bytes) -> None:
    message = read(name)
    assert (message.from_line, message.line_end) == (from_line, line_end)
    assert b"".join(message.chunks()) == message.raw[len(from_line) :]
    assert message.size == len(message.raw) - len(from_line)
