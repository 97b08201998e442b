"""A large message is read into a file without a name, which becomes the stored message; a usual one into memory."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pydeliver.cli.deliver import read_message
from pydeliver.delivery import spool
from pydeliver.limits import SPOOLED_OCTETS
from pydeliver.mailbox import maildir
from pydeliver.mailbox.maildir import Maildir
from pydeliver.message.spooled import Spooled
from pydeliver.message.view import Message
from pydeliver.status import DeliveryError

LARGE = b"Subject: large\r\n\r\n" + b"A line.\nAnother.\r\n" * (SPOOLED_OCTETS // 8)


def piped(raw: bytes, *directories: Path) -> bytes:
    reading, writing = os.pipe()

    def feed() -> None:
        with suppress(BrokenPipeError), open(writing, "wb") as pipe:
            pipe.write(raw)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        return read_message(reading, tuple([str(directory) for directory in directories]))
    finally:
        os.close(reading)
        feeder.join()


@pytest.fixture
def mailboxes(tmp_path: Path) -> Maildir:
    root = Maildir(str(tmp_path / "Maildir"))
    root.stage("INBOX", [b"x"]).undo()
    return root


def test_what_is_not_large_stays_in_memory(tmp_path: Path) -> None:
    raw = piped(LARGE[:SPOOLED_OCTETS], tmp_path)
    assert type(raw) is bytes
    assert raw == LARGE[:SPOOLED_OCTETS]


def test_nothing_at_all_is_no_message(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="no message"):
        piped(b"", tmp_path)


def test_a_large_message_is_in_a_file_of_the_first_directory_that_takes_one(tmp_path: Path) -> None:
    raw = piped(LARGE, tmp_path / "missing", tmp_path)
    assert isinstance(raw, Spooled)
    assert raw[:] == LARGE
    assert raw.sizes == (len(LARGE), len(LARGE) + LARGE.count(b"\n") - LARGE.count(b"\r\n"))
    assert os.listdir(tmp_path) == []
    assert os.fstat(raw.descriptor).st_mode & 0o777 == 0o600


def test_from_a_file_it_is_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    descriptor = os.open(tmp_path / "large", os.O_RDONLY)
    assert read_message(descriptor, (str(tmp_path),))[:] == LARGE


def test_where_no_file_can_be_made_it_stays_in_memory(tmp_path: Path) -> None:
    assert piped(LARGE, tmp_path / "missing") == LARGE
    assert piped(LARGE) == LARGE


def test_a_full_disk_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int, piece: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spool, "write_piece", full)
    with pytest.raises(DeliveryError) as told:
        piped(LARGE, tmp_path)
    assert told.value.status.code == "4.3.1"


def stored(root: Maildir) -> list[Path]:
    return sorted([*Path(root.root).glob("new/*"), *Path(root.root).glob(".*/new/*")])


def test_the_file_becomes_the_stored_message(mailboxes: Maildir) -> None:
    message = Message(piped(LARGE, Path(mailboxes.root)))
    assert message.file is not None
    staged = mailboxes.stage("INBOX", message.chunks(), file=message.file)
    assert stored(mailboxes) == []
    path = staged.commit()
    assert Path(path).read_bytes() == LARGE
    assert os.stat(path).st_ino == os.fstat(message.file.descriptor).st_ino
    octets, wire = message.file.sizes
    assert f",S={octets},W={wire}" in path
    assert os.listdir(f"{mailboxes.root}/tmp") == []


def test_a_second_mailbox_has_it_too_and_undoing_leaves_nothing(mailboxes: Maildir) -> None:
    message = Message(piped(LARGE, Path(mailboxes.root)))
    both = [mailboxes.stage(name, message.chunks(), file=message.file) for name in ("INBOX", "Two")]
    for staged in both:
        staged.commit()
    assert [path.read_bytes() for path in stored(mailboxes)] == [LARGE, LARGE]
    for staged in both:
        staged.undo()
    assert stored(mailboxes) == []
    again = mailboxes.stage("INBOX", message.chunks(), file=message.file)  # it has had a name: it is copied
    assert Path(again.commit()).read_bytes() == LARGE
    assert os.listdir(f"{mailboxes.root}/tmp") == []


def test_what_was_staged_and_undone_leaves_nothing(mailboxes: Maildir) -> None:
    message = Message(piped(LARGE, Path(mailboxes.root)))
    mailboxes.stage("INBOX", message.chunks(), file=message.file).undo()
    assert stored(mailboxes) == []
    assert os.listdir(f"{mailboxes.root}/tmp") == []


def test_a_file_of_another_file_system_is_copied(mailboxes: Maildir, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(file: int, name: str, directory: int) -> None:
        if name.startswith(maildir.unique_name()[:3]) and not name.count(",S="):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        link(file, name, directory)

    link = maildir.link_unnamed
    monkeypatch.setattr(maildir, "link_unnamed", elsewhere)
    message = Message(piped(LARGE, Path(mailboxes.root)))
    path = mailboxes.stage("INBOX", message.chunks(), file=message.file).commit()
    assert Path(path).read_bytes() == LARGE
    assert message.file is not None
    assert os.stat(path).st_ino != os.fstat(message.file.descriptor).st_ino
