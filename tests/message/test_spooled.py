"""A message in a file is the same message: every view of it says what it says of the octets in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.message import spooled
from pydeliver.message.edit import Edit, edited
from pydeliver.message.spooled import Spooled
from pydeliver.message.view import Message

CORPUS = sorted((Path(__file__).resolve().parent.parent / "corpus").glob("*.eml"))
PAGE = os.sysconf("SC_PAGE_SIZE")


def in_a_file(raw: bytes) -> Spooled:
    with tempfile.TemporaryFile(dir="/var/tmp") as file:
        file.write(raw)
        file.flush()
        return Spooled(os.dup(file.fileno()), (len(raw), len(raw)))


@pytest.fixture(autouse=True, params=[1, 256], ids=["small windows", "usual windows"])
def windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooled, "_WINDOW", request.param * PAGE)


def views(message: Message) -> list[Any]:
    fields = [(field.name, field.raw_value, field.text, field.addresses) for field in message.fields]
    parts = [(part.types, part.names, part.text, part.magic, part.size) for part in message.parts.all]
    sizes = (message.size, message.lines, message.line_end, message.from_line, message.body_offset)
    stored = b"".join(message.chunks())
    return [
        fields,
        parts,
        sizes,
        stored,
        bytes(message.header),
        bytes(message.body),
        message.notes,
        message.parts.notes,
    ]


@pytest.mark.parametrize("path", [path for path in CORPUS if path.stat().st_size], ids=lambda path: str(path.stem))
def test_a_message_in_a_file_is_the_same(path: Path) -> None:
    raw = path.read_bytes()
    assert views(Message(in_a_file(raw))) == views(Message(raw))


def test_a_large_message_in_a_file_is_the_same() -> None:
    text = b"".join([b"line %d of many\r\n" % number for number in range(20_000)])
    head = b"Subject: large\nContent-Type: multipart/mixed; boundary=b\n\n"
    raw = head + b"\n--b\nContent-Type: text/plain\n\n" + text + b"\n--b\nContent-Type: text/html\n\n<p>x\n--b--\n"
    one, other = Message(in_a_file(raw)), Message(raw)
    assert views(one) == views(other)
    edits = (Edit("set", "Subject", "larger"), Edit("add", "X-A", "b"))
    assert views(edited(one, edits)) == views(edited(other, edits))


def test_only_what_is_stored_as_it_came_is_the_file_itself() -> None:
    message = Message(in_a_file(b"Subject: a\n\nbody\n"))
    assert message.file is message.raw
    assert edited(message, (Edit("remove", "Subject", ""),)).file is None
    assert Message(in_a_file(b"From a@x now\nSubject: a\n\n")).file is None
    assert Message(b"Subject: a\n\n").file is None


OCTETS = st.binary(min_size=1, max_size=40).map(lambda piece: b"ab\n" * (PAGE - 20) + piece + b"\r\n.")
SOUGHT = st.sampled_from([b"\n", b"\r\n", b"a", b"ab\nab", b"\r", b"x", b"\r\n."])


@given(OCTETS, SOUGHT, st.integers(0, 3 * PAGE), st.integers(0, 4 * PAGE))
def test_finding_and_counting_are_those_of_octets(raw: bytes, sought: bytes, start: int, end: int) -> None:
    file = in_a_file(raw)
    asked: list[Callable[[bytes], object]] = [
        lambda octets: octets.find(sought, start),
        lambda octets: octets.find(sought, start, end),
        lambda octets: octets.find(sought),
        lambda octets: octets.startswith(sought),
        lambda octets: octets.startswith(sought, start),
        lambda octets: octets.startswith(sought, start, end),
        lambda octets: octets.endswith(sought),
        lambda octets: octets.count(b"\n", start),
        lambda octets: octets[start:end],
    ]
    assert [ask(file) for ask in asked] == [ask(raw) for ask in asked]
    assert b"".join(file.pieces(start)) == raw[start:]
    os.close(file.descriptor)
