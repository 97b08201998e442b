"""MIME parts: where they begin and end, whatever a sender or an attacker does to boundaries."""

from __future__ import annotations

import time
from base64 import encodebytes
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydeliver import limits
from pydeliver.message.mime import find_parts
from pydeliver.message.part import Part
from pydeliver.message.spooled import Spooled
from pydeliver.message.view import Message

HEAD = b"Content-Type: multipart/mixed; boundary=b\n\n"
NESTED = b"Content-Type: multipart/alternative; boundary=c\n\n"


def shape(raw: bytes) -> list[tuple[int, str, bytes]]:
    """Each part's depth, type and body."""
    return [(p.depth, p.type, p.source[p.body_start : p.end]) for p in Message(raw).parts.all]


def leaves(raw: bytes) -> list[bytes]:
    return [p.source[p.body_start : p.end] for p in Message(raw).parts.all if not p.has_parts]


TREES = {
    "no MIME at all": (b"Subject: a\n\nbody\n", [b"body\n"]),
    "two parts": (HEAD + b"preamble\n--b\n\none\n--b\n\ntwo\n--b--\nepilogue\n", [b"one", b"two"]),
    "CRLF": (HEAD.replace(b"\n", b"\r\n") + b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n\r\n--b--\r\n", [b"one", b"two\r\n"]),
    "never closed": (HEAD + b"--b\n\none\n--b\n\ntwo\n", [b"one", b"two\n"]),
    "cut off in a part's header": (HEAD + b"--b\n\none\n--b\nContent-Type: te", [b"one", b""]),
    "the last delimiter without a line end": (HEAD + b"--b\n\none\n--b--", [b"one"]),
    "a delimiter with nothing behind it": (HEAD + b"--b\n\none\n--b\n", [b"one"]),
    "blanks behind delimiters": (HEAD + b"--b \t\n\none\n--b-- \n", [b"one"]),
    "an empty part": (HEAD + b"--b\n\n--b\n\ntwo\n--b--\n", [b"", b"two"]),
    "a part without an empty line": (HEAD + b"--b\nContent-Type: text/html\n--b\n\ntwo\n--b--\n", [b"", b"two"]),
    "a part without a header": (HEAD + b"--b\none\n--b--\n", [b"one"]),
    "no part": (HEAD + b"nothing\n", [b"nothing\n"]),
    "a delimiter in a line": (HEAD + b"--b\n\none --b\n --b\n--b--\n", [b"one --b\n --b"]),
    "an epilogue that goes on": (HEAD + b"--b\n\none\n--b--\n\n--b\n\ntwo\n--b--\n", [b"one", b"two"]),
    "the outer delimiter ends what is open": (
        HEAD + b"--b\n" + NESTED + b"--c\n\none\n--b\n\ntwo\n--b--\n",
        [b"one", b"two"],
    ),
    "inside one another": (
        HEAD + b"--b\n" + NESTED + b"--c\n\none\n--c\n\ntwo\n--c--\n\n--b\n\nthree\n--b--\n",
        [b"one", b"two", b"three"],
    ),
    "both with the same boundary": (
        HEAD + b"--b\n" + NESTED.replace(b"=c", b"=b") + b"--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
        [b"one", b"two"],
    ),
    "the outer boundary begins as the inner": (
        HEAD + b"--b\n" + NESTED.replace(b"=c", b"=bc") + b"--bc\n\none\n--bc--\n--b\n\ntwo\n--b--\n",
        [b"one", b"two"],
    ),
    "the inner boundary begins as the outer": (
        HEAD.replace(b"=b", b"=bc") + b"--bc\n" + NESTED.replace(b"=c", b"=b") + b"--b\n\none\n--bc\n\ntwo\n--bc--\n",
        [b"one", b"two"],
    ),
    "a boundary in quotes with a colon": (
        HEAD.replace(b"=b", b'="=_a: b"') + b"--=_a: b\nContent-Type: text/html\n--=_a: b\n\ntwo\n--=_a: b--\n",
        [b"", b"two"],
    ),
    "two boundaries declared": (
        b"Content-Type: multipart/mixed; boundary=x; boundary=b\n\n--b\n\none\n--x\n\ntwo\n--b--\n",
        [b"one", b"two"],
    ),
    "two types declared": (
        b"Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
        [b"one"],
    ),
    "no boundary declared": (b"Content-Type: multipart/mixed\n\n--b\n\none\n--b\n\ntwo\n--b--\n", [b"one", b"two"]),
    "an empty boundary": (HEAD.replace(b"=b", b'=""') + b"--b\n\none\n--b--\n", [b"one"]),
    "a comment in the type": (HEAD.replace(b"mixed", b"mixed (of all)") + b"--b\n\none\n--b--\n", [b"one"]),
    "the boundary an encoded word": (HEAD.replace(b"=b", b'="=?utf-8?q?b?="') + b"--b\n\none\n--b--\n", [b"one"]),
    "an encoding declared of a multipart": (
        b"Content-Transfer-Encoding: base64\n" + HEAD + b"--b\n\none\n--b--\n",
        [b"one"],
    ),
    "the delimiter at once": (b"Content-Type: multipart/mixed; boundary=b\n--b\n\none\n--b--\n", [b"one"]),
    "a message in a message": (b"Content-Type: message/rfc822\n\nSubject: a\n\none\n", [b"one\n"]),
    "a message with a From_ line in a message": (
        b"Content-Type: message/rfc822\n\nFrom ann Mon Nov 24\nContent-Type: text/html\n\none\n",
        [b"one\n"],
    ),
    "a message of its own multipart, cut by the outer": (
        HEAD + b"--b\nContent-Type: message/rfc822\n\n" + NESTED + b"--c\n\none\n--b\n\ntwo\n--b--\n",
        [b"one", b"two"],
    ),
    "a message in base64": (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        + encodebytes(HEAD + b"--b\n\none\n--b--\n"),
        [b"one"],
    ),
    "a message in quoted-printable": (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
        b"Content-Type: multipart/mixed; boundary=3Db\n\n--b\n\none\n--b--\n",
        [b"one"],
    ),
    "a message declared to be encoded that is not": (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + HEAD + b"--b\n\none\n--b--\n",
        [b"one"],
    ),
    "digest": (
        b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: a\n\none\n--b\n\nSubject: b\n\ntwo\n--b--\n",
        [b"one", b"two"],
    ),
    "a message that begins with its delimiter": (b"--b\n\none\n--b--\n", [b"--b\n\none\n--b--\n"]),
    "a From_ line before it": (b"From ann Mon Nov 24\n" + HEAD + b"--b\n\none\n--b--\n", [b"one"]),
    "zero octets": (b"", [b""]),
}


@pytest.mark.parametrize("title", TREES)
def test_parts_are_found(title: str) -> None:
    raw, expected = TREES[title]
    assert leaves(raw) == expected


@pytest.mark.parametrize("title", [title for title, (raw, _) in TREES.items() if raw])
def test_parts_of_a_message_in_a_file_are_the_same(title: str, tmp_path: Path) -> None:
    raw, expected = TREES[title]
    (tmp_path / "message").write_bytes(raw)
    with open(tmp_path / "message", "rb") as file:
        message = Message(Spooled(file.fileno(), (len(raw), len(raw))))
        parts = message.parts.all
        assert [bytes(p.source[p.body_start : p.end]) for p in parts if not p.has_parts] == expected
        assert [(p.text, p.size, p.magic) for p in parts] == [(p.text, p.size, p.magic) for p in Message(raw).parts.all]


def test_depths_and_types_make_a_tree() -> None:
    raw = HEAD + b"--b\n" + NESTED + b"--c\n\none\n--c--\n--b\nContent-Type: message/rfc822\n\nX: y\n\nin\n--b--\n"
    assert [(depth, name) for depth, name, _ in shape(raw)] == [
        (0, "multipart/mixed"),
        (1, "multipart/alternative"),
        (2, "text/plain"),
        (1, "message/rfc822"),
        (2, "text/plain"),
    ]


def test_the_type_of_an_edited_header_counts() -> None:
    """The body is that of the octets received, the header that of the view."""
    from pydeliver.message.edit import Edit, edited

    message = Message(b"Subject: a\n\n--b\n\none\n--b--\n")
    assert len(message.parts.all) == 1
    other = edited(message, (Edit("add", "X-A", "b"),))
    assert other.parts is message.parts  # nothing that decides about parts has changed
    changed = edited(message, (Edit("add", "Content-Type", "multipart/mixed; boundary=b"),))
    assert [part.type for part in changed.parts.all] == ["multipart/mixed", "text/plain"]


@given(st.one_of(st.binary(max_size=80), st.text("=;\"\\()*%'?\n filename0utf-8q.exe", max_size=80).map(str.encode)))
@settings(max_examples=500, deadline=None)
def test_any_disposition_has_names(value: bytes) -> None:
    part = Message(b"Content-Disposition: attachment; " + value + b"\n\n").parts.all[0]
    assert all(part.names)
    assert len(set(part.names)) == len(part.names)


# ---------------------------------------------------------------- limits


def test_no_more_than_so_many_parts() -> None:
    raw = HEAD + b"--b\n\nx\n" * (limits.MIME_PARTS + 5) + b"--b--\n"
    parts = Message(raw).parts
    assert len(parts.all) == limits.MIME_PARTS
    assert parts.notes == (f"MIME: not more than {limits.MIME_PARTS} parts are looked at",)


@pytest.mark.parametrize("kind", ["multipart", "message", "encoded"])
def test_no_deeper_than_so_many(kind: str) -> None:
    deep = limits.MIME_DEPTH + 20
    if kind == "multipart":
        raw = b"".join([b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(deep)])
    elif kind == "message":
        raw = b"Content-Type: message/rfc822\n\n" * deep
    else:
        raw = b"Content-Type: message/rfc822\n\n"
        for _ in range(12):
            raw = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + encodebytes(raw)
        raw = b"Content-Type: message/rfc822\n\n" * (limits.MIME_DEPTH - 5) + raw
    parts = Message(raw).parts
    assert max([part.depth for part in parts.all]) == limits.MIME_DEPTH
    assert parts.notes == (f"MIME: not more than {limits.MIME_DEPTH} parts inside one another are looked at",)


def test_no_more_octets_of_headers() -> None:
    part = b"--b\n" + b"X-A: a\n" * 5_000 + b"\n"
    parts = Message(HEAD + part * 200).parts
    assert len(parts.all) * 35_000 < limits.MIME_HEADER_OCTETS + 100_000
    assert parts.notes == (f"MIME: not more than {limits.MIME_HEADER_OCTETS} octets of parts' headers are read",)


# ---------------------------------------------------------------- any octets

PIECES = st.sampled_from(
    (
        *(b"--b\n", b"--b--\n", b"--bc\n", b"--c\r\n", b"--c--", b"\n", b"\r\n", b"--", b"x\n", b" --b\n", b"From x\n"),
        *(b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: multipart/x; boundary=c\n"),
        *(b"Content-Type: multipart/digest; boundary=bc\r\n", b"Content-Type: multipart/mixed\n"),
        *(
            b"Content-Type: message/rfc822\n",
            b"Content-Transfer-Encoding: base64\n",
            b"Q29udGVudC1UeXBlOiB0ZXh0L2h0bWw=",
        ),
        *(b"Content-Type: text/html; charset=utf-7\n", b"Content-Disposition: a; filename*0*=x''%2; filename*=\n"),
    )
)
OCTETS = st.one_of(st.lists(PIECES, max_size=25).map(b"".join), st.binary(max_size=200))


@given(OCTETS)
@settings(max_examples=1_000, deadline=None)
def test_any_octets_have_parts_that_nest_and_cover(raw: bytes) -> None:
    message = Message(raw)
    parts = message.parts.all
    assert parts[0].depth == 0
    assert (parts[0].start, parts[0].end) == (len(message.from_line), len(raw))
    around: list[Part] = []
    for part in parts:
        del around[part.depth :]
        assert len(around) == part.depth
        assert 0 <= part.start <= part.body_start <= part.end <= len(part.source)
        if around:
            outer = around[-1]
            assert outer.has_parts
            if outer.source is part.source:
                assert outer.body_start <= part.start
                assert part.end <= outer.end
        around.append(part)
        assert isinstance(part.text + part.source_text + part.magic + repr(part), str)
        assert part.size >= 0
        assert all(part.names)
    in_order = [part for part in parts if part.source is parts[0].source]
    assert [part.start for part in in_order] == sorted([part.start for part in in_order])
    for one, other in pairwise(in_order):
        assert other.start >= one.end or other.depth > one.depth
    assert isinstance(message.parts.notes, tuple)


def naive(raw: bytes, boundary: bytes) -> list[bytes]:
    """The parts of a flat multipart, line by line."""
    found: list[list[bytes]] = []
    inside = False
    for line in raw.splitlines(keepends=True):  # the last one closes
        if line.startswith(b"--" + boundary):
            inside = not line.startswith(b"--" + boundary + b"--")
            if inside:
                found.append([])
        elif inside:
            found[-1].append(line)
    return [b"".join(lines) for lines in found]


@given(
    st.lists(
        st.sampled_from([b"--b\n", b"--b--\n", b"--bx\n", b"\n", b"text\n", b"--\n", b"-b\n", b" --b\n"]), max_size=20
    )
)
@settings(max_examples=1_000, deadline=None)
def test_a_flat_multipart_is_as_a_naive_reader_finds_it(lines: list[bytes]) -> None:
    octets = b"".join(lines) + b"--b--\n"
    found = [part.source[part.body_start : part.end] for part in Message(HEAD + octets).parts.all[1:]]
    assert found == [part.removeprefix(b"\n").removesuffix(b"\n") for part in naive(octets, b"b")]


def test_the_scan_is_linear() -> None:
    """A hundred boundaries, and lines that begin as each of them: ten times the octets take ten times the time."""
    nested = b"".join(
        [b"Content-Type: multipart/mixed; boundary=%s%d\n\n--%s%d\n" % (b"b" * 60, n, b"b" * 60, n) for n in range(99)]
    )
    took = []
    for many in (5_000, 50_000):
        message = Message(nested + (b"--" + b"b" * 59 + b"\n") * many)
        started = time.perf_counter()
        assert len(find_parts(message).all) == 100
        took.append(time.perf_counter() - started)
    assert took[1] < 40 * took[0] + 0.1


def test_a_usual_message_takes_microseconds() -> None:
    text = (
        b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + b"words\n" * 200
    )
    html = (
        b"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + b"<p>words\n" * 200
    )
    message = Message(b"Subject: a\n" + HEAD + b"--b\n" + text + b"\n--b\n" + html + b"\n--b--\n")
    message.fields  # noqa: B018
    best = min([_seconds(message) for _ in range(200)])
    print(f"parts of {message.size} octets found in {best * 1e6:.0f} microseconds")
    assert best < 0.001


def _seconds(message: Message) -> float:
    started = time.perf_counter()
    find_parts(message)
    return time.perf_counter() - started
