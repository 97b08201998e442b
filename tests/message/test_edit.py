"""Edits of a header: what changes, and that nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.fold import composed
from pydeliver.message.edit import Edit, edited, render_field
from pydeliver.message.view import Message

RAW = b"From x\nReceived: a\nSubject : old\n folded\nBroken\nTo: b\nsubject: other\n\nbody"


def stored(*edits: Edit, raw: bytes = RAW) -> bytes:
    return b"".join(edited(Message(raw), edits).chunks())


ROWS = [
    ("add at the top", [Edit("add", "X-A", "1")], b"X-A: 1\n" + RAW[7:]),
    ("the last added stands first", [Edit("add", "X-A", "1"), Edit("add", "X-B", "2")], b"X-B: 2\nX-A: 1\n" + RAW[7:]),
    (
        "set replaces the first and drops the rest",
        [Edit("set", "SUBJECT", "new")],
        b"Received: a\nSUBJECT: new\nBroken\nTo: b\n\nbody",
    ),
    ("set adds where there is none", [Edit("set", "X-A", "1")], b"X-A: 1\n" + RAW[7:]),
    ("remove drops all", [Edit("remove", "subject", "")], b"Received: a\nBroken\nTo: b\n\nbody"),
    ("remove what is not there", [Edit("remove", "X-A", "")], RAW[7:]),
    ("add, then remove", [Edit("add", "X-A", "1"), Edit("remove", "x-a", "")], RAW[7:]),
    ("set twice", [Edit("set", "To", "c"), Edit("set", "To", "d")], RAW[7:].replace(b"To: b", b"To: d")),
    ("none", [], RAW[7:]),
    ("empty value", [Edit("add", "X-A", "")], b"X-A:\n" + RAW[7:]),
]


@pytest.mark.parametrize(("edits", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_edits(edits: list[Edit], expected: bytes) -> None:
    message = edited(Message(RAW), edits)
    assert b"".join(message.chunks()) == expected
    assert message.size == len(expected)
    assert bytes(message.header) == expected[: -len(b"\nbody")]
    assert bytes(message.body) == b"body"
    assert message.raw is not None
    assert message.from_line == b"From x\n"


def test_edits_on_edits_are_the_same_as_all_at_once() -> None:
    edits = [Edit("add", "X-A", "1"), Edit("set", "To", "c"), Edit("remove", "Received", ""), Edit("add", "X-A", "2")]
    message = Message(RAW)
    for edit in edits:
        message = edited(message, [edit])
    assert b"".join(message.chunks()) == stored(*edits)
    assert [field.text for field in message.values("x-a")] == ["2", "1"]


def test_new_fields_have_the_line_end_of_the_message() -> None:
    assert stored(Edit("add", "X-A", "1"), raw=b"From x\nA: b\r\n\r\nbody") == b"X-A: 1\r\nA: b\r\n\r\nbody"


def test_a_message_without_a_header_keeps_its_body() -> None:
    assert stored(Edit("add", "X-A", "1"), raw=b"Hello,\nAnn\n") == b"X-A: 1\n\nHello,\nAnn\n"
    assert stored(Edit("add", "X-A", "1"), raw=b"  Hello,\nAnn\n") == b"X-A: 1\n\n  Hello,\nAnn\n"
    assert stored(Edit("add", "X-A", "1"), Edit("remove", "X-A", ""), raw=b"Hello\n") == b"Hello\n"
    assert stored(Edit("add", "X-A", "1"), raw=b"") == b"X-A: 1\n"


def test_edits_twice_put_one_empty_line_above_a_body_without_header() -> None:
    message = edited(edited(Message(b"Hello\n"), [Edit("add", "A", "1")]), [Edit("add", "B", "2")])
    assert b"".join(message.chunks()) == b"B: 2\nA: 1\n\nHello\n"
    assert bytes(message.header) == b"B: 2\nA: 1\n"


def test_a_broken_first_line_does_not_become_part_of_a_value() -> None:
    assert stored(Edit("add", "X-A", "1"), raw=b" x\nA: b\n\n") == b" x\nX-A: 1\nA: b\n\n"


def test_a_broken_line_goes_with_the_field_that_made_it_part_of_the_header() -> None:
    assert stored(Edit("remove", "A", ""), raw=b"C: d\nx\nA: b\ny\nB: e\n\nbody") == b"C: d\ny\nB: e\n\nbody"
    assert stored(Edit("remove", "A", ""), raw=b"C: d\nx\nA: b\n\nbody") == b"C: d\n\nbody"
    assert stored(Edit("remove", "A", ""), raw=b"C: d\nx\nA: b\nB: e\n\nbody") == b"C: d\nx\nB: e\n\nbody"


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\n", "\ud800", "a\0"])
def test_a_name_that_is_no_field_name_is_an_error(name: str) -> None:
    for kind in ("add", "set", "remove"):
        with pytest.raises(ValueError, match="is no field name"):
            edited(Message(RAW), [Edit(kind, name, "x")])


def test_a_kind_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="'addd' is no edit"):
        edited(Message(RAW), [Edit("addd", "X", "x")])


RENDERED = [
    ("a plain value", "hello  world", b"X: hello  world\n"),
    ("line ends and NUL", "a\r\nBcc: evil@example.org\0b", b"X: a  Bcc: evil@example.org b\n"),
    ("non-ASCII", "Grüße", b"X: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"),
    ("ASCII around it stays readable", "for Jürgen only", b"X: for =?utf-8?q?J=C3=BCrgen?= only\n"),
    ("mostly non-ASCII", "日本", b"X: =?utf-8?b?5pel5pys?=\n"),
    ("what looks like an encoded word", "=?utf-8?q?a?=", b"X: =?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=\n"),
    ("a control character", "a\x1bb", b"X: =?utf-8?q?a=1Bb?=\n"),
    ("a lone surrogate", "a\ud800", b"X: =?utf-8?q?a=3F?=\n"),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in RENDERED], ids=[row[0] for row in RENDERED])
def test_render_field(text: str, expected: bytes) -> None:
    assert render_field("X", text, b"\n") == expected


def test_encoded_values_are_folded_at_76_and_long_plain_ones_at_998() -> None:
    encoded = render_field("Subject", "é " * 300 + "plain words " * 20, b"\r\n")
    assert max([len(line) for line in encoded.split(b"\r\n")]) <= 76
    plain = render_field("Subject", "plain words " * 20, b"\n")
    assert plain.count(b"\n") == 1
    long = render_field("Subject", "plain words " * 200 + "x" * 2000, b"\n")
    assert max([len(line) for line in long.split(b"\n")]) <= 998


NAMES = st.text([chr(c) for c in range(33, 127) if c != 58], min_size=1, max_size=12)
VALUES = st.one_of(
    st.text(), st.lists(st.sampled_from(["a", "é", " ", "=?", "?=", "\n", "\t", "日本", "x" * 80])).map("".join)
)
EDITS = st.lists(
    st.builds(Edit, st.sampled_from(["add", "set", "remove"]), st.one_of(NAMES, st.sampled_from("AB")), VALUES)
)
FIELDS = st.sampled_from([b"A: b\n", b"a: c\n d\n", b"B : e\r\n", b"C:\n", b"broken\n", b"From: x@y\n"])
MESSAGES = st.one_of(
    st.tuples(st.lists(FIELDS).map(b"".join), st.sampled_from([b"\nbody", b"\r\n body\r\n", b"", b"--x\n"])).map(
        b"".join
    ),
    st.binary(),
)


@given(st.one_of(NAMES), VALUES)
def test_a_value_written_and_read_again_is_one_field_with_that_text(name: str, text: str) -> None:
    message = Message(render_field(name, text, b"\n") + b"Next: x\n\n")
    assert [field.name for field in message.fields] == [name, "Next"]
    clean = text.replace("\r", " ").replace("\n", " ").replace("\0", " ")
    clean = clean.encode("utf-8", "replace").decode().strip()
    assert message.fields[0].text == composed(clean).strip()


@given(MESSAGES, EDITS)
def test_what_is_stored_has_the_fields_and_the_body_of_the_view(raw: bytes, edits: list[Edit]) -> None:
    message = edited(Message(raw), edits)
    octets = b"".join(message.chunks())
    assert message.size == len(octets)
    if octets.startswith(b"From "):
        return  # a field may not be mistaken for the From_ line: only broken lines begin so
    again = Message(octets)
    if message.fields:
        assert [(f.name, f.raw_value) for f in again.fields] == [(f.name, f.raw_value) for f in message.fields]
        assert bytes(again.body) == bytes(message.body)


@given(MESSAGES, EDITS)
def test_fields_that_were_not_edited_are_octet_for_octet_the_same(raw: bytes, edits: list[Edit]) -> None:
    names = {edit.name.lower() for edit in edits}
    before = [f.source[f.start : f.end] for f in Message(raw).fields if f.name.lower() not in names]
    after = [f.source[f.start : f.end] for f in edited(Message(raw), edits).fields if f.name.lower() not in names]
    assert after == before
