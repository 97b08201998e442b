"""Hostile data: whatever a message or its envelope holds stays data in arguments, environment and header.

Each payload stands in every field that can reach one of them; nothing of it is
executed, no line is added, and no value of the environment holds a character
outside the whitelist.
"""

from __future__ import annotations

import os
import string
import time
from collections import Counter
from pathlib import Path

import pytest

from pydeliver.config import SETTINGS
from pydeliver.delivery.answer import answers_from, decide
from pydeliver.delivery.commands import VARIABLES, Commands, ask_program
from pydeliver.delivery.perform import Stores
from pydeliver.envelope import Envelope
from pydeliver.limits import ARGUMENT_CHARACTERS
from pydeliver.message.edit import edited
from pydeliver.message.view import Message
from pydeliver.plan import Plan
from pydeliver.rules.load import compile_text
from pydeliver.rules.source import Source
from pydeliver.state.places import Places
from tests.faults.report import report

PAYLOADS = [
    "; touch C", "| touch C", "|| touch C", "& touch C", "&& touch C", "$(touch C)", "`touch C`", "${IFS}touch${IFS}C",
    "$((`touch C`))", "\ntouch C\n", "\r\ntouch C\r\n", "a\r\n\r\ntouch C", "\ttouch\tC", "> C", "2>&1 > C", "< C",
    "'; touch C; '", '"; touch C; "', "\\'; touch C #", '\\"; touch C #', "() { :;}; touch C", "-exec touch C ;",
    "--output=C", "-o C", "@C", "!touch C", "%0atouch C", "%s%n%p%x", "\x00touch C", "a\x00; touch C", "~/../C",
    "../../../C", "*", "?", "[a-z]*", "{a,b}", "{header 'X-One'}", "{subject|lower}", "\\0", "\x1b]0;touch C\x07",
    "\u2028touch C", "\ud800", "é\u202etouch C", "=?utf-8?q?=0Atouch_C?=", "=?utf-8?q?=0D=0AX-New:_yes?=",
    "X-New: yes", "\nX-New: yes", "LD_PRELOAD=C", "PATH=.", "A" * 20_000,
]  # fmt: skip

ARGUMENTS = (
    *("{subject}", "{from}", "{from.name}", "{to.address}", "{header 'X-One'}", "{header 'X-One'.raw}", "{list-id}"),
    *("{envelope.sender}", "{recipient.detail}", "{original-recipient}", "x{0}", "--subject={subject}", "end"),
)
RULES = """
addresses ["ann@example.org"]
if header "X-One" matches /(?s).*/ { }
rule when run ["./record", ARGUMENTS] succeeds
      and run header ["./record", ARGUMENTS] outputs /no such text/ { file "no" }
rule {
    header add "X-Subject" "{subject}"
    header set "X-One" "{header 'X-One'}"
    header add "X-Sender" "{envelope.sender} {recipient.detail} {from.name}"
    rewrite body ["./record", ARGUMENTS] on error continue
    file "A"
}
"""
RECORD = """#!/bin/sh
printf '%s\\0' "$@" > arguments.$$
cat /proc/$$/environ > environment.$$
cat
"""
HARMLESS = set(string.ascii_letters + string.digits + "!@%-_=+:,./")


def messages(payload: str) -> list[tuple[bytes, Envelope]]:
    """The payload in each field as it is, and in encoded words; and in the envelope."""
    raw = payload.encode("utf-8", "surrogatepass")
    word = b"=?utf-8?q?" + b"".join([b"=%02X" % octet for octet in raw[:300]]) + b"?="
    envelope = Envelope(payload, f'"{payload}"@{payload}', payload, payload)
    return [
        (
            b"From: %b <bob@example.net>\nTo: %b\nSubject: %b\nList-Id: %b\nX-One: %b\nX-Last: 1\n\nbody\n"
            % ((written,) * 5),
            envelope,
        )
        for written in (raw, word)
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "record").write_text(RECORD)
    (tmp_path / "record").chmod(0o755)
    return tmp_path


def plan_of(home: Path, message: Message, envelope: Envelope) -> Plan:
    arguments = ", ".join([f'"{argument}"' for argument in ARGUMENTS])
    program = compile_text(Source("rules", RULES.replace("ARGUMENTS", arguments)))
    settings = {name: row.default for name, row in SETTINGS.items()}
    commands = Commands("ann", str(home), envelope, settings, time.monotonic() + 60)
    stores = Stores(Places(str(home)), str(home / "Maildir"))
    answers = answers_from(stores, lambda: commands, lambda question: ask_program(commands, message, question))
    return decide((("user", program),), message, envelope, answers)


def test_nothing_of_a_payload_is_executed_adds_a_line_or_leaves_the_whitelist(home: Path) -> None:
    tried: Counter[str] = Counter()
    for payload in PAYLOADS:
        for raw, envelope in messages(payload):
            message = Message(raw)
            plan = plan_of(home, message, envelope)
            assert [action.word for action in plan.actions][-2:] == ["rewrite", "file"], (payload, plan.warnings)
            recorded = [path for path in home.iterdir() if path.name != "record"]
            assert len(recorded) == 6, (payload, recorded)
            for path in recorded:
                name = path.name.split(".")[0]
                tried[name] += {"arguments": check_arguments, "environment": check_environment}[name](path)
                path.unlink()
            tried["header fields"] += check_header(message, plan)
    report(f"{len(PAYLOADS)} payloads: executed 0, lines added 0, values outside the whitelist 0", dict(tried))


def check_arguments(path: Path) -> int:
    """Each argument is one, in its place, and no longer than the limit."""
    found = path.read_bytes().split(b"\0")[:-1]
    assert len(found) == len(ARGUMENTS)
    assert found[-1] == b"end"
    assert found[-2] == b"--subject=" + found[0][: ARGUMENT_CHARACTERS - len("--subject=")]
    assert max([len(argument.decode("utf-8", "replace")) for argument in found]) <= ARGUMENT_CHARACTERS
    return len(found)


def check_environment(path: Path) -> int:
    found = dict([entry.split("=", 1) for entry in path.read_text().split("\0")[:-1]])
    assert tuple(found) == VARIABLES
    for name, said in found.items():
        assert set(said) <= HARMLESS or name == "HOME"
    return len(found)


def check_header(message: Message, plan: Plan) -> int:
    """New lines are those of the three fields that were edited, each there once, and what they are folded into."""
    version = edited(message, plan.stores[0].edits)
    received = [bytes(line) for line in bytes(message.header).split(b"\n")]
    made = [line for line in bytes(version.header).split(b"\n") if line not in received]
    for line in made:
        assert line.startswith((b"X-Subject:", b"X-One:", b"X-Sender:", b" ")), line
        assert b"\r" not in line.removesuffix(message.line_end[:-1])
        assert len(line) <= 998
    for name in ("X-Subject", "X-One", "X-Sender"):
        assert len(version.values(name)) <= 1
    assert len(version.fields) <= len(message.fields) + 2
    assert bytes(version.body).endswith(b"body\n")
    return len(version.fields)
