"""Dovecot reads an mbox that we append to, while it has it open: every message, its flags, and nothing else."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator

import pytest

from tests.peers.dovecot import Dovecot, running_dovecot

DELIVER = """
import sys
from pydeliver.mailbox.mbox import Mbox
from pydeliver.mailbox.mbox_format import from_line
home, raw, *flags = sys.argv[1:]
mbox = Mbox(f"{home}/mbox", f"{home}/records", from_line("bob@example.net", 1795514400))
staged = mbox.stage([raw.encode()], tuple(flags))
staged.commit()
staged.close()
print(*staged.notes, sep="\\n")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with running_dovecot(settings="mail_location = mbox:~/mail:INBOX=~/mbox") as dovecot:
        yield dovecot
        assert dovecot.complaints() == []


@pytest.fixture
def session(server: Dovecot) -> Iterator[imaplib.IMAP4]:
    deliver(server, "Subject: first\n\nfirst\n")
    opened = server.imap()
    opened.select("INBOX")
    yield opened
    opened.logout()


def deliver(server: Dovecot, raw: str, *flags: str) -> None:
    assert server.run(DELIVER, str(server.maildir().parent), raw, *flags).strip() == ""


def last(session: imaplib.IMAP4, items: str) -> tuple[bytes, bytes]:
    """Of the newest message: what comes before the literal, if there is one, and the literal."""
    session.noop()
    _, numbers = session.search(None, "ALL")
    assert isinstance(numbers[0], bytes)
    _, answer = session.fetch(numbers[0].split()[-1].decode(), items)
    first = answer[0]
    return first if isinstance(first, tuple) else (first or b"", b"")


def count(session: imaplib.IMAP4) -> int:
    session.noop()
    _, numbers = session.search(None, "ALL")
    assert isinstance(numbers[0], bytes)
    return len(numbers[0].split())


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("Subject: x\n\nbody\n", None),
        ("Subject: x\r\n\r\nbody\r\n", None),
        ("Subject: x\n\nwithout an end", "Subject: x\n\nwithout an end\n"),
        ("Subject: x\n\nempty lines\n\n\n", None),
        ("Subject: x\n\n", None),
        (
            "Subject: x\n\nFrom bob@x Tue Nov 24 10:00:00 2026\nSubject: y\n\nno message\n",
            "Subject: x\n\n>From bob@x Tue Nov 24 10:00:00 2026\nSubject: y\n\nno message\n",
        ),
        ("Content-Length: 3\nSubject: x\n\nlonger than that\n", "Subject: x\n\nlonger than that\n"),
        ("Subject: x\nContent-Length: 99999\n\nshorter\n", "Subject: x\n\nshorter\n"),
        ("X-IMAPbase: 1 9999\nX-UID: 9999\nStatus: RO\nSubject: x\n\nb\n", "Subject: x\n\nb\n"),
    ],
)
def test_each_message_is_one_and_whole(server: Dovecot, session: imaplib.IMAP4, raw: str, seen: str | None) -> None:
    before = count(session)
    deliver(server, raw)
    assert count(session) == before + 1
    described, whole = last(session, "(FLAGS RFC822.SIZE BODY.PEEK[])")
    assert whole == (seen or raw).replace("\r\n", "\n").replace("\n", "\r\n").encode()
    assert f"RFC822.SIZE {len(whole)}".encode() in described
    assert b"FLAGS (\\Recent)" in described


@pytest.mark.parametrize(
    "flags", [("\\Seen",), ("\\Flagged", "\\Answered"), ("\\Draft", "\\Deleted", "\\Seen"), ("$Junk", "\\Seen")]
)
def test_flags_are_shown(server: Dovecot, session: imaplib.IMAP4, flags: tuple[str, ...]) -> None:
    """A keyword only once a client has set it in that mailbox: Dovecot takes any other for a sender's."""
    session.store("1", "+FLAGS", "($Junk)")
    deliver(server, "Subject: x\n\nbody\n", *flags)
    found = re.search(rb"\(FLAGS \(([^)]*)\)", last(session, "(FLAGS)")[0])
    assert found
    assert set(found[1].decode().split()) - {"\\Recent"} == set(flags)


def test_the_time_of_delivery_is_in_the_from_line(server: Dovecot, session: imaplib.IMAP4) -> None:
    deliver(server, "Subject: x\n\nbody\n")
    described, _ = last(session, "(INTERNALDATE)")
    found = imaplib.Internaldate2tuple(described)
    assert found is not None
    assert imaplib.Time2Internaldate(found) == imaplib.Time2Internaldate(1795514400.0)


def test_flags_set_by_a_client_stay_when_we_append(server: Dovecot, session: imaplib.IMAP4) -> None:
    session.store("1", "+FLAGS", "(\\Flagged Own)")
    deliver(server, "Subject: x\n\nbody\n", "Own")
    session.noop()
    _, answer = session.fetch("1", "(FLAGS)")
    assert b"\\Flagged" in (answer[0] if isinstance(answer[0], bytes) else b"")
    assert b"Own" in last(session, "(FLAGS)")[0]
