"""Dovecot, in a session already open, shows what we store as it is meant."""

from __future__ import annotations

import imaplib
import os
import re
from collections.abc import Iterator

import pytest

from pydeliver.naming import encode_modified_utf7
from tests.peers.dovecot import Dovecot, running_dovecot

DELIVER = """
import sys
from pydeliver.mailbox.maildir import Maildir
root, mailbox, raw, *flags = sys.argv[1:]
staged = Maildir(root).stage(mailbox, [raw.encode()], tuple(flags))
print(staged.commit())
print(*staged.notes, sep="\\n")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with running_dovecot() as dovecot:
        yield dovecot
        assert dovecot.complaints() == []


@pytest.fixture
def session(server: Dovecot) -> Iterator[imaplib.IMAP4]:
    opened = server.imap()
    opened.select("INBOX")
    yield opened
    opened.logout()


def deliver(server: Dovecot, mailbox: str, subject: str, *flags: str) -> str:
    return server.run(DELIVER, str(server.maildir()), mailbox, f"Subject: {subject}\n\nbody\n", *flags)


def number_of(session: imaplib.IMAP4, subject: str) -> str:
    """The one message with that subject, looked for in the session that is open."""
    session.noop()
    _, found = session.search(None, "SUBJECT", subject)
    assert isinstance(found[0], bytes)
    (number,) = found[0].split()
    return number.decode()


def fetched(session: imaplib.IMAP4, number: str, items: str) -> tuple[bytes, bytes]:
    """What comes before the literal, if there is one, and the literal."""
    _, answer = session.fetch(number, items)
    first = answer[0]
    if isinstance(first, tuple):
        return first
    assert first is not None
    return first, b""


def flags_of(session: imaplib.IMAP4, subject: str) -> set[str]:
    found = re.search(rb"\(FLAGS \(([^)]*)\)", fetched(session, number_of(session, subject), "(FLAGS)")[0])
    assert found
    return set(found[1].decode().split())


def test_flags_and_new_keywords_are_shown_in_an_open_session(server: Dovecot, session: imaplib.IMAP4) -> None:
    deliver(server, "INBOX", "first", "\\Flagged", "\\Seen", "$Junk", "VIP")
    assert flags_of(session, "first") == {"\\Flagged", "\\Seen", "\\Recent", "$Junk", "VIP"}


def test_a_message_without_flags_is_unseen(server: Dovecot, session: imaplib.IMAP4) -> None:
    deliver(server, "INBOX", "plain")
    assert flags_of(session, "plain") == {"\\Recent"}


def test_every_system_flag_is_shown(server: Dovecot, session: imaplib.IMAP4) -> None:
    flags = ("\\Answered", "\\Draft", "\\Deleted", "\\Flagged", "\\Seen")
    deliver(server, "INBOX", "every", *flags)
    assert flags_of(session, "every") == {*flags, "\\Recent"}


def test_forwarded_is_shown_although_its_letter_is_the_specification_s(server: Dovecot, session: imaplib.IMAP4) -> None:
    path = deliver(server, "INBOX", "passed", "$Forwarded")
    assert re.search(r":2,P[a-z]$", path.splitlines()[0])
    assert flags_of(session, "passed") == {"\\Recent", "$Forwarded"}


def test_keywords_of_clients_and_of_rules_share_one_list(server: Dovecot, session: imaplib.IMAP4) -> None:
    """A client makes a keyword, we use it and add two more within the same second; then the client adds another."""
    deliver(server, "INBOX", "seed")
    session.store(number_of(session, "seed"), "+FLAGS", "(FromClient)")
    deliver(server, "INBOX", "shared", "fromclient", "Mine1")
    deliver(server, "INBOX", "again", "Mine2")
    assert flags_of(session, "shared") == {"\\Recent", "FromClient", "Mine1"}
    assert flags_of(session, "again") == {"\\Recent", "Mine2"}
    session.store(number_of(session, "seed"), "+FLAGS", "(FromClient2)")
    assert flags_of(session, "again") == {"\\Recent", "Mine2"}
    assert flags_of(session, "seed") == {"\\Recent", "FromClient", "FromClient2"}
    lines = (server.maildir() / "dovecot-keywords").read_text().splitlines()
    assert len({line.split()[0] for line in lines}) == len(lines)
    assert not [line for line in lines if "unknown" in line]


def test_the_27th_keyword_is_left_out_and_dovecot_never_meets_its_letter(server: Dovecot) -> None:
    session = server.imap()
    session.create("full")
    session.select("full")
    deliver(server, "full", "full", *[f"K{number}" for number in range(26)])
    assert len(flags_of(session, "full")) == 27
    output = deliver(server, "full", "overfull", "\\Seen", "K3", "OneMore")
    assert output.splitlines()[1:] == ["keyword 'OneMore' left out: all 26 letters of dovecot-keywords are taken"]
    assert flags_of(session, "overfull") == {"\\Recent", "\\Seen", "K3"}
    session.logout()


@pytest.mark.parametrize("mailbox", ["lists/dev", "Entwürfe/R&D", "a b", "INBOX/sub", "台北"])
def test_a_mailbox_we_make_has_the_same_name_in_imap(server: Dovecot, mailbox: str) -> None:
    deliver(server, mailbox, "here")
    session = server.imap()
    status, _ = session.select(f'"{encode_modified_utf7(mailbox)}"', readonly=True)
    assert status == "OK"
    assert session.search(None, "SUBJECT", "here")[1] == [b"1"]
    session.logout()


def test_a_mailbox_dovecot_makes_is_the_one_we_deliver_to(server: Dovecot) -> None:
    session = server.imap()
    session.create('"made/by &AOk-"')
    before = set(os.listdir(server.maildir()))
    deliver(server, "made/by é", "here")
    assert set(os.listdir(server.maildir())) == before
    session.logout()


@pytest.mark.parametrize("raw", ["Subject: x\n\nLF\n", "Subject: x\r\n\r\nCRLF\r\n", "Subject: x\n\nmixed\r\nno end"])
def test_dovecot_reads_the_message_with_the_sizes_we_wrote(server: Dovecot, raw: str) -> None:
    """A wrong `S=` ends the session: "Cached message size larger than expected"."""
    path = server.run(DELIVER, str(server.maildir("bob")), "INBOX", raw).splitlines()[0]
    session = server.imap("bob")
    _, counted = session.select("INBOX")
    assert isinstance(counted[0], bytes)
    described, whole = fetched(session, counted[0].decode(), "(RFC822.SIZE BODY[])")
    assert whole == raw.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    assert f"W={len(whole)}" in path
    assert f"RFC822.SIZE {len(whole)}".encode() in described
    session.logout()
