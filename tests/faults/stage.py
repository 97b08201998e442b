"""The installed program started as a mail server does it, with a home of its own each time, and what is in it after.

A home is copied from a pristine one, so that a delivery killed or failed
half-way leaves nothing for the next.  As root everything runs as `nobody`:
root delivers to nobody without being told to.

Does not know: which faults there are.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.trace import find_strace

SLOWEST = 10  # seconds; a delivery that takes longer hangs
_numbers = itertools.count(1)


class Outcome(NamedTuple):
    """What the mail server sees."""

    status: int
    output: bytes
    errors: bytes
    seconds: float


class Scene(NamedTuple):
    """Rules, a message, and the mailboxes it belongs into.

    `ready`: whether the mailboxes are there.  `warm`: whether the rules were
    compiled before.  `arguments` are the program's.  `files`: what else the rules
    name in the home; they are links to files that have been there for a while.
    `inbox` is where what a mailbox fails at is kept.
    """

    title: str
    rules: str
    mailboxes: tuple[str, ...] = ("INBOX",)
    ready: bool = True
    warm: bool = True
    arguments: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    inbox: str = "INBOX"


RULES = r"""
addresses ["ann@example.org"]
list friends = ["bob@example.net", "*@family.example"]
rule "Spam" when header "X-Spam-Flag" is "YES" and from not in friends { flag "$Junk" file "Junk" }
rule "Big" when size > 10M or (lines > 100000 and subject exists) { file "Big" }
rule "Detail" when mailbox "{recipient.detail}" exists { file "{recipient.detail}" }
rule "Shop" when from ends with "@shop.example" {
    set score = 1
    if subject contains "[sale" { file "Sales" }
    for each cc { if cc.domain is "partner.example" { set score = score + 1 } }
    if score > 1 { file "Shop" }
}
"""
URGENT = RULES + 'rule "Urgent" when subject matches /(urgent|invoice) (?P<number>[0-9]+)/ { flag "\\Flagged" keep }\n'
LISTS = (
    RULES + 'rule "All" { also file "archive" }\nrule "Lists" when list-id matches "*.example.org" { file "lists" }\n'
)
EXPANDED = RULES + 'rule "Lists" when list-id matches "*.lists.example.org" { file "lists/{1}" }\n'
FROM_FILES = 'list many from "many.txt"\nrule "Many" when from in many { discard }\ninclude "more.rules"\n'
BOX = RULES + 'rule "Box" when subject exists { file mbox "~/mail/box" }\n'
FOLDER = RULES + 'rule "Folder" when subject exists { flag "\\Flagged" file mh "~/Mail/inbox" }\n'
BOTH = 'inbox mbox "mail/box"\n' + RULES + 'rule "Folder" when subject exists { also file mh "~/Mail/inbox" }\n'
MISTAKE = URGENT + 'rule "Wrong" when subject contanis "x" { file "x" }\n'

ONE_STORE = Scene("one store", URGENT)
TWO_STORES = Scene("two stores, mailboxes to be made", LISTS, ("archive", "lists"), ready=False)
NEW_MAILBOX = Scene("a mailbox that a message names, to be made and counted", EXPANDED, ("lists.dev",), ready=False)
MBOX = Scene("an mbox with a message in it", BOX, ("mbox",))
MH = Scene("an MH folder", FOLDER, ("mh",))
NEW_STORES = Scene(
    "an mbox as the inbox and an MH folder, both to be made", BOTH, ("mbox", "mh"), ready=False, inbox="mbox"
)
COLD = Scene("rules compiled during the delivery", URGENT, warm=False)
LONG_LIST = Scene(
    "an included file, and a long list whose index is made",
    FROM_FILES,
    ("more",),
    files=(
        ("more.rules", 'rule "More" when from ends with "@shop.example" { file "more" }\n'),
        ("many.txt", "".join([f"user{number}@example.net\n" for number in range(2_000)])),
    ),
)
WRONG_RULES = Scene("a mistake in the rules, and a notice", MISTAKE)

FROM_LINE = b"From bob@shop.example Tue Nov 24 10:00:00 2026\n"
STORED = (
    b"Return-Path: <bob@shop.example>\nDelivered-To: ann@example.org\n"
    b"From: =?utf-8?q?B=C3=B6b?= <bob@shop.example>\nTo: ann@example.org\nCc: carol@example.com\n"
    b"List-Id: Developers <dev.lists.example.org>\nMessage-ID: <1@shop.example>\nSubject: invoice 42\n\n"
    + b"".join(b"line %d of the body\n" % number for number in range(200))
)
OLD = b"From carol@example.com Mon Nov 23 10:00:00 2026\nSubject: old\n\nhello\n\n"  # in an mbox before
IN_MBOX = re.compile(rb"From bob@shop\.example \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}\n" + re.escape(STORED) + b"\n")
NOTICE_STARTS, NOTICE_ENDS = b"From: pydeliver <MAILER-DAEMON>\n", b"shows all there is to mend.\n"
NOTICE_IN_MBOX = re.compile(
    rb"From MAILER-DAEMON [^\n]*\n" + re.escape(NOTICE_STARTS) + rb"(?s:.*?)" + re.escape(NOTICE_ENDS) + b"\n"
)


class Found(NamedTuple):
    """What a home holds: whole copies by mailbox, whole notices, what is neither, and files left in tmp/.

    `torn` is an mbox that ends in what is no whole message, or has lost one.
    """

    copies: dict[str, int]
    notices: int
    partial: list[str]
    litter: list[str]
    torn: list[bytes]

    def is_stored(self, mailboxes: Sequence[str]) -> bool:
        """Once in each of these and nowhere else."""
        return self.copies == dict.fromkeys(mailboxes, 1)


class Stage:
    """A place to deliver at, over and over."""

    def __init__(self, prefix: Path, room: Path) -> None:
        self.room = room
        self.program = str(prefix / "bin/pydeliver")
        self.identity: dict[str, Any] = {}
        self._owner = None
        if os.geteuid() == 0:
            self._owner = pwd.getpwnam("nobody")
            self.identity = {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}
        self.user = pwd.getpwuid(self._owner.pw_uid if self._owner else os.geteuid()).pw_name
        self.prefix = prefix
        self._pristine: dict[str, Path] = {}
        self._arguments: dict[Path, tuple[str, ...]] = {}

    # ------------------------------------------------------------ homes

    def home(self, scene: Scene) -> Path:
        """A fresh home in which the scene may be played."""
        if scene.title not in self._pristine:
            self._pristine[scene.title] = self._prepared(scene)
        home = self.room / f"home-{next(_numbers)}"
        shutil.copytree(self._pristine[scene.title], home, symlinks=True)
        self.own(home)
        self._arguments[home] = scene.arguments
        return home

    def empty_home(self, rules: str) -> Path:
        home = self.room / f"home-{next(_numbers)}"
        home.mkdir(mode=0o700)
        (home / ".pydeliverrc").write_text(rules)
        (home / ".pydeliverrc").chmod(0o600)
        self.own(home)
        return home

    def own(self, tree: Path) -> None:
        """Give a tree to the recipient."""
        if self._owner:
            for path in (tree, *tree.rglob("*")):
                os.chown(path, self._owner.pw_uid, self._owner.pw_gid, follow_symlinks=False)

    def _prepared(self, scene: Scene) -> Path:
        home = self.empty_home(scene.rules)
        self._arguments[home] = scene.arguments
        self._link_files(home, scene)
        outcome = self.deliver(home)
        assert outcome[:3] == (0, b"", b""), outcome
        assert self.look(home).is_stored(scene.mailboxes), self.look(home)
        for message in [*home.glob("Maildir/new/*"), *home.glob("Maildir/.*/new/*")]:
            message.unlink()
        for message in home.glob("Mail/inbox/*"):
            message.unlink()
        for box in home.glob("mail/box"):
            box.write_bytes(OLD)
            (home / "mail/had-a-message").touch()
        if not scene.ready:
            for name in ("Maildir", "mail", "Mail", ".local/state/pydeliver/mbox"):
                shutil.rmtree(home / name, ignore_errors=True)
        shutil.rmtree(home / ".local/state/pydeliver/notices", ignore_errors=True)
        shutil.rmtree(home / "given", ignore_errors=True)
        shutil.rmtree(home / ".local/state/pydeliver/lists", ignore_errors=True)
        if not scene.warm:
            shutil.rmtree(home / ".local")
        return home

    def _link_files(self, home: Path, scene: Scene) -> None:
        """Let the scene's files be there; no index is made of a list that was written a moment ago."""
        shared = self.room / "files"
        shared.mkdir(exist_ok=True)
        for name, text in scene.files:
            (shared / name).write_text(text)
            (home / name).symlink_to(shared / name)
        self.own(home)
        self.own(shared)
        if scene.files:
            time.sleep(2.1)

    @cached_property
    def scratch(self) -> Path:
        """Where the recipient may write, outside every home."""
        scratch = self.room / "scratch"
        scratch.mkdir()
        scratch.chmod(0o777)
        return scratch

    def is_pristine(self, home: Path, scene: Scene) -> bool:
        """Whether nothing has been made, changed or removed in it."""
        return _contents(home) == _contents(self._pristine[scene.title])

    def look(self, home: Path) -> Found:
        """What a reader of the Maildir finds, and what lies in its tmp directories."""
        return look(home, STORED)

    # ------------------------------------------------------------ deliveries

    def environment(self, home: Path) -> dict[str, str]:
        return {
            "HOME": str(home),
            "LOGNAME": self.user,
            "USER": self.user,
            "SENDER": "bob@shop.example",
            "RECIPIENT": "ann+x@example.org",
            "EXTENSION": "x",
            "PATH": "/usr/bin:/bin",
        }

    def deliver(
        self,
        home: Path,
        *arguments: str,
        command: Sequence[str] = (),
        message: bytes = FROM_LINE + STORED,
        **options: Any,
    ) -> Outcome:
        """Start the program with the message on a pipe; return when it and all it left behind have ended."""
        reading, writing = os.pipe()
        with open(f"/proc/self/fd/{reading}", "rb") as same_pipe:
            fcntl.flock(reading, fcntl.LOCK_EX)
            os.write(writing, message)
            os.close(writing)
            outcome = self.start(
                [*(command or [self.program]), *self._arguments.get(home, ()), *arguments], home, reading, **options
            )
            os.close(reading)
            _wait_for_lock(same_pipe.fileno())
        return outcome

    def start(self, command: Sequence[str], home: Path, stdin: int, **options: Any) -> Outcome:
        """Start a command as the mail server starts us, and wait for it."""
        began = time.monotonic()
        settings = {"env": self.environment(home), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": "/"}
        with subprocess.Popen(command, stdin=stdin, **{**settings, **self.identity, **options}) as process:
            try:
                output, errors = process.communicate(timeout=4 * SLOWEST)
            except subprocess.TimeoutExpired:
                hanging = subprocess.run(
                    ["ps", "-eo", "pid,ppid,stat,wchan,etime,args"], capture_output=True, text=True
                )
                process.kill()
                raise AssertionError(f"{command} hangs:\n{hanging.stdout}") from None
        return Outcome(process.returncode, output or b"", errors or b"", time.monotonic() - began)

    # ------------------------------------------------------------ traced

    def tracing_client(self, *options: str) -> list[str]:
        """The command with strace around the client; with `-f` around all."""
        return [find_strace(), "-qq", *options, self.program]

    def tracing_interpreter(self, *options: str) -> list[str]:
        """The command with strace between the client and its interpreter.

        strace's count of calls is for each process, so a fault at the third
        call of a name would else come upon both of them.
        """
        variables = ["STRACE=" + " ".join([*options, self._interpreter])]
        return ["/usr/bin/env", *variables, str(self._traced_prefix / "bin/pydeliver")]

    @cached_property
    def _interpreter(self) -> str:
        return str(self.prefix / "bin/python3")

    @cached_property
    def _traced_prefix(self) -> Path:
        """The same installation by symlinks, with a shell script in the interpreter's place."""
        prefix = self.room / "traced"
        (prefix / "bin").mkdir(parents=True)
        shutil.copy2(self.program, prefix / "bin/pydeliver")
        for name in ("lib", "share"):
            (prefix / name).symlink_to(self.prefix / name)
        script = prefix / "bin/python3"
        script.write_text(f'#!/bin/sh\nexec {find_strace()} -D -qq $STRACE "$@"\n')
        script.chmod(0o755)
        return prefix


def look(home: Path, stored: bytes) -> Found:
    copies: dict[str, int] = {}
    partial, notices = [], 0
    for path in _messages(home, ("new", "cur")):
        content = path.read_bytes()
        mailbox = path.parent.parent.name.removeprefix(".").replace("Maildir", "INBOX")
        if content == stored:
            copies[mailbox] = copies.get(mailbox, 0) + 1
        elif content.startswith(NOTICE_STARTS) and content.endswith(NOTICE_ENDS):
            notices += 1
        else:
            partial.append(str(path))
    for path in home.glob("Mail/inbox/[0-9]*"):
        if path.read_bytes() == stored:
            copies["mh"] = copies.get("mh", 0) + 1
        else:
            partial.append(str(path))
    in_mbox, torn = look_into_mbox(home)
    if in_mbox:
        copies["mbox"] = in_mbox
    litter = [*_messages(home, ("tmp",)), *home.glob("Mail/inbox/.[0-9]*"), *home.glob("[mM]ail/**/*.lock")]
    return Found(copies, notices, partial, [str(path) for path in litter], torn)


def look_into_mbox(home: Path) -> tuple[int, list[bytes]]:
    """How many whole messages, and what stands there that is none."""
    path = home / "mail/box"
    raw = path.read_bytes() if path.exists() else b""
    if (home / "mail/had-a-message").exists():
        if not raw.startswith(OLD):
            return 0, [raw[:200]]
        raw = raw.removeprefix(OLD)
    count = 0
    while match := IN_MBOX.match(raw) or NOTICE_IN_MBOX.match(raw):
        count += match.re is IN_MBOX
        raw = raw[match.end() :]
    return count, [raw[:200]] if raw else []


def _messages(home: Path, directories: Sequence[str]) -> Iterator[Path]:
    for directory in directories:
        yield from home.glob(f"Maildir/{directory}/*")
        yield from home.glob(f"Maildir/.*/{directory}/*")


def _contents(tree: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(tree)): path.read_bytes() if path.is_file() else None for path in sorted(tree.rglob("*"))
    }


def _wait_for_lock(descriptor: int) -> None:
    """A lock on a pipe is held until the last process that inherited it has closed it."""
    end = time.monotonic() + 4 * SLOWEST
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            assert time.monotonic() < end, "something still runs"
            time.sleep(0.002)
