"""Replies are counted: whatever fails, each accepted recipient has exactly one, in order (RFC 2033 section 4.2)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pydeliver.protocol.smtp import LMTP, SMTP, End, Octets, Offer, Session
from pydeliver.status import Status

CODES = ("2.0.0", "4.2.0", "5.1.1", "5.7.1")


def conversation(session: Session, octets: bytes, answers: list[Status]) -> bytes:
    session.receive(octets)
    for event in session.events():
        if not isinstance(event, Octets):
            while session.is_waiting:
                session.answer(answers.pop(0))
    return session.take_output()


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)), max_size=100), st.booleans())
def test_as_many_replies_as_recipients_accepted(outcomes: list[tuple[str, str]], in_chunks: bool) -> None:
    session = Session(LMTP, Offer("mx.example.org"))
    conversation(session, b"LHLO x\r\nMAIL FROM:<a@example.net>\r\n", [Status("2.0.0", "ok")])
    at_rcpt = [Status(code, str(number)) for number, (code, _) in enumerate(outcomes)]
    said = conversation(session, b"RCPT TO:<ann@example.org>\r\n" * len(outcomes), list(at_rcpt))
    assert said.splitlines() == [f"{status.reply_code} {status.line}".encode() for status in at_rcpt]
    accepted = [Status(code, str(n)) for n, (first, code) in enumerate(outcomes) if first == "2.0.0"]
    content = b"BDAT 4 LAST\r\nhi\r\n" if in_chunks else b"DATA\r\n"
    said = conversation(session, content, answers := list(accepted))
    if not in_chunks and accepted:
        assert said == b"354 End with a line of one dot\r\n"
        said = conversation(session, b"hi\r\n.\r\n", answers)
    if accepted:
        assert said.splitlines() == [f"{status.reply_code} {status.line}".encode() for status in accepted]
    else:
        assert said.startswith(b"503 5.5.1 ")
    assert conversation(session, b"NOOP\r\n", []) == b"250 2.0.0 here\r\n"


def test_one_reply_too_many_is_ours_and_raises() -> None:
    session = Session(LMTP, Offer("mx.example.org"))
    with pytest.raises(RuntimeError):
        session.answer(Status("2.0.0", "ok"))


@pytest.mark.parametrize("dialect", [LMTP, SMTP])
def test_while_replies_are_owed_nothing_else_is_said(dialect: object) -> None:
    """In a host that takes its time: what is pipelined behind waits, and closing says nothing."""
    session = Session(LMTP if dialect is LMTP else SMTP, Offer("mx.example.org"))
    hello = b"LHLO x\r\n" if dialect is LMTP else b"EHLO x\r\n"
    conversation(session, hello + b"MAIL FROM:<>\r\nRCPT TO:<ann>\r\nDATA\r\n", [Status("2.0.0", "ok")] * 2)
    session.receive(b"hi\r\n.\r\nNOOP\r\n")
    events = list(session.events())
    assert isinstance(events[-1], End)
    assert session.take_output() == b""
    assert list(session.events()) == []
    session.close(Status("4.3.2", "shutting down"))
    assert session.take_output() == b""
    assert session.is_closed


def test_when_nothing_is_owed_closing_says_so() -> None:
    session = Session(LMTP, Offer("mx.example.org"))
    session.take_output()
    session.close(Status("4.3.2", "shutting down"))
    assert session.take_output() == b"421 4.3.2 shutting down\r\n"
    session.receive(b"NOOP\r\n")
    assert list(session.events()) == []
