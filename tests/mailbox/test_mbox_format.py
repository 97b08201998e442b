"""How a message stands in an mbox, by rows; and that readers get back what was written."""

from __future__ import annotations

import mailbox
import re
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pydeliver.mailbox.mbox_format import flag_fields, from_line, render_message
from pydeliver.message.view import Message

FIELDS = b"Status: RO\nX-Keywords: work\n"


def rendered(raw: bytes, fields: bytes = b"", mboxrd: bool = False) -> bytes:
    return b"".join(render_message([raw], fields, mboxrd))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Subject: x\n\nbody\n", b"Subject: x\n\nbody\n\n"),
        (b"Subject: x\n\nbody", b"Subject: x\n\nbody\n\n"),
        (b"Subject: x\n\nbody\n\n", b"Subject: x\n\nbody\n\n\n"),
        (b"Subject: x\r\n\r\nbody\r\n", b"Subject: x\r\n\r\nbody\r\n\n"),
        (b"Subject: x\n", b"Subject: x\n\n"),
        (b"", b"\n"),
        (b"\n\n", b"\n\n\n"),
        # quoting: at the start of any line, in the header too
        (b"x: y\n\nFrom me\n", b"x: y\n\n>From me\n\n"),
        (b"x: y\n\nFrom \nFrom \n", b"x: y\n\n>From \n>From \n\n"),
        (b"x: y\n\n>From me\n From me\nFrom\tme\nFrom: me\n", b"x: y\n\n>From me\n From me\nFrom\tme\nFrom: me\n\n"),
        (b"From a\nx: y\nFrom b\n\nbody\n", b">From a\nx: y\n>From b\n\nbody\n\n"),
        (b"x: y\r\n\r\nFrom me\r\n", b"x: y\r\n\r\n>From me\r\n\n"),
        # a reader's own fields, in any case, folded, with a blank before the colon; not what only looks like one
        (b"Content-Length: 5\nx: y\n\nbody\n", b"x: y\n\nbody\n\n"),
        (b"x: y\nCONTENT-LENGTH : 5\n\nbody\n", b"x: y\n\nbody\n\n"),
        (b"Status: RO\nX-Status: F\nX-Keywords: a\n b\nX-UID: 3\nX-IMAP: 1\nX-IMAPbase: 1\nz: 1\n\n", b"z: 1\n\n\n"),
        (b"x: y\n Status: R\nX-A-Status: No\nStatus\n\nb\n", b"x: y\n Status: R\nX-A-Status: No\nStatus\n\nb\n\n"),
        (b"x: y\r\nStatus: RO\r\n\r\nStatus: RO\r\n", b"x: y\r\n\r\nStatus: RO\r\n\n"),
        (b"Status: RO\nFrom b\n\nbody\n", b">From b\n\nbody\n\n"),
        (b"Status: RO", b"\n"),
    ],
)  # fmt: skip
def test_a_message_in_an_mbox(raw: bytes, expected: bytes) -> None:
    assert rendered(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"x: y\n\nFrom a\n>From a\n>>From a\n> From a\n", b"x: y\n\n>From a\n>>From a\n>>>From a\n> From a\n\n"),
        (b">From a\n", b">>From a\n\n"),
        (b"x: y\n\n>>>", b"x: y\n\n>>>\n\n"),
    ],
)  # fmt: skip
def test_mboxrd_can_be_undone(raw: bytes, expected: bytes) -> None:
    assert rendered(raw, mboxrd=True) == expected
    assert re.sub(rb"(?m)^>(>*From )", rb"\1", expected[:-1]).rstrip(b"\n") == raw.rstrip(b"\n")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"x: y\n\nbody\n", b"x: y\nStatus: RO\nX-Keywords: work\n\nbody\n\n"),
        (b"x: y\r\n\r\nbody\r\n", b"x: y\r\nStatus: RO\r\nX-Keywords: work\r\n\r\nbody\r\n\n"),
        (b"\nbody\n", b"Status: RO\nX-Keywords: work\n\nbody\n\n"),
        (b" folded\n\nbody\n", b" folded\nStatus: RO\nX-Keywords: work\n\nbody\n\n"),
        (b"x: y", b"x: y\nStatus: RO\nX-Keywords: work\n\n"),
        (b"Status: O\n\n", b"Status: RO\nX-Keywords: work\n\n\n"),
        (b"", b"Status: RO\nX-Keywords: work\n\n"),
    ],
)
def test_flags_are_the_last_fields_of_the_header(raw: bytes, expected: bytes) -> None:
    assert rendered(raw, FIELDS) == expected


@pytest.mark.parametrize(
    ("flags", "fields", "notes"),
    [
        ((), b"", 0),
        (("\\Seen",), b"Status: RO\n", 0),
        (("\\flagged", "\\Answered", "\\Flagged"), b"X-Status: FA\n", 0),
        (("\\Draft", "\\Deleted"), b"X-Status: TD\n", 0),
        (("work", "$Junk", "WORK"), b"X-Keywords: work $Junk\n", 0),
        (("\\Seen", "a b", "x\ny", "\\Odd"), b"Status: RO\n", 3),
    ],
)
def test_flags_as_fields(flags: tuple[str, ...], fields: bytes, notes: int) -> None:
    found = flag_fields(flags)
    assert (found[0], len(found[1])) == (fields, notes)


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("bob@example.net", b"bob@example.net"),
        ("", b"MAILER-DAEMON"),
        ('"a b"@x', b'"a?b"@x'),
        ("a\nFrom b", b"a?From?b"),
        ("é@x\x00", b"?@x?"),
        ("a" * 400, b"a" * 320),
    ],
)
def test_the_from_line(sender: str, address: bytes) -> None:
    line = from_line(sender, 1_795_000_000)
    assert re.fullmatch(rb"From %s \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n" % re.escape(address), line)
    assert Message(line + b"x: y\n\n").from_line == line


LINES = st.sampled_from(
    [b"From x\n", b">From x\n", b"\n", b"\r\n", b"x: y\n", b"Status: R\n", b" folded\n", b"From x", b"a\r\n"]
)  # fmt: skip


@given(st.lists(LINES, max_size=12).map(b"".join), st.data(), st.booleans(), st.sampled_from([b"", FIELDS]))
@example(b"x: y\n\nFrom", None, False, b"")
def test_however_it_comes_in_pieces_it_is_the_same_and_one_message(
    raw: bytes, data: st.DataObject | None, mboxrd: bool, fields: bytes
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=4))) if data else [6]
    chunks = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    whole = rendered(raw, fields, mboxrd)
    assert b"".join(render_message(chunks, fields, mboxrd)) == whole
    assert not re.search(rb"(?m)^From ", whole)
    assert whole.endswith(b"\n\n") or whole == b"\n"


def test_a_line_longer_than_a_piece_is_one_line() -> None:
    """2 MiB within a field to drop, within one to keep, and within the body."""
    long = b"a" * (2 << 20)
    raw = b"X-UID: " + long + b"\nFrom " + long + b"\nStatus : " + long + b"\n\nFrom " + long
    assert rendered(raw, FIELDS) == b">From " + long + b"\n" + FIELDS + b"\n>From " + long + b"\n\n"


@pytest.mark.parametrize("raw", [b"x: y\n\nbody\n", b"x: y\n\nFrom me\n\n\n", b"x: y\n"])
def test_python_reads_back_what_was_written(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "mbox").write_bytes((from_line("a@b", 0) + rendered(raw)) * 3)
    with closing(mailbox.mbox(tmp_path / "mbox")) as box:
        found = [message.as_bytes() for message in box]
    assert found == [re.sub(rb"(?m)^From ", b">From ", raw) + b"\n" * (b"\n\n" not in raw)] * 3
