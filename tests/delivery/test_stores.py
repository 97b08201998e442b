"""Plans with stores of every kind: all or nothing, each mailbox once, the inbox for what a mailbox fails at."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pydeliver.delivery import perform as perform_module
from pydeliver.delivery.perform import Performed, Stores, perform
from pydeliver.envelope import Envelope
from pydeliver.mailbox import mbox as mbox_module
from pydeliver.mailbox.mbox import Appended
from pydeliver.message.view import Message
from pydeliver.plan import Action, Plan
from pydeliver.state.places import Places
from pydeliver.status import DeliveryError

RAW = b"From old@example.net Mon Nov 23 10:00:00 2026\nSubject: hello\n\nhello\n"
MAILDIR, MBOX, MH = ("mailbox", "Lists"), ("mbox", "~/mail/box"), ("mh", "Mail/inbox")
ENVELOPE = Envelope("bob@example.net")


@pytest.fixture(autouse=True)
def no_lock_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.rglob("*.lock"))


def done(home: Path, *places: tuple[str, str], inbox: tuple[str, str] | None = None, **options: Any) -> Performed:
    stores = Stores(Places(str(home)), str(home / "Maildir"), inbox, **options)
    actions = tuple([Action("file", (place,)) if place[0] else Action("keep") for place in places])
    performed = perform(Plan("file", actions), Message(RAW), ENVELOPE, stores, lambda: True)
    performed.close()
    return performed


def inbox(home: Path) -> list[bytes]:
    return [path.read_bytes() for path in home.glob("Maildir/new/*")]


def contents(home: Path) -> list[str]:
    return sorted([str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()])


def test_one_of_each(tmp_path: Path) -> None:
    performed = done(tmp_path, MBOX, MAILDIR, MH)
    assert performed.status.is_success
    stored = [Path(path).relative_to(tmp_path) for path in performed.stored]
    assert [str(path.parent) for path in stored] == ["Maildir/.Lists/new", "Mail/inbox", "mail"]
    assert (tmp_path / "Mail/inbox/1").read_bytes() == b"Subject: hello\n\nhello\n"
    line, _, rest = (tmp_path / "mail/box").read_bytes().partition(b"\n")
    assert line.startswith(b"From bob@example.net ")
    assert rest == b"Subject: hello\n\nhello\n\n"


def test_an_mbox_of_two_names_gets_the_message_once(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "link").symlink_to("mail")
    performed = done(tmp_path, MBOX, ("mbox", "link/box"), ("mbox", f"{tmp_path}/mail//box"), ("mh", "link/mh"))
    assert performed.stored == (f"{tmp_path}/link/mh/1", f"{tmp_path}/mail/box")
    assert (tmp_path / "mail/box").read_bytes().count(b"Subject") == 1


def test_the_inbox_by_its_path_gets_the_message_once(tmp_path: Path) -> None:
    assert len(done(tmp_path, ("", ""), ("maildir", "~/Maildir"), ("mailbox", "INBOX")).stored) == 1


@pytest.mark.parametrize("kind", ["mbox", "mh", "maildir"])
def test_the_inbox_elsewhere(tmp_path: Path, kind: str) -> None:
    (path,) = done(tmp_path, ("", ""), inbox=(kind, "~/home")).stored
    assert path.startswith(str(tmp_path / "home"))
    assert not (tmp_path / "Maildir").exists()


def test_mboxrd_where_the_administrator_wants_it(tmp_path: Path) -> None:
    stores = Stores(Places(str(tmp_path)), str(tmp_path / "Maildir"), None, True)
    plan = Plan("file", (Action("file", (MBOX,)),))
    perform(plan, Message(b"x: y\n\n>From me\n"), ENVELOPE, stores, lambda: True)
    assert b"\n>>From me\n" in (tmp_path / "mail/box").read_bytes()


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (("mbox", "Maildir"), "it is no plain file"),
        (("mbox", "/dev/null"), "it is no plain file"),
        (("mbox", "/dev/full"), "it is no plain file"),
        (("mbox", "fifo"), "it is no plain file"),
        (("mbox", "link"), "it is no plain file"),
        (("mbox", "two"), "it has more than one name"),
        (("mbox", "file/box"), "Not a directory"),
        (("mbox", "locked"), "its lock is no plain file"),
        (("mbox", "x" * 300), "File name too long"),
        (("mbox", "/"), "Is a directory"),
        (("mh", "file"), "Not a directory"),
        (("mh", "fifo"), "Not a directory"),
        (("mh", "Maildir"), "it is a Maildir"),
        (("mh", "/dev/null"), "Not a directory"),
    ],
)
def test_what_a_mailbox_fails_at_is_in_the_inbox(tmp_path: Path, place: tuple[str, str], reason: str) -> None:
    done(tmp_path, ("", ""))
    for name in ("file", "one"):
        (tmp_path / name).write_text("mine")
    os.link(tmp_path / "one", tmp_path / "two")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "locked.lock").mkdir()
    performed = done(tmp_path, MH, place, MAILDIR)
    assert performed.status.is_success
    assert reason in performed.problem
    assert len(inbox(tmp_path)) == 2
    assert not list(tmp_path.glob("Mail/inbox/*"))
    assert not list(tmp_path.glob("Maildir/.Lists/new/*"))
    assert [(tmp_path / name).read_text() for name in ("file", "one")] == ["mine", "mine"]
    (tmp_path / "locked.lock").rmdir()


def test_a_locked_mbox_defers_and_says_who_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the inbox nor another mailbox gets the message meanwhile."""
    monkeypatch.setattr(mbox_module, "MAILBOX_LOCK_WAIT", 0.05)
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail/box.lock").write_text(f"{os.getppid()}:{os.uname().nodename}\n")
    with pytest.raises(DeliveryError) as raised:
        done(tmp_path, MAILDIR, MBOX)
    assert raised.value.status.code == "4.2.0"
    assert raised.value.status.text.startswith(f"the mailbox is locked by process {os.getppid()} (")
    (tmp_path / "mail/box.lock").unlink()
    assert not list(tmp_path.glob("Maildir/**/new/*"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_what_the_system_fails_at_defers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(mbox_module, "write_piece", fail)
    with pytest.raises(DeliveryError) as raised:
        done(tmp_path, MAILDIR, MBOX)
    assert raised.value.status == perform_module.FAILURES[number]
    assert not list(tmp_path.glob("Maildir/**/new/*"))
    assert (tmp_path / "mail/box").read_bytes() == b""


def test_a_commit_that_fails_takes_back_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise OSError(errno.EIO, "it broke")

    monkeypatch.setattr(Appended, "commit", fail)
    with pytest.raises(DeliveryError):
        done(tmp_path, MAILDIR, MH, MBOX)
    assert not list(tmp_path.glob("Maildir/**/new/*"))
    assert not list(tmp_path.glob("Mail/inbox/[0-9]*"))
    assert (tmp_path / "mail/box").read_bytes() == b""


def test_mboxes_are_locked_last_and_in_one_order(tmp_path: Path) -> None:
    stored = done(tmp_path, ("mbox", "b"), MAILDIR, ("mbox", "a"), MH).stored
    assert [Path(path).name for path in stored[-2:]] == ["a", "b"]
    assert "Maildir" in stored[0]


def test_nobody_waits_and_nothing_is_stored(tmp_path: Path) -> None:
    stores = Stores(Places(str(tmp_path)), str(tmp_path / "Maildir"))
    plan = Plan("file", (Action("file", (MBOX,)), Action("file", (MH,))))
    with pytest.raises(DeliveryError, match="stopped waiting"):
        perform(plan, Message(RAW), ENVELOPE, stores, lambda: False)
    assert (tmp_path / "mail/box").read_bytes() == b""
    assert contents(tmp_path)[-1] == "mail/box"
