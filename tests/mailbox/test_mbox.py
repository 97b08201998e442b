"""A message is appended whole to an mbox, or the mbox is as it was; what a kill left the next delivery cuts off."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pydeliver.mailbox import mbox as mbox_module
from pydeliver.mailbox.mbox import Appended, Mbox
from tests.conftest import skip_unless_root

LINE = b"From bob@example.net Tue Nov 24 10:00:00 2026\n"
RAW = b"Subject: x\n\nbody\n"
STORED = LINE + RAW + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail" / "box"


@pytest.fixture(autouse=True)
def no_descriptor_is_left() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def stage(path: Path, raw: bytes = RAW, flags: tuple[str, ...] = (), **options: bool) -> Appended:
    return Mbox(str(path), str(path.parent.parent / "records"), LINE, **options).stage([raw[:5], raw[5:]], flags)


def store(path: Path, raw: bytes = RAW, flags: tuple[str, ...] = (), **options: bool) -> tuple[str, ...]:
    staged = stage(path, raw, flags, **options)
    assert staged.commit() == str(path)
    staged.close()
    return staged.notes


@contextmanager
def undone_on_failure(staged: Appended) -> Iterator[Appended]:
    try:
        yield staged
    except OSError:
        staged.undo()
        raise


def records(path: Path) -> list[Path]:
    return list((path.parent.parent / "records").iterdir())


def in_a_child(work: Callable[[], object]) -> int:
    """The status of a child that does this, -9 for one that is killed in it."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_after(calls: int, work: Callable[[], object]) -> Callable[[], None]:
    """Do it, but be killed before that call of a function of `os`."""

    def kill() -> None:
        count = itertools.count()

        def counted(function: Callable[..., object]) -> Callable[..., object]:
            def call(*args: object, **kwargs: object) -> object:
                if next(count) == calls:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **kwargs)

            return call

        for name in ("open", "write", "fsync", "ftruncate", "link", "unlink", "fchmod", "close", "pread"):
            setattr(os, name, counted(getattr(os, name)))
        work()

    return kill


def test_messages_stand_one_after_the_other(path: Path) -> None:
    for _ in range(3):
        store(path)
    assert path.read_bytes() == STORED * 3
    assert os.listdir(path.parent) == ["box"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_flags_and_quoting(path: Path) -> None:
    store(path, b"x: y\n\n>From me\n", ("\\Seen", "work"), mboxrd=True)
    assert path.read_bytes() == LINE + b"x: y\nStatus: RO\nX-Keywords: work\n\n>>From me\n\n"


@pytest.mark.parametrize(
    ("before", "separator"),
    [(b"", b""), (b"x\n\n", b""), (b"x\n\r\n", b""), (b"x\r\n", b"\n"), (b"x\n", b"\n"), (b"x", b"\n\n")],
)
def test_an_empty_line_stands_before_it(path: Path, before: bytes, separator: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(before)
    staged = stage(path)
    assert path.read_bytes() == before + separator + STORED
    staged.undo()
    assert path.read_bytes() == before


def test_a_record_is_empty_when_the_message_is_to_stay(path: Path) -> None:
    staged = stage(path)
    (record,) = records(path)
    assert record.read_bytes() == b"0" * 19 + b"\n" + STORED
    assert record.stat().st_mode & 0o777 == 0o600
    staged.commit()
    assert record.read_bytes() == b""
    staged.close()


def test_undo_takes_it_back_committed_or_not(path: Path) -> None:
    store(path)
    stage(path).undo()
    staged = stage(path)
    staged.commit()
    staged.undo()
    assert path.read_bytes() == STORED
    assert os.listdir(path.parent) == ["box"]
    assert [record.read_bytes() for record in records(path)] == [b""]


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_what_cannot_be_written_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """The sync of the record, of the mailbox, and of the empty record."""
    store(path)
    sync, count = os.fsync, itertools.count(1)

    def fail(descriptor: int) -> None:
        if next(count) == failing:
            raise OSError(errno.EIO, "it broke")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="it broke"), undone_on_failure(stage(path)) as staged:
        staged.commit()
    assert path.read_bytes() == STORED
    assert os.listdir(path.parent) == ["box"]


def test_the_locks_are_held_until_it_is_closed(path: Path) -> None:
    staged = stage(path)
    assert (path.parent / "box.lock").exists()
    staged.commit()
    assert (path.parent / "box.lock").exists()
    staged.close()
    assert os.listdir(path.parent) == ["box"]


def test_killed_at_any_call_it_leaves_nothing_that_the_next_does_not_mend(path: Path) -> None:
    """And the next need not wait for the lock file of one that is dead."""
    store(path)
    raw = b"Subject: big\n\n" + b"a line\n" * 1000
    statuses = []
    for calls in range(200):
        before = path.read_bytes()
        statuses.append(in_a_child(killed_after(calls, lambda: store(path, raw))))
        began = time.monotonic()
        assert store(path) == ()
        assert time.monotonic() - began < 2
        assert path.read_bytes() in (before + STORED, before + LINE + raw + b"\n" + STORED)
        assert os.listdir(path.parent) == ["box"]
        if statuses[-1] == 99:
            break
    assert statuses == [-9] * calls + [99]
    assert calls > 25


@pytest.mark.parametrize("octets", [1, 10, len(LINE), len(LINE) + 12, len(STORED) - 1, len(STORED)])
def test_a_part_of_any_length_is_cut_off(path: Path, octets: int) -> None:
    store(path)
    in_a_child(lambda: (stage(path), os._exit(0)))
    with path.open("r+b") as file:
        file.truncate(len(STORED) + octets)
    store(path, b"x: y\n\n")
    assert path.read_bytes() == STORED + LINE + b"x: y\n\n\n"


def test_sectors_of_zeros_which_a_power_cut_leaves_are_cut_off(path: Path) -> None:
    raw = b"x: y\n\n" + b"0123456789abcde\n" * 1000
    store(path, raw)
    begin = path.stat().st_size
    in_a_child(lambda: (stage(path, raw), os._exit(0)))
    whole = bytearray(path.read_bytes())
    first, last = (begin // 512 + 3) * 512, (begin // 512 + 9) * 512
    whole[first:last] = bytes(last - first)
    path.write_bytes(whole)
    store(path)
    assert path.read_bytes() == bytes(whole[:begin]) + STORED


@pytest.mark.parametrize(
    ("change", "is_noted"),
    [
        (lambda octets: octets[:-5] + LINE + b"x: theirs\n\n\n", True),  # another came after a part of it
        (lambda octets: octets + LINE + b"x: theirs\n\n\n", False),  # after all of it
        (lambda octets: octets.replace(b"body", b"BODY"), True),
        (lambda octets: octets[:-8] + b"...\n", True),
        (
            lambda octets: STORED + b"From c@d Tue Nov 24 10:00:00 2026\nx: theirs\n\n\n",
            False,
        ),  # nothing of it is there
        (lambda octets: STORED, False),
        (lambda octets: b"", False),
    ],
)
def test_what_others_wrote_since_is_left_alone(path: Path, change: Callable[[bytes], bytes], is_noted: bool) -> None:
    store(path)
    in_a_child(lambda: (stage(path), os._exit(0)))
    now = change(path.read_bytes())
    path.write_bytes(now)
    notes = store(path, b"x: y\n\n")
    left = path.read_bytes()
    assert left.startswith(now)
    assert left.endswith(LINE + b"x: y\n\n\n")
    assert any("a delivery was broken off" in note for note in notes) is is_noted
    store(path)
    assert path.read_bytes() == left + STORED


@pytest.mark.parametrize("record", [b"x", b"\0" * 30, b"-" * 20, b"9" * 40, b"0" * 19 + b"\n"])
def test_a_record_that_says_nothing_cuts_nothing(path: Path, record: bytes) -> None:
    store(path)
    records(path)[0].write_bytes(record)
    assert store(path) == ()
    assert path.read_bytes() == STORED * 2


def test_a_record_is_found_whatever_symlinks_lead_to_the_mailbox(path: Path) -> None:
    store(path)
    in_a_child(lambda: (stage(path), os._exit(0)))
    (path.parent.parent / "other").symlink_to("mail")
    store(path.parent.parent / "other" / "box")
    assert path.read_bytes() == STORED * 2
    assert len(records(path)) == 1


def test_a_message_of_many_pieces(path: Path) -> None:
    raw = b"x: y\n\n" + b"0123456789abcde\n" * 200_000
    store(path, raw)
    assert path.read_bytes() == LINE + raw + b"\n"
    in_a_child(lambda: (stage(path, raw), os._exit(0)))
    store(path)
    assert path.read_bytes() == LINE + raw + b"\n" + STORED


def test_no_directory_of_anothers_is_used(tmp_path: Path) -> None:
    skip_unless_root("to make a directory of another's")
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    (tmp_path / "mail").symlink_to("theirs")
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "mine").mkdir()
    for name in ("theirs", "mail"):
        with pytest.raises(PermissionError, match="belongs to uid 65534"):
            stage(tmp_path / name / "box")
    os.chown(tmp_path / "link", 65534, 65534, follow_symlinks=False)
    with pytest.raises(PermissionError, match="belongs to uid 65534"):
        stage(tmp_path / "link" / "box")
    assert os.listdir(tmp_path / "theirs") == os.listdir(tmp_path / "mine") == []


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "..", "x" * 256, "x" * 251])
def test_a_name_that_no_file_can_have_is_an_error(tmp_path: Path, name: str) -> None:
    """Of 251 characters, for its lock has five more."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match=r"Invalid|too long|plain file"):
        stage(tmp_path / "mail" / name)
    assert [found for found in tmp_path.rglob("*") if found not in before and len(found.name) < 250] in (
        [],
        [tmp_path / "mail"],
    )


def test_the_lock_wait_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(path)
    monkeypatch.setattr(mbox_module, "MAILBOX_LOCK_WAIT", 0.1)
    staged = stage(path)
    with pytest.raises(TimeoutError, match=f"locked by process {os.getpid()}"):
        stage(path)
    staged.undo()
