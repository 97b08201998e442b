"""A message becomes the next number of an MH folder, and its flags are sequences."""

from __future__ import annotations

import itertools
import mailbox
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pydeliver.mailbox import maildir
from pydeliver.mailbox.mh import Mh, Numbered
from tests.mailbox.test_mbox import in_a_child, killed_after

RAW = b"Subject: x\r\n\r\nbody"


@pytest.fixture(params=["unnamed", "named"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "named":
        monkeypatch.setattr(maildir, "_UNNAMED", None)
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Mail" / "inbox"


@pytest.fixture(autouse=True)
def no_descriptor_is_left() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def stage(folder: Path, flags: tuple[str, ...] = (), raw: bytes = RAW) -> Numbered:
    return Mh(str(folder)).stage([raw[:3], raw[3:]], flags)


def store(folder: Path, *flags: str, raw: bytes = RAW) -> tuple[str, ...]:
    staged = stage(folder, flags, raw)
    path = Path(staged.commit())
    staged.close()
    assert path.parent == folder
    assert path.read_bytes() == raw
    return staged.notes


def sequences(folder: Path) -> str:
    return (folder / ".mh_sequences").read_text()


def test_messages_are_numbered_from_one(folder: Path) -> None:
    for _ in range(3):
        assert store(folder) == ()
    assert sorted(os.listdir(folder)) == [".mh_sequences", "1", "2", "3"]
    assert sequences(folder) == "unseen: 1-3\n"
    assert (folder / "1").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_number_is_after_the_highest(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("7", "03", ",9", "10x", "²", "99999999999"):
        (folder / name).touch()
    store(folder)
    assert (folder / "8").read_bytes() == RAW


def test_flags_are_sequences_that_python_reads(folder: Path) -> None:
    assert store(folder, "\\Seen") == ()
    assert store(folder, "\\Flagged", "work") == ()
    assert store(folder, "\\Answered", "\\Seen", "Work") == ()
    notes = store(folder, "$Junk", "\\Deleted", "cur", "a-b")
    assert [note for note in notes if "MH has no sequence" in note] == list(notes)
    assert len(notes) == 4
    with closing(mailbox.MH(folder)) as box:
        assert box.get_sequences() == {"flagged": [2], "replied": [3], "unseen": [2, 4], "work": [2], "Work": [3]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "unseen: 6\n"),
        ("cur: 3\nunseen: 1 3-5\n", "cur: 3\nunseen: 1 3-6\n"),
        ("unseen: 6 8-9\n", "unseen: 8-9 6\n"),
        ("unseen: 1-7\n", "unseen: 1-5 7 6\n"),
        ("unseen: 1\n 2 4\nempty:\n", "unseen: 1 2 4 6\n"),
        ("unseen: 1", "unseen: 1 6\n"),
        ("cur: 6\nflagged: 6\n", "cur: 6\nunseen: 6\n"),  # of a delivery that was killed before its message was there
        ("b\xe9: 1\n", "b\xe9: 1\nunseen: 6\n"),
    ],
)
def test_sequences_are_changed_and_no_other(folder: Path, before: str, after: str) -> None:
    folder.mkdir(parents=True)
    (folder / "5").touch()
    (folder / ".mh_sequences").write_text(before, encoding="latin-1")
    assert store(folder) == ()
    assert (folder / ".mh_sequences").read_text(encoding="latin-1") == after


@pytest.mark.parametrize("wrong", ["no colon\n", "unseen: one\n", "unseen: 1-\n", "x" * 2_000_000])
def test_what_are_no_sequences_is_left_as_it_is(folder: Path, wrong: str) -> None:
    folder.mkdir(parents=True)
    (folder / ".mh_sequences").write_text(wrong)
    (note,) = store(folder)
    assert note.startswith("the message is in no sequence: .mh_sequences: ")
    assert sequences(folder) == wrong


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, Path.mkdir])
def test_impostors_of_the_sequences_are_not_touched(folder: Path, make: Callable[[Path], None]) -> None:
    folder.mkdir(parents=True)
    make(folder / ".mh_sequences")
    (note,) = store(folder)
    assert note == "the message is in no sequence: .mh_sequences: it is no plain file"


def test_undo_takes_it_back_committed_or_not(folder: Path) -> None:
    store(folder)
    stage(folder).undo()
    staged = stage(folder, ("\\Flagged",))
    staged.commit()
    staged.undo()
    assert sorted(os.listdir(folder)) == [".mh_sequences", "1"]
    assert sequences(folder) == "unseen: 1\n"


def test_undo_removes_nothing_of_anothers(folder: Path) -> None:
    staged = stage(folder)
    staged.commit()
    (folder / "1").unlink()
    (folder / "1").write_bytes(b"another's")
    staged.undo()
    assert (folder / "1").read_bytes() == b"another's"


def test_a_number_taken_meanwhile_is_not_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = stage(folder)
    monkeypatch.setattr(os, "listdir", lambda *_: [])
    for number in range(1, 5):
        (folder / str(number)).write_text("another's")
    assert staged.commit() == str(folder / "5")
    staged.close()


def test_a_maildir_is_no_mh_folder(folder: Path) -> None:
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    with pytest.raises(OSError, match="it is a Maildir"):
        stage(folder)
    assert sorted(os.listdir(folder)) == ["cur", "new", "tmp"]


@pytest.mark.parametrize("make", [os.mkfifo, Path.touch])
def test_what_is_no_directory_is_refused(folder: Path, make: Callable[[Path], None]) -> None:
    folder.parent.mkdir()
    make(folder)
    with pytest.raises(NotADirectoryError):
        stage(folder)


def test_killed_at_any_call_no_message_is_partial(folder: Path, way: str) -> None:
    """A file without its number may be left where files must have a name; nobody reads it."""
    store(folder)
    for calls in itertools.count():
        before = len([name for name in os.listdir(folder) if name.isdigit()])
        status = in_a_child(killed_after(calls, lambda: store(folder)))
        assert store(folder) == ()
        found = [folder / name for name in os.listdir(folder) if name.isdigit()]
        assert {path.read_bytes() for path in found} == {RAW}
        assert len(found) - before in (1, 2)
        if status == 99:
            break
        for left in folder.glob(".[0-9]*"):
            assert way == "named"
            left.unlink()
    assert 10 < calls < 200
    assert not list(folder.glob("*.lock"))
