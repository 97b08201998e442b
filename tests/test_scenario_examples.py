"""`examples/scenarios`: each rule file is sound, and puts its messages where procmail's form of it puts them.

The messages are those of the `test` blocks, handed to both programs as Postfix
hands them to a `mailbox_command`; both run as the same plain user, each with a
home of its own.  Compared are exit status, mailboxes and octets.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pydeliver.cli import check as check_command
from pydeliver.rules import ast
from pydeliver.rules.check import literal
from pydeliver.rules.native.parse import parse
from pydeliver.rules.source import Source
from pydeliver.value import value
from tests.conftest import ROOT, skip_or_fail
from tests.peers.users import User

FOLDER = ROOT / "examples/scenarios"
SCENARIOS = sorted(FOLDER.glob("*.rules"))
RECIPIENT = "you@example.org"
FROM_LINE = "From {} Tue Nov 24 10:00:00 2026\n"
# Takes the place of sendmail(8): what is sent lies in a file whose name has the address.
MAILER = """#!/bin/sh
for address; do :; done
cat > "{}/mail/sent to $address"
"""
# Takes the place of spamc(1).
FILTER = """#!/bin/sh
exec awk '/^Subject: out of order/ {{ exit 1 }} /^Subject: you have won/ {{ print "X-Spam-Flag: YES" }} {{ print }}'
"""
TAKER = """#!/bin/sh
cat > "{}/mail/taken by ${{0##*/}}"
"""
PROGRAMS = {"sendmail": MAILER, "bin/spam-filter": FILTER, "bin/print": TAKER, "bin/doorbell": TAKER}
MORE = {"large": b"From: Bob <bob@example.net>\nSubject: photographs\n\n" + b"Look at this one.\n" * 600_000}


@value
class Sample:
    """A message of a test block and what the test says of the world."""

    name: str
    text: bytes
    sender: str
    recipient: str
    mailboxes: tuple[str, ...] = ()

    def raw(self) -> bytes:
        """As Postfix's local(8) hands it over."""
        top = FROM_LINE.format(self.sender or "MAILER-DAEMON")
        return f"{top}Return-Path: <{self.sender}>\nDelivered-To: {self.recipient}\n".encode() + self.text


def samples(path: Path) -> Iterator[Sample]:
    """The messages of a scenario: those of its test blocks, and what is too large to stand in one."""
    rules = parse(Source(path.name, path.read_text(encoding="utf-8")))
    for test in [item for item in rules.items if isinstance(item, ast.Test)]:
        said = {line.word: line.arguments[0] for line in test.lines}
        texts = {word: literal(text) or "" for word, text in said.items() if isinstance(text, ast.Text)}
        assumed = [line.arguments[0] for line in test.lines if line.word == "assume"]
        there = [fact for fact in assumed if isinstance(fact, ast.Fact) and fact.word == "mailbox exists"]
        mailboxes = [fact.arguments[0].value for fact in there]
        yield Sample(
            literal(test.name) or "",
            texts["message"].encode(),
            texts.get("envelope sender", "bob@example.net"),
            texts.get("envelope recipient", RECIPIENT),
            tuple([literal(mailbox) or "" for mailbox in mailboxes if isinstance(mailbox, ast.Text)]),
        )
    if path.stem in MORE:
        yield Sample("more", MORE[path.stem], "bob@example.net", RECIPIENT)


def landed(file: Path, home: Path) -> tuple[str, bytes]:
    """Where a message lies, by the directory that makes a Maildir or by the file itself; less the line of an mbox."""
    place = file.parent.parent if file.parent.name in ("new", "cur") else file
    raw = file.read_bytes()
    text = raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw
    return str(place.relative_to(home)), sent(text) if file.name.startswith("sent to ") else text


def sent(text: bytes) -> bytes:
    """What matters of a message that is sent: new fields stand first or last, and Return-Path is the next server's."""
    header, _, body = text.partition(b"\n\n")
    fields = [field for field in header.split(b"\n") if not field.startswith(b"Return-Path:")]
    return b"\n".join([*sorted(fields), b"", body.strip()])


class Home:
    """Where one of the two programs delivers: it holds the files of all scenarios."""

    def __init__(self, user: User, name: str) -> None:
        self.user = User(user.name, user.home / name)
        self.user.home.mkdir(mode=0o700)
        os.chown(self.user.home, user.uid, user.gid)
        for path in FOLDER.iterdir():
            self.user.write(path.name, path.read_text(encoding="utf-8"))
        for name, text in PROGRAMS.items():
            self.user.write(name, text.format(self.user.home)).chmod(0o755)
        self.mailer = self.user.home / "sendmail"

    def deliver(self, command: Sequence[str | Path], sample: Sample) -> tuple[int, list[tuple[str, bytes]]]:
        """Deliver where there is no mail yet; the exit status, and what then lies where."""
        stores = (self.user.maildir, self.user.home / "mail")
        for store in stores:
            shutil.rmtree(store, ignore_errors=True)
        folders = ["", *["." + name.replace("/", ".") for name in sample.mailboxes]]
        made = [self.user.maildir / folder / name for folder in folders for name in ("cur", "new", "tmp")]
        assert self.user.run(["/usr/bin/mkdir", "-p", *stores, *made]).returncode == 0
        finished = self.user.run(command, sample.raw())
        files = [path for store in stores for path in store.rglob("*") if path.is_file()]
        found = [path for path in files if path.stat().st_size]  # a Maildir folder is marked by an empty file
        return finished.returncode, sorted([landed(file, self.user.home) for file in found])


def test_scenarios_come_in_pairs() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.suffix != ".txt"}  # .txt: what both of a pair read
    assert files == {f"{path.stem}.{kind}" for path in SCENARIOS for kind in ("rules", "procmailrc")}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_is_sound_and_tests_itself(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in FOLDER.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
        (tmp_path / file.name).chmod(0o600)
    assert check_command.run(["--json", str(tmp_path / path.name)]) == 0, capsys.readouterr().out
    report = json.loads(capsys.readouterr().out)
    assert report["tests"]
    assert report["warnings"] == []


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_procmail_puts_the_same_messages_into_the_same_places(path: Path, installed: Path, plain_user: User) -> None:
    procmail = shutil.which("procmail")
    if procmail is None:
        skip_or_fail("procmail is not installed")
        return
    theirs, ours = Home(plain_user, "theirs"), Home(plain_user, "ours")
    recipes, rules = theirs.user.home / f"{path.stem}.procmailrc", ours.user.home / path.name
    procmail_command: list[str | Path] = [procmail, f"HOME={theirs.user.home}", f"SENDMAIL={theirs.mailer}", recipes]
    our_command: list[str | Path] = [installed / "pydeliver", "--rules", rules, "--maildir", ours.user.maildir]
    our_command += ["-o", f"sendmail={ours.mailer}"]
    places = set()
    for sample in samples(path):
        expected, found = theirs.deliver(procmail_command, sample), ours.deliver(our_command, sample)
        assert found == expected, sample.name
        places.add((found[0], tuple([place for place, _ in found[1]])))
    assert len(places) > 1, "a scenario shows a difference"
