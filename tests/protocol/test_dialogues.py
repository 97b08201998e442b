"""SMTP and LMTP as dialogues: the same replies and events, sent whole, octet by octet, and command by command.

`C:` a line of the client, `S:` of ours, `E:` an event told meanwhile, `A:` the host's next answer (else "2.0.0 ok").
`C*9:` says it nine times; `C\\n:` ends in LF alone.  `lhlo` stands for a hello and its reply, `whole`: what follows
comes in one piece only, `trusted`: the peer is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pydeliver.protocol.smtp import LMTP, SMTP, Closed, End, Octets, Offer, Reset, Session
from pydeliver.protocol.smtp_commands import Recipient, Sender
from pydeliver.status import Status

OK = Status("2.0.0", "ok")
FILES = sorted((Path(__file__).parent / "dialogues").glob("*.txt"))


@dataclass
class Dialogue:
    title: str
    dialect: str
    is_trusted: bool = False
    is_whole: bool = False
    lhlo: bool = False
    client: list[bytes] = field(default_factory=list)
    server: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    answers: list[Status] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)  # lines of the client before which all of ours have come


def read(path: Path) -> Iterator[Dialogue]:
    for part in ("\n" + path.read_text(encoding="utf-8")).split("\n== ")[1:]:
        title, *lines = part.rstrip("\n").split("\n")
        dialogue = Dialogue(title, path.stem)
        given: list[Status] = []
        for line in lines:
            if line in ("trusted", "whole", "lhlo"):
                setattr(dialogue, {"trusted": "is_trusted", "whole": "is_whole"}.get(line, line), True)
                continue
            who = re.fullmatch(r"([CSEA])(?:\*(\d+))?(\\n)?: ?(.*)", line)
            assert who, line
            said, times = who[4], int(who[2] or 1)
            if who[1] == "C":
                dialogue.turns.append(len(dialogue.server))
                dialogue.client.append((said.encode() + (b"\n" if who[3] else b"\r\n")) * times)
            elif who[1] == "S":
                dialogue.server += [said] * times
            elif who[1] == "E":
                dialogue.events.append(said)
                for _ in range(answers_to(said, path.stem)):
                    dialogue.answers.append(given.pop(0) if given else OK)
            else:
                code, _, text = said.partition(" ")
                given.append(Status(code, text))
        yield dialogue


def answers_to(event: str, dialect: str) -> int:
    kind, *recipients = event.split()
    if kind == "end":
        return len(recipients) if dialect == "lmtp" else 1
    return int(kind in ("sender", "recipient"))


DIALOGUES = [dialogue for path in FILES for dialogue in read(path)]


class Host:
    """Answers as the dialogue says, and notes what it is told."""

    def __init__(self, dialogue: Dialogue) -> None:
        offer = Offer("mx.example.org", size=1_000, is_trusted=dialogue.is_trusted)
        self.session = Session(LMTP if dialogue.dialect == "lmtp" else SMTP, offer)
        self.answers = list(dialogue.answers)
        self.events: list[str] = []
        self.content = b""
        if dialogue.lhlo:
            self.feed(b"LHLO client.example\r\n")
            self.session.take_output()

    def feed(self, octets: bytes) -> None:
        self.session.receive(octets)
        for event in self.session.events():
            if isinstance(event, Octets):
                self.content += event.octets
                continue
            if self.content and not isinstance(event, Reset):
                self.tell(f"content {self.content.decode().replace(chr(13), '').replace(chr(10), '|')}")
            self.content = b""
            if isinstance(event, Sender):
                self.tell(f"sender {event.address}")
            elif isinstance(event, Recipient):
                self.tell(f"recipient {event.address}")
            elif isinstance(event, End):
                self.tell(f"end {' '.join([recipient.address for recipient in event.recipients])}")
            else:
                self.tell("closed" if isinstance(event, Closed) else "reset")
            while self.session.is_waiting:
                self.session.answer(self.answers.pop(0))

    def tell(self, event: str) -> None:
        self.events.append(event.strip())


def expected_events(dialogue: Dialogue) -> list[str]:
    """Content that came in several pieces is told as one."""
    joined: list[str] = []
    for event in dialogue.events:
        if joined and event.startswith("content ") and joined[-1].startswith("content "):
            joined[-1] += event.removeprefix("content ")
        else:
            joined.append(event)
    return joined


def check(dialogue: Dialogue, pieces: list[bytes]) -> None:
    host = Host(dialogue)
    for piece in pieces:
        host.feed(piece)
    said = host.session.take_output().decode().split("\r\n")
    assert said.pop() == ""
    assert said == dialogue.server
    assert host.events == expected_events(dialogue)
    assert host.session.is_closed == (dialogue.events[-1:] == ["closed"])
    assert not host.answers


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: f"{dialogue.dialect}: {dialogue.title}")
def test_command_by_command(dialogue: Dialogue) -> None:
    """As a client does that waits for each reply."""
    host = Host(dialogue)
    said: list[str] = []
    for turn, octets in zip(dialogue.turns, dialogue.client, strict=True):
        if not dialogue.is_whole:
            said += host.session.take_output().decode().split("\r\n")[:-1]
            assert said == dialogue.server[:turn]
            host.feed(octets)
    check(dialogue, [b"".join(dialogue.client)] if dialogue.is_whole else dialogue.client)


IN_PIECES = [dialogue for dialogue in DIALOGUES if not dialogue.is_whole]  # the others are about what comes at once


@pytest.mark.parametrize("dialogue", IN_PIECES, ids=lambda dialogue: f"{dialogue.dialect}: {dialogue.title}")
def test_octet_by_octet(dialogue: Dialogue) -> None:
    check(dialogue, [bytes([octet]) for octet in b"".join(dialogue.client)])


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: f"{dialogue.dialect}: {dialogue.title}")
def test_pipelined(dialogue: Dialogue) -> None:
    """All at once, but for what waits for 354 (RFC 2920 section 3.1)."""
    pieces = [b""]
    for octets in dialogue.client:
        pieces[-1] += octets
        if octets == b"DATA\r\n" and not dialogue.is_whole:
            pieces.append(b"")
    check(dialogue, pieces)
