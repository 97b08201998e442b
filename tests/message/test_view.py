"""The view: offsets, sizes, limits, and that nothing is copied."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pydeliver import limits
from pydeliver.message.edit import Edit, edited
from pydeliver.message.view import Message

SIMPLE = b"From x\nSubject: one\n two\nX-A:b\nsubject: three\n\nline\nlast"


def test_fields_have_their_offsets_in_the_octets_received() -> None:
    message = Message(SIMPLE)
    subject = message.fields[0]
    assert SIMPLE[subject.start : subject.end] == b"Subject: one\n two\n"
    assert SIMPLE[subject.value_start : subject.end] == subject.raw_value == b" one\n two\n"
    assert (subject.unfolded, subject.raw_text, subject.text) == (b" one two", "one two", "one two")


def test_values_are_found_in_any_case_and_in_order() -> None:
    message = Message(SIMPLE)
    assert [field.text for field in message.values("SUBJECT")] == ["one two", "three"]
    assert message.values("To") == ()


def test_header_body_and_sizes() -> None:
    message = Message(SIMPLE)
    assert bytes(message.header) == b"Subject: one\n two\nX-A:b\nsubject: three\n"
    assert bytes(message.body) == b"line\nlast"
    assert (message.size, message.lines, message.body_offset) == (len(SIMPLE) - 7, 2, len(SIMPLE) - 9)


@pytest.mark.parametrize(
    ("body", "lines"), [(b"", 0), (b"\n", 1), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"a\r\n\r\n", 2)]
)
def test_a_last_line_without_a_line_end_counts(body: bytes, lines: int) -> None:
    assert Message(b"A: b\n\n" + body).lines == lines


def test_a_message_is_immutable_from_outside() -> None:
    message = Message(SIMPLE)
    for thing, name in [(message, "raw"), (message, "fields"), (message.fields[0], "name"), (message, "new")]:
        with pytest.raises(AttributeError):
            setattr(thing, name, b"")


@pytest.mark.parametrize(
    ("value", "angle"),
    [
        ("Some List <dev.lists.example.org>", "dev.lists.example.org"),
        ("<a@b> <c@d>", "a@b"),
        ("dev.example.org", "dev.example.org"),
        ("< a >", "a"),
        ("<never closed", "<never closed"),
        ("> <", "> <"),
        ("<>", ""),
    ],
)
def test_angle_is_what_stands_in_the_first_brackets(value: str, angle: str) -> None:
    assert Message(f"List-Id: {value}\n\n".encode()).fields[0].angle == angle


def test_raw_text_leaves_encoded_words_as_written() -> None:
    field = Message(b"Subject: =?utf-8?q?=C3=A9?= \xe9\n\n").fields[0]
    assert field.raw_text == "=?utf-8?q?=C3=A9?= é"
    assert field.text == "é é"


def test_a_bare_cr_and_a_nul_are_octets_of_the_value() -> None:
    field = Message(b"To: a@b\rc\0, d@e\r\n\r\n").fields[0]
    assert field.raw_value == b" a@b\rc\0, d@e\r\n"
    assert field.unfolded == b" a@b c\0, d@e"
    assert field.text == "a@b c , d@e"
    assert [address.address for address in field.addresses] == ["", "d@e"]


def test_a_from_line_that_is_all_decides_the_line_end() -> None:
    assert Message(b"From ann@example.org\r\n").line_end == b"\r\n"
    assert Message(b"From ann@example.org\n").line_end == b"\n"


def test_text_is_in_nfc() -> None:
    assert Message("Subject: e\u0301\n\n".encode()).fields[0].text == "é"


class TestLimits:
    def test_a_field_that_ends_beyond_the_header_limit_is_none_and_noted(self) -> None:
        raw = b"From: a@b\nSubject: " + b"x" * limits.HEADER_OCTETS + b"\nTo: c@d\n\nbody"
        message = Message(raw)
        assert [field.name for field in message.fields] == ["From"]
        assert message.notes == ("header: not searched beyond 1048576 octets",)
        assert bytes(message.body) == b"body"
        assert bytes(message.header) == raw[:-5]

    def test_fields_over_the_limit_are_not_read_and_noted(self) -> None:
        message = Message(b"A: b\r\n" * (limits.HEADER_FIELDS + 1) + b"\r\nbody")
        assert len(message.fields) == limits.HEADER_FIELDS
        assert message.notes == ("header: not more than 10000 fields are read",)
        assert bytes(message.body) == b"body"

    def test_exactly_the_limit_is_not_noted(self) -> None:
        message = Message(b"A: b\n" * limits.HEADER_FIELDS + b"\nbody")
        assert len(message.fields) == limits.HEADER_FIELDS
        assert message.notes == ()

    def test_a_line_over_the_limit_that_is_no_field_is_the_body(self) -> None:
        raw = b"x" * (limits.HEADER_OCTETS + 1)
        assert bytes(Message(raw).body) == raw
        assert bytes(Message(b"A: b\n" + raw).body) == raw

    def test_edits_leave_what_was_not_searched_as_it_is(self) -> None:
        raw = b"A: b\n" * (limits.HEADER_FIELDS + 5) + b"\nbody"
        message = edited(Message(raw), [Edit("remove", "a", ""), Edit("add", "X", "y")])
        assert b"".join(message.chunks()) == b"X: y\n" + b"A: b\n" * 5 + b"\nbody"
        assert bytes(message.header) == b"X: y\n" + b"A: b\n" * 5
        assert message.size == len(b"X: y\n" + b"A: b\n" * 5 + b"\nbody")

    def test_addresses_over_the_limit_are_noted(self) -> None:
        message = Message(b"To: " + b"a@b," * (limits.ADDRESSES + 1) + b"\n\n")
        assert not message.notes
        assert len(message.fields[0].addresses) == limits.ADDRESSES
        assert message.notes == ("To: not more than 10000 addresses are read",)

    def test_encoded_words_over_the_limit_are_noted(self) -> None:
        message = Message(b"Subject: " + b"=?utf-8?q?a?= " * (limits.ENCODED_WORDS + 1) + b"\n\n")
        assert message.fields[0].text == "a" * limits.ENCODED_WORDS + " =?utf-8?q?a?="
        assert message.notes == ("Subject: not more than 10000 encoded words are decoded",)


def test_fifty_megabytes_are_not_copied() -> None:
    raw = b"Subject: big\nTo: ann@example.org\n\n" + b"x" * 76 * 690_000
    tracemalloc.start()
    try:
        message = Message(raw)
        stored = message.size + message.lines + len(message.body) + len(message.header)
        stored += sum([len(chunk) for chunk in message.chunks()])
        changed = edited(message, [Edit("add", "X-A", "b"), Edit("set", "Subject", "bigger")])
        stored += changed.size + sum([len(chunk) for chunk in changed.chunks()]) + len(changed.fields)
        texts = [field.text for field in changed.fields]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stored > 4 * 50_000_000
    assert texts == ["b", "bigger", "ann@example.org"]
    assert peak < 1 << 20


BOMBS = {
    "a million header lines": b"A: b\n" * 1_000_000,
    "a million continuations": b"A: b\n" + b" c\n" * 1_000_000,
    "a million empty continuations": b"A: b\n" + b" \n" * 1_000_000,
    "a million colons": b"A" + b":" * 1_000_000,
    "a million broken lines": b"A: b\n" + b"x\n" * 1_000_000,
    "a million quoted From lines": b">From \n" * 1_000_000,
    "broken lines and fields in turn": b"x\na:b\n" * 200_000,
    "a million bare CRs": b"\r" * 1_000_000,
    "CRs at every line": b"\r\r\rx\n" * 200_000,
    "ten megabytes in one line": b"Subject: " + b"x" * 10_000_000,
    "ten megabytes without a colon": b"x" * 10_000_000,
    "a million From lines": b"From \n" * 1_000_000,
    "a million addresses": b"To: " + b"a@example.org, " * 1_000_000,
    "a long run of combining marks": b"Subject: a" + "\u0301\u0316".encode() * 250_000 + b"\n\n",
}


@pytest.mark.parametrize("title", BOMBS)
def test_a_bomb_is_read_in_two_seconds_and_little_memory(title: str) -> None:
    raw = BOMBS[title]
    began = time.process_time()
    touch(Message(raw))
    assert time.process_time() - began < 2
    tracemalloc.start()
    try:
        message = Message(raw)
        assert len(message.fields) <= limits.HEADER_FIELDS
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20


def touch(message: Message) -> None:
    """Ask for everything a message has."""
    for field in message.fields:
        assert field.text is not None
        assert field.addresses is not None
        assert field.angle is not None
        assert field.raw_text is not None
    assert message.values("subject") is not None
    assert message.size >= 0
    assert message.lines >= 0
    assert message.line_end in (b"\n", b"\r\n")
    assert isinstance(message.notes, tuple)
    stored = message.raw[len(message.from_line) :]
    assert b"".join(message.chunks()) == stored
    assert stored.startswith(bytes(message.header))
    assert stored.endswith(bytes(message.body))


# --- the scanner against a naive oracle --------------------------------------------------------

FTEXT = bytes([octet for octet in range(33, 127) if octet != ord(":")])
Oracle = tuple[list[tuple[bytes, bytes]], bytes]


def oracle(raw: bytes) -> Oracle:
    """Names and values, and the body, by lines and lists: slow, and plain to see."""
    if raw.startswith(b"From ") and not raw[5:].lstrip(b" \t").startswith(b":"):
        raw = raw[raw.index(b"\n") + 1 :] if b"\n" in raw else b""
    lines = raw.split(b"\n")
    lines = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    groups: list[list[bytes]] = []  # a line and its continuations
    count = 0
    for line in lines:
        if not line.strip(b"\r\n"):
            break
        if groups and line[:1] in (b" ", b"\t"):
            groups[-1].append(line)
        else:
            groups.append([line])
        count += 1
    fields: list[tuple[bytes, bytes]] = []
    for at, group in enumerate(groups):
        name = name_of(group)
        follows = at + 1 < len(groups) and name_of(groups[at + 1])
        if name:
            fields.append((name, b"".join(group).partition(b":")[2]))
        elif group[0].startswith(b"--") or not (follows or group[0].startswith(b">From ")):
            rest = sum([len(one) for one in groups[:at]])
            return fields, b"".join(lines[rest:])
    return fields, b"".join(lines[count + 1 :])


def name_of(group: list[bytes]) -> bytes:
    name, colon, _ = group[0].partition(b":")
    name = name.rstrip(b" \t")
    return name if colon and name and all([octet in FTEXT for octet in name]) else b""


USUAL_LINES = [b"A: b", b"Subject : c", b" d", b"\te: f", b"", b"C:", b"From : q"]
ODD_LINES = [b"x", b"--x", b">From y", b"From z", b"\r", b":", b"a b: c", b"\xc3\xa9: d", b"no\0: e", b"\rg: h", b" "]
LINES = st.sampled_from([*USUAL_LINES, *ODD_LINES])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\n", b"\r", b"\r\r\n", b""])
ODD = st.lists(st.tuples(LINES, ENDS)).map(lambda pairs: b"".join([line + end for line, end in pairs]))
OCTETS = st.one_of(ODD, ODD, st.binary(max_size=200))


@given(OCTETS)
@example(b"\r\x00")  # a last line of two octets that only begins as an empty one
@example(b"A: b\n\rx")
def test_the_scanner_finds_what_the_naive_oracle_finds(raw: bytes) -> None:
    message = Message(raw)
    found = [(field.name.encode(), field.raw_value) for field in message.fields]
    assert (found, bytes(message.body)) == oracle(raw)


@given(OCTETS)
def test_any_octets_are_a_message(raw: bytes) -> None:
    touch(Message(raw))


@given(st.binary(max_size=300))
def test_any_octets_are_a_value(value: bytes) -> None:
    touch(Message(b"To: " + value))
