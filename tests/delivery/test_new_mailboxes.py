"""At most so many mailboxes a day are made by names that expand; what would make one more goes to the inbox."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pydeliver.delivery.answer import answers_from, decide
from pydeliver.delivery.deliver import Delivery, deliver
from pydeliver.delivery.perform import Stores
from pydeliver.envelope import Envelope
from pydeliver.limits import NEW_MAILBOXES
from pydeliver.message.view import Message
from pydeliver.rules.load import compile_text
from pydeliver.rules.source import Source
from pydeliver.state.new_mailboxes import count_today, record
from pydeliver.state.places import Places
from pydeliver.status import Status

RULES = 'rule { file "by/{subject}" }'


def place(home: Path, subject: str, rules: str = RULES) -> str:
    """Deliver a message of that subject; the mailbox it went to, "" for the inbox."""
    told: list[Status] = []
    stores = Stores(Places(str(home)), str(home / "Maildir"))
    before = set((home / "Maildir").rglob("new/*"))
    programs = (("user", compile_text(Source("rules", rules))),)
    message = Message(f"Subject: {subject}\n\nhello\n".encode())
    deliver(Delivery(message, Envelope(), programs, stores), lambda: True, told.append)
    assert [status.code for status in told] == ["2.0.0"]
    (copy,) = set((home / "Maildir").rglob("new/*")) - before
    return copy.relative_to(home / "Maildir").parts[0].removeprefix(".") if copy.parts[-3] != "Maildir" else ""


def test_twenty_a_day_and_then_the_inbox(tmp_path: Path) -> None:
    made = [place(tmp_path, f"s{number}") for number in range(NEW_MAILBOXES + 2)]
    assert made == [f"by.s{number}" for number in range(NEW_MAILBOXES)] + ["", ""]
    assert place(tmp_path, "s0") == "by.s0"  # it is there, so it is not made


def test_a_rule_file_sets_its_own_number(tmp_path: Path) -> None:
    rules = f"set limits.new_mailboxes = 1\n{RULES}"
    assert [place(tmp_path, subject, rules) for subject in "abab"] == ["by.a", "", "by.a", ""]
    assert place(tmp_path, "c", f"set limits.new_mailboxes = 0\n{RULES}") == ""


def test_mailboxes_written_out_are_made_and_not_counted(tmp_path: Path) -> None:
    rules = "set limits.new_mailboxes = 0\n"
    assert place(tmp_path, "x", rules + 'rule { file "X" }') == "X"
    assert count_today(Places(str(tmp_path)), time.time()) == 0


def test_paths_that_expand_are_counted_too(tmp_path: Path) -> None:
    rules = 'set limits.new_mailboxes = 1\nrule { file maildir "~/Maildir/{subject}" }'
    (tmp_path / "Maildir").mkdir()
    assert [place(tmp_path, subject, rules) for subject in "aba"] == ["a", "", "a"]


def test_one_message_cannot_make_more_than_a_day_may(tmp_path: Path) -> None:
    program = compile_text(Source("rules", 'rule { for each match of /\\w+/ in subject { also file "{0}" } }'))
    message = Message(b"Subject: " + b" ".join([b"w%d" % number for number in range(50)]) + b"\n\n")
    plan = decide((("user", program),), message, Envelope(), answers_from(Stores(Places(str(tmp_path)), str(tmp_path))))
    assert len(plan.new_mailboxes) == NEW_MAILBOXES
    assert len(plan.stores) == NEW_MAILBOXES + 1
    assert len(plan.warnings) == 30


def test_a_new_day_counts_anew(tmp_path: Path) -> None:
    places, now = Places(str(tmp_path)), 1_700_000_000.0
    record(places, (("mailbox", "a\nb"), ("mailbox", "ü")), now)
    assert (count_today(places, now), count_today(places, now + 86_400)) == (2, 0)
    record(places, (("mailbox", "c"),), now + 86_400)
    assert (count_today(places, now), count_today(places, now + 86_400)) == (0, 1)
    assert Path(places.new_mailboxes).read_text() == "2023-11-15 mailbox 'c'\n"


@pytest.mark.parametrize("kind", ["link", "hard link", "directory", "FIFO"])
def test_what_is_no_plain_file_is_neither_read_nor_written(tmp_path: Path, kind: str) -> None:
    places, target = Places(str(tmp_path)), tmp_path / "target"
    places.make_state()
    target.write_text("kept")
    if kind == "link":
        os.symlink(target, places.new_mailboxes)
    elif kind == "hard link":
        os.link(target, places.new_mailboxes)
    elif kind == "directory":
        os.mkdir(places.new_mailboxes)
    else:
        os.mkfifo(places.new_mailboxes)
    record(places, (("mailbox", "a"),), time.time())
    assert count_today(places, time.time()) == 0
    assert target.read_text() == "kept"
