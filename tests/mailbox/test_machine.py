"""Any sequence of staging, committing, undoing and reading: readers see what was committed, whole, and no more."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from pydeliver.mailbox import maildir
from pydeliver.mailbox.maildir import Maildir, Staged
from pydeliver.naming import directory_name

MAILBOXES = st.sampled_from(["INBOX", "a", "a/b", "Entwürfe"])
FLAGS = st.lists(st.sampled_from(["\\Seen", "\\Flagged", "$Junk", "VIP"]), max_size=3).map(tuple)
UNNAMED = maildir._UNNAMED


class Deliveries(RuleBasedStateMachine):
    """The model is the list of what each mailbox must hold."""

    staged = Bundle("staged")
    committed = Bundle("committed")

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp())
        self.root = self.top / "Maildir"
        self.visible: list[tuple[str, bytes]] = []
        self.open: list[Staged] = []
        self.named_and_staged = 0

    @rule(target=staged, mailbox=MAILBOXES, raw=st.binary(max_size=50), flags=FLAGS, is_named=st.booleans())
    def stage(
        self, mailbox: str, raw: bytes, flags: tuple[str, ...], is_named: bool
    ) -> tuple[Staged, str, bytes, bool]:
        maildir._UNNAMED = None if is_named else UNNAMED
        staged = Maildir(str(self.root)).stage(mailbox, [raw[:7], memoryview(raw)[7:]], flags)
        assert staged.notes == ()
        self.open.append(staged)
        self.named_and_staged += is_named
        return staged, directory_name(mailbox), raw, is_named

    @rule(target=committed, entry=consumes(staged))
    def commit(self, entry: tuple[Staged, str, bytes, bool]) -> tuple[Staged, str, bytes]:
        staged, directory, raw, is_named = entry
        path = Path(staged.commit())
        assert path.read_bytes() == raw
        assert path.parent == self.root / directory / "new"
        self.visible.append((directory, raw))
        self.named_and_staged -= is_named
        return staged, directory, raw

    @rule(entry=consumes(staged))
    def undo_before_commit(self, entry: tuple[Staged, str, bytes, bool]) -> None:
        entry[0].undo()
        self.named_and_staged -= entry[3]

    @rule(entry=consumes(committed))
    def undo_after_commit(self, entry: tuple[Staged, str, bytes]) -> None:
        entry[0].undo()
        self.visible.remove((entry[1], entry[2]))

    @rule(mailbox=MAILBOXES)
    def a_reader_opens_the_mailbox(self, mailbox: str) -> None:
        new = self.root / directory_name(mailbox) / "new"
        assert Maildir(str(self.root)).exists(mailbox) == new.is_dir()
        for path in new.iterdir() if new.is_dir() else ():
            path.rename(new.parent / "cur" / (path.name if ":2," in path.name else f"{path.name}:2,S"))

    @rule(mailbox=MAILBOXES, name=st.sampled_from(["cur", "new", "tmp"]))
    def a_kill_leaves_the_mailbox_half_made(self, mailbox: str, name: str) -> None:
        place = self.root / directory_name(mailbox) / name
        if not self.named_and_staged and not self.open and place.is_dir() and not os.listdir(place):
            place.rmdir()

    @invariant()
    def readers_see_what_was_committed(self) -> None:
        found = [
            (path.parent.parent.relative_to(self.root).as_posix().removeprefix("."), path.read_bytes())
            for state in ("cur", "new")
            for path in [*self.root.glob(f"{state}/*"), *self.root.glob(f".*/{state}/*")]
        ]
        assert sorted(found) == sorted((directory.removeprefix("."), raw) for directory, raw in self.visible)

    @invariant()
    def nothing_is_left_in_tmp(self) -> None:
        assert len([*self.root.glob("tmp/*"), *self.root.glob(".*/tmp/*")]) == self.named_and_staged

    def teardown(self) -> None:
        maildir._UNNAMED = UNNAMED
        for staged in self.open:
            staged.close()
        shutil.rmtree(self.top)


@pytest.mark.parametrize("examples", [60, pytest.param(2000, marks=pytest.mark.long)])
def test_deliveries(examples: int) -> None:
    run_state_machine_as_test(
        Deliveries, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None)
    )
