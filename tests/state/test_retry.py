"""A retry record is what was written, or it is none: never another message's, nor one that cannot be trusted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pydeliver.envelope import Envelope
from pydeliver.limits import RETRY_RECORD_AGE
from pydeliver.message.edit import Edit
from pydeliver.message.view import Message
from pydeliver.plan import Action, Plan, Where
from pydeliver.state.places import Places
from pydeliver.state.retry import Record, RecordFile, fingerprint, has_records

OCTETS = 1 << 20  # enough for these
NAME = "a1b2c3d4e5f607182"
PLAN = Plan(
    "redirect",
    (
        Action("file", (("mailbox", "A"),), Where("R", "f", 3), True, ("\\Seen", "é\ud800")),
        Action("redirect", (("addresses", ("a@x", "b@y")), ("sender", "me")), Where("R", "f", 4)),
    ),
)
RECORD = Record(PLAN, (0,), "something was wrong")


@pytest.fixture(autouse=True)
def _smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydeliver.limits.RETRY_RECORD_OCTETS", OCTETS)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(str(tmp_path))


@pytest.fixture
def path(places: Places) -> Path:
    """Where a record has been written."""
    RecordFile(places, NAME).write(RECORD)
    return Path(places.retry, NAME)


def read(places: Places, name: str = NAME) -> Record | None:
    return RecordFile(places, name).read(time.time())


def test_a_record_is_read_as_it_was_written(places: Places, path: Path) -> None:
    assert read(places) == RECORD
    assert read(places, "other") is None
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(places.retry) == [NAME]
    RecordFile(places, NAME).write(Record(PLAN, (0, 1)))
    assert read(places) == Record(PLAN, (0, 1))
    assert os.listdir(places.retry) == [NAME]


def test_a_finished_record_is_gone_and_whoever_has_read_it_sees_that(places: Places, path: Path) -> None:
    first, second = RecordFile(places, NAME), RecordFile(places, NAME)
    assert first.read(time.time()) == second.read(time.time()) == RECORD
    assert not second.is_finished
    first.finish()
    assert second.is_finished
    assert read(places) is None
    first.close()
    assert not os.path.exists(places.retry)
    first.close()  # nothing left to do, and nothing wrong


def test_what_was_prepared_and_not_published_leaves_nothing(places: Places, path: Path) -> None:
    file = RecordFile(places, NAME)
    file.prepare(Record(PLAN, (0, 1)))
    assert read(places) == RECORD
    file.close()
    assert os.listdir(places.retry) == [NAME]


def test_a_record_that_only_vanished_is_not_finished(places: Places, path: Path) -> None:
    reader = RecordFile(places, NAME)
    reader.read(time.time())
    path.unlink()
    assert not reader.is_finished
    assert not RecordFile(places, "other").is_finished


def empty(path: Path) -> None:
    path.write_bytes(b"")


def another_form(path: Path) -> None:
    path.write_text('{"plan": {"version": 2}, "done": [], "problem": ""}')


def no_json(path: Path) -> None:
    path.write_bytes(b"\xff" + path.read_bytes())


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def nested(path: Path) -> None:
    path.write_text("[" * 100_000)


def wrong_places(path: Path) -> None:
    path.write_text(path.read_text().replace("[0]", '["x"]'))


def of_the_wrong_kind(path: Path) -> None:
    path.write_text(path.read_text().replace('"facts":{}', '"facts":[1]'))


def open_to_others(path: Path) -> None:
    path.chmod(0o640)


def symlink(path: Path) -> None:
    path.rename(path.with_suffix(".x"))
    path.symlink_to(path.with_suffix(".x"))


def hard_link(path: Path) -> None:
    os.link(path, path.with_suffix(".x"))


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def too_large(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" " * OCTETS)


def too_old(path: Path) -> None:
    os.utime(path, (0, time.time() - RETRY_RECORD_AGE - 60))


def from_the_future(path: Path) -> None:
    os.utime(path, (0, time.time() + RETRY_RECORD_AGE + 60))


@pytest.mark.parametrize(
    "spoil",
    [
        *(empty, another_form, no_json, cut_short, nested, wrong_places, of_the_wrong_kind),
        *(open_to_others, symlink, hard_link, fifo, directory, too_large, too_old, from_the_future),
    ],
)
def test_what_is_no_sound_record_is_none(places: Places, path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(path)
    assert read(places) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to give a file away")
def test_a_record_of_somebody_else_is_none(places: Places, path: Path) -> None:
    os.chown(path, 65534, 65534)
    assert read(places) is None


def test_records_are_there_until_they_are_too_old(places: Places, path: Path) -> None:
    now = time.time()
    assert has_records(places, now)
    assert not has_records(places, now + RETRY_RECORD_AGE + 60)
    assert not path.exists()
    assert not has_records(places, now)


def test_a_record_that_is_too_large_is_not_written_and_leaves_nothing(places: Places) -> None:
    with pytest.raises(OSError, match="cut short"):
        RecordFile(places, NAME).write(Record(PLAN, (), "x" * OCTETS))
    assert os.listdir(places.retry) == []


def test_what_a_program_made_of_the_message_is_in_the_record(places: Places) -> None:
    edits = (Edit("replace", "", "", bytes(range(256)) * 1_000), Edit("add", "X-A", "b"))
    plan = Plan("keep", (Action("keep", edits=edits), Action("redirect", (("addresses", ("a@x",)),), edits=edits[:1])))
    RecordFile(places, NAME).write(Record(plan, (0,)))
    assert RecordFile(places, NAME).read(time.time()) == Record(plan, (0,))


def name(raw: bytes, sender: str = "a@x", recipient: str = "b@y", detail: str | None = None) -> str:
    return fingerprint(Envelope(sender, recipient, detail), Message(raw).chunks())


def test_a_fingerprint_is_the_same_at_each_attempt_and_for_nothing_else() -> None:
    """Between two attempts of Postfix only the time in the From_ line differs."""
    raw = b"Received: by mx id 1\nSubject: x\n\nbody\n"
    first = name(b"From a@x Tue Nov 24 10:00:00 2026\n" + raw)
    assert first == name(b"From a@x Tue Nov 24 10:05:00 2026\n" + raw)
    others = [
        *(name(raw + b"\n"), name(raw.replace(b"1", b"2")), name(raw, "a@z"), name(raw, "a@xb", "@y")),
        *(name(raw, "a@x", "b+c@y"), name(raw, detail="c"), name(raw, detail=""), name(raw, "\ud800", "")),
    ]
    assert len({first, *others}) == 9


def test_one_delivery_has_the_lock_of_a_record(places: Places) -> None:
    first, second, other = RecordFile(places, NAME), RecordFile(places, NAME), RecordFile(places, NAME[::-1])
    assert first.lock(0)
    assert not second.lock(0)
    assert other.lock(0)
    first.close()
    assert second.lock(0)
    first.close()
    assert not first.lock(0)
    began = time.monotonic()
    assert not first.lock(0.2)
    assert 0.2 <= time.monotonic() - began < 2
    second.close()
    other.close()
