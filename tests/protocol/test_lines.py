"""Lines and content, however the octets are cut: an end is CRLF, and the end is CRLF.CRLF."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.protocol.lines import ChunkContent, DotContent, LineError, Lines

WIRE = st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.\r\n", b"\0"]), max_size=12).map(b"".join)
ENDINGS = [  # what one program or another has taken for the end of a message
    *(b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\n.\r", b"\r.\r\n", b"\r.\n", b"\r\n\0.\r\n"),
    *(b"\r\n.\0\r\n", b"\r\n..\r\n", b"\r\r\n.\r\r\n", b"\r\n.\r\r\n", b"\n\n.\r\n", b"\r\n .\r\n", b"\r\n. \r\n"),
]


def cut(octets: bytes, places: set[int]) -> list[bytes]:
    marks = [0, *sorted(place for place in places if 0 < place < len(octets)), len(octets)]
    return [octets[start:end] for start, end in itertools.pairwise(marks)]


def received(pieces: list[bytes]) -> tuple[bytes, bytes | None, DotContent]:
    content = DotContent()
    told = b""
    for number, piece in enumerate(pieces):
        octets, rest = content.add(piece)
        told += octets
        if rest is not None:
            return told, rest + b"".join(pieces[number + 1 :]), content
    return told, None, content


def oracle(wire: bytes) -> tuple[bytes, bytes | None]:
    """A line at a time, as RFC 5321 section 4.5.2 has it."""
    told, at = b"", 0
    while (end := wire.find(b"\r\n", at)) >= 0:
        line = wire[at:end]
        if line == b".":
            return told, wire[end + 2 :]
        told += line.removeprefix(b".") + b"\r\n"
        at = end + 2
    return told, None


@given(WIRE, st.sets(st.integers(1, 40)))
def test_content_is_what_stands_before_the_line_of_one_dot(wire: bytes, places: set[int]) -> None:
    told, rest, content = received(cut(wire, places))
    expected, after = oracle(wire)
    assert rest == after
    assert content.octets == len(told)
    if after is None:
        assert told.startswith(expected[:-2]) or expected.startswith(told)  # the last CRLF may be held
    else:
        assert told == expected
        pairs = told.count(b"\r\n")
        assert content.bare == (told.count(b"\r") != pairs or told.count(b"\n") != pairs)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_else_ends_a_message_wherever_it_is_cut(ending: bytes) -> None:
    wire = b"Subject: x\r\n\r\nhello" + ending + b"MAIL FROM:<evil@example.net>\r\n"
    for place in range(1, len(wire)):
        told, rest, _ = received(cut(wire + b"\r\n.\r\nQUIT\r\n", {place}))
        assert rest == b"QUIT\r\n"
        assert b"MAIL FROM" in told


@given(WIRE, st.sets(st.integers(1, 40)))
def test_chunks_are_handed_on_as_they_are_and_never_cut_in_a_line_end(wire: bytes, places: set[int]) -> None:
    content = ChunkContent()
    pieces = cut(wire, places)
    told = [content.add(piece, number == len(pieces) - 1) for number, piece in enumerate(pieces)]
    assert b"".join(told) == wire
    assert not any([one.endswith(b"\r") and other.startswith(b"\n") for one, other in itertools.pairwise(told)])
    assert content.bare == (wire.count(b"\r") != wire.count(b"\r\n") or wire.count(b"\n") != wire.count(b"\r\n"))


@given(st.lists(st.binary(max_size=12).filter(lambda line: not {10, 13} & set(line))), st.sets(st.integers(1, 60)))
def test_lines_come_out_as_they_went_in(said: list[bytes], places: set[int]) -> None:
    lines = Lines(20)
    found = []
    for piece in cut(b"".join([line + b"\r\n" for line in said]), places):
        lines.add(piece)
        while (line := lines.next_line()) is not None:
            found.append(line)
    assert found == said


@pytest.mark.parametrize("wire", [b"a\n", b"a\rb\r\n", b"\n", b"a\r\r\n", b"x" * 21, b"x" * 20 + b"\r\n"])
def test_a_line_that_is_none_ends_it(wire: bytes) -> None:
    lines = Lines(20)
    lines.add(wire)
    with pytest.raises(LineError):
        lines.next_line()
