"""Many deliveries at once into one mailbox, ours among procmail's, maildrop's, Dovecot's and Postfix's: all whole."""

from __future__ import annotations

import mailbox
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import skip_or_fail, skip_unless_root
from tests.peers.postfix import DOMAIN, running_postfix
from tests.peers.users import User, plain_users

ALL_WITHIN = 120  # seconds; usual is 15
SENDER = "sender@elsewhere.example"
DOVECOT_LDA = Path("/usr/lib/dovecot/dovecot-lda")
# As Debian has Dovecot it takes the fcntl lock first to read, and waits for it and procmail for each other for ever.
DOVECOT = """
mbox_read_locks = dotlock fcntl
mbox_write_locks = dotlock fcntl
mail_location = mbox:~/mail:INBOX=~/mbox
mail_home = {home}
base_dir = {home}/run
log_path = {home}/dovecot.log
stats_writer_socket_path =
postmaster_address = postmaster@test.example
"""
# What mail systems and readers add of their own to the header of a message.
ADDED = re.compile(
    rb"(?im)^(?:Return-Path|X-Original-To|Delivered-To|Received|Status|X-Status|X-UID|X-Keywords|X-IMAPbase|"
    rb"Content-Length):.*\n(?:[ \t].*\n)*"
)


@pytest.fixture
def user() -> Iterator[User]:
    skip_unless_root("to run Postfix, and the others as a plain user")
    with plain_users() as (first, _):
        yield first


def message(number: int, quoted: bool = True) -> bytes:
    """Of 1 to 40 KB, no two alike; with a line that must be quoted."""
    lines = b"".join(
        [b"%d line %d of message %d\n" % (number, line, number) for line in range(number * 17 % 1500 + 30)]
    )
    return (
        b"From: bob@example.net\nTo: ann@example.org\nX-Number: %d\nSubject: message %d\n\n" % (number, number)
        + b"From here on\n" * quoted
        + lines
    )


def start(user: User, command: Sequence[str | Path], raw: bytes) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        user.command(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(user.home),
            "LOGNAME": user.name,
            "USER": user.name,
            "SENDER": SENDER,
        },
    )
    assert process.stdin
    process.stdin.write(raw)
    process.stdin.close()
    process.stdin = None
    return process


def require(*programs: str | Path) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        skip_or_fail(f"not installed: {', '.join([str(program) for program in missing])}")


def all_delivered(user: User, started: Sequence[tuple[Sequence[str | Path], bytes]]) -> int:
    """Start all at once and, as a mail server does, those again that are put off; how often that was."""
    running = [(command, raw, start(user, command, raw)) for command, raw in started]
    again, give_up = 0, time.monotonic() + ALL_WITHIN
    while running:
        command, raw, process = running.pop(0)
        try:
            said, _ = process.communicate(timeout=give_up - time.monotonic())
        except subprocess.TimeoutExpired:
            for _, _, left in [(command, raw, process), *running]:
                left.kill()
                left.communicate()
            raise
        assert process.returncode in (0, 75), (command, said)
        if process.returncode == 75:
            again += 1
            running.append((command, raw, start(user, command, raw)))
    return again


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.long)])
def test_deliveries_of_five_systems_into_one_mbox(user: User, installed: Path, count: int) -> None:
    require("procmail", "maildrop", DOVECOT_LDA)
    user.write(".pydeliverrc", 'inbox mbox "~/mbox"\n')
    user.write(".procmailrc", "MAILDIR=$HOME\nLOCKSLEEP=1\n:0:\nmbox\n")
    user.write(".mailfilter", 'to "$HOME/mbox"\n').chmod(0o600)
    user.write("dovecot.conf", DOVECOT.format(home=user.home))
    user.write("run/.here", "")
    commands: list[Sequence[str | Path]] = [
        [installed / "pydeliver"],
        ["procmail", "-f", SENDER, user.home / ".procmailrc"],
        ["maildrop", user.home / ".mailfilter"],
        [DOVECOT_LDA, "-c", user.home / "dovecot.conf", "-f", SENDER],
    ]
    by_postfix = range(count * 4 // 5, count)
    sent = {number: message(number, number in by_postfix or number % 4 != 3) for number in range(count)}
    started = [(commands[number % 4], raw) for number, raw in sent.items() if number not in by_postfix]
    with running_postfix("home_mailbox = mbox\nmailbox_delivery_lock = fcntl, dotlock\n") as server:
        for number in by_postfix:
            server.send(sent[number], [f"{user.name}@{DOMAIN}"])
        again = all_delivered(user, started)
        server.wait_until_empty()
        assert "status=deferred" not in server.log()
    check_mbox(user.home / "mbox", sent)
    assert not list(user.home.glob("*.lock"))
    assert again <= count // 5


def check_mbox(path: Path, sent: dict[int, bytes]) -> None:
    """Each message is there once and, but for what mail systems add, quote and end with, octet for octet."""
    found: dict[int, list[bytes]] = {}
    with closing(mailbox.mbox(path)) as box:
        for key in box.keys():  # noqa: SIM118 - it is no dict
            header, _, body = box.get_bytes(key).partition(b"\n\n")
            header = ADDED.sub(b"", header + b"\n")
            body = re.sub(rb"(?m)^>From ", b"From ", body).rstrip(b"\n") + b"\n"
            number = re.search(rb"(?m)^X-Number: (\d+)$", header)
            assert number, header
            found.setdefault(int(number[1]), []).append(header + b"\n" + body)
    assert found == {number: [raw] for number, raw in sent.items()}


def test_a_hundred_deliveries_into_one_mh_folder(user: User, installed: Path) -> None:
    require("procmail")
    user.write(".pydeliverrc", 'rule { flag "work" file mh "Mail/inbox" }\n')
    user.write(".procmailrc", "MAILDIR=$HOME/Mail\n:0\ninbox/.\n")
    user.write("Mail/inbox/1", "Subject: old\n\nold\n")
    ours = [message(number) for number in range(0, 100, 2)]
    procmails = [message(number) for number in range(1, 100, 2)]
    started: list[tuple[Sequence[str | Path], bytes]] = []
    for one, other in zip(ours, procmails, strict=True):
        started += [([installed / "pydeliver"], one), (["procmail", user.home / ".procmailrc"], other)]
    assert all_delivered(user, started) == 0
    folder = user.home / "Mail/inbox"
    stored = {int(path.name): path.read_bytes() for path in folder.glob("[0-9]*")}
    assert sorted(stored) == list(range(1, 102))
    # procmail ends each with an empty line
    assert sorted(stored.values()) == sorted([stored[1], *ours, *[raw + b"\n" for raw in procmails]])
    with closing(mailbox.MH(folder)) as box:
        sequences = box.get_sequences()
    numbers = sorted([number for number, raw in stored.items() if raw in ours])
    assert sequences == {"unseen": numbers, "work": numbers}
    assert not list(folder.glob("*.lock"))
