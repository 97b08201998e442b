"""Keywords get letters that every reader knows, or are left out with a note."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pydeliver.mailbox import keywords
from pydeliver.mailbox.keywords import flag_letters

FILE, LOCK = "dovecot-keywords", "dovecot-uidlist.lock"


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_new_keyword_is_added_to_the_list(mailbox: int, tmp_path: Path) -> None:
    assert flag_letters(("$Junk", "VIP"), mailbox) == ("ab", ())
    assert (tmp_path / FILE).read_text() == "0 $Junk\n1 VIP\n"
    assert sorted(os.listdir(tmp_path)) == [FILE]


def test_a_known_keyword_in_any_case_changes_nothing(mailbox: int, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("3 $Junk\n0 vip\n")
    before = (tmp_path / FILE).stat()
    (tmp_path / LOCK).touch()  # would be waited for
    assert flag_letters(("\\Seen", "$JUNK", "VIP", "vip"), mailbox) == ("Sad", ())
    assert (tmp_path / FILE).stat() == before or (tmp_path / FILE).stat().st_mtime == before.st_mtime


def test_free_letters_are_filled_and_other_lines_are_kept(mailbox: int, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"1 b\nnonsense\n99 far\n0 \xc3\xa9\n2 c")
    assert flag_letters(("new",), mailbox) == ("d", ())
    assert (tmp_path / FILE).read_bytes() == b"1 b\nnonsense\n99 far\n0 \xc3\xa9\n2 c\n3 new\n"


def test_forwarded_has_a_letter_of_its_own_and_a_keyword(mailbox: int) -> None:
    assert flag_letters(("$Forwarded",), mailbox) == ("Pa", ())


def test_the_27th_is_left_out_and_the_others_stay(mailbox: int, tmp_path: Path) -> None:
    flags = tuple(f"k{number}" for number in range(27))
    letters, notes = flag_letters(flags, mailbox)
    assert letters == "abcdefghijklmnopqrstuvwxyz"
    assert notes == ("keyword 'k26' left out: all 26 letters of dovecot-keywords are taken",)
    assert flag_letters(("k3", "other"), mailbox)[0] == "d"
    assert len((tmp_path / FILE).read_text().splitlines()) == 26


@pytest.mark.parametrize(
    "flag",
    ["", "a b", "(x)", "{", "%", "*", '"q"', "a\\b", "]", "a\nb", "é", "\x7f", "\\Recent", "\\Fancy", "x" * 51],
)
def test_what_imap_cannot_say_is_left_out(mailbox: int, tmp_path: Path, flag: str) -> None:
    letters, notes = flag_letters((flag, "\\Flagged"), mailbox)
    assert letters == "F"
    assert len(notes) == 1
    assert "left out: " in notes[0]
    assert "\n" not in notes[0]
    assert os.listdir(tmp_path) == []


def test_a_lock_held_too_long_costs_the_keyword_not_the_delivery(
    mailbox: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keywords, "KEYWORD_LOCK_WAIT", 0.2)
    (tmp_path / FILE).write_text("0 known\n")
    (tmp_path / LOCK).touch()
    begun = time.monotonic()
    letters, notes = flag_letters(("new", "known"), mailbox)
    assert time.monotonic() - begun < 1
    assert letters == "a"
    assert notes == ("keyword 'new' left out: dovecot-uidlist.lock was held by another for 0.2 s",)
    assert (tmp_path / LOCK).exists()


def test_a_lock_older_than_two_minutes_is_broken(mailbox: int, tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    os.utime(tmp_path / LOCK, (time.time() - 121,) * 2)
    assert flag_letters(("new",), mailbox) == ("a", ())
    assert os.listdir(tmp_path) == [FILE]


def test_the_time_of_the_list_grows_by_whole_seconds(mailbox: int, tmp_path: Path) -> None:
    """Dovecot compares whole seconds only."""
    seen = set()
    for number in range(4):
        flag_letters((f"k{number}",), mailbox)
        seen.add(int((tmp_path / FILE).stat().st_mtime))
    assert len(seen) == 4


def test_the_list_keeps_its_mode(mailbox: int, tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    (tmp_path / FILE).chmod(0o640)
    flag_letters(("new",), mailbox)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o640


def test_a_replacement_left_by_a_kill_is_no_hindrance(mailbox: int, tmp_path: Path) -> None:
    (tmp_path / "dovecot-keywords.tmp").write_text("half")
    assert flag_letters(("new",), mailbox) == ("a", ())
    assert os.listdir(tmp_path) == [FILE]


@pytest.mark.parametrize("kind", ["symlink", "fifo", "directory", "huge"])
def test_a_list_that_is_none_costs_the_keyword_and_is_left_alone(mailbox: int, tmp_path: Path, kind: str) -> None:
    path = tmp_path / FILE
    if kind == "symlink":
        path.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"x" * 100_000)
    before = path.lstat().st_ino
    letters, notes = flag_letters(("\\Seen", "new"), mailbox)
    assert letters == "S"
    assert len(notes) == 1
    assert notes[0].startswith("keyword 'new' left out: ")
    assert path.lstat().st_ino == before
    assert os.listdir(tmp_path) == [FILE]


@pytest.mark.parametrize("kind", ["symlink", "fifo"])
def test_an_impostor_of_the_lock_is_not_followed(
    mailbox: int, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keywords, "KEYWORD_LOCK_WAIT", 0.05)
    if kind == "symlink":
        (tmp_path / LOCK).symlink_to(tmp_path / "target")
    else:
        os.mkfifo(tmp_path / LOCK)
    letters, notes = flag_letters(("new",), mailbox)
    assert (letters, len(notes)) == ("", 1)
    assert os.listdir(tmp_path) == [LOCK]
