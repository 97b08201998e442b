"""Any sequence of deliveries, undone, killed or whole, readers and other writers between: the mbox is as it must be."""

from __future__ import annotations

import mailbox
import os
import re
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pydeliver.mailbox.mbox import Appended, Mbox
from pydeliver.mailbox.mbox_format import from_line

BODIES = st.lists(
    st.sampled_from([b"From here\n", b">From there\n", b"\n", b"a\n", b"a\r\n", b"0123456789\n" * 200]), max_size=5
).map(b"".join)  # fmt: skip
LINE = from_line("bob@example.net", 1_795_000_000)


def as_read(raw: bytes) -> bytes:
    """What a reader finds: no line begins with From_, and the last has its end."""
    return re.sub(rb"(?m)^From ", b">From ", raw)


class Deliveries(RuleBasedStateMachine):
    """The model is the list of what the mbox must hold, as a reader finds it."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp())
        self.path = self.top / "mbox"
        self.held: list[bytes] = []
        self.staged: tuple[Appended, bytes] | None = None

    def stage(self, body: bytes) -> tuple[Appended, bytes]:
        raw = b"Subject: x\n\n" + body
        return Mbox(str(self.path), str(self.top / "records"), LINE).stage([raw[:5], raw[5:]]), as_read(raw)

    @precondition(lambda self: self.staged is None)
    @rule(body=BODIES)
    def a_message_is_staged(self, body: bytes) -> None:
        self.staged = self.stage(body)
        assert self.staged[0].notes == ()

    @precondition(lambda self: self.staged is not None)
    @rule(is_committed=st.booleans(), is_undone=st.booleans())
    def it_stays_or_goes(self, is_committed: bool, is_undone: bool) -> None:
        assert self.staged
        staged, raw = self.staged
        self.staged = None
        if is_committed:
            staged.commit()
        if is_undone or not is_committed:
            staged.undo()
        else:
            staged.close()
            self.held.append(raw)

    @precondition(lambda self: self.staged is None)
    @rule(body=BODIES, part=st.floats(0, 1), after=BODIES)
    def a_delivery_is_killed_and_another_follows(self, body: bytes, part: float, after: bytes) -> None:
        before = self.path.stat().st_size if self.path.exists() else 0
        child = os.fork()
        if not child:
            self.stage(body)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        os.truncate(self.path, before + int(part * (self.path.stat().st_size - before)))
        staged, raw = self.stage(after)
        assert staged.notes == ()
        staged.commit()
        staged.close()
        self.held.append(raw)

    @precondition(lambda self: self.staged is None)
    @rule(has_end=st.booleans())
    def another_program_appends(self, has_end: bool) -> None:
        with self.path.open("ab") as file:
            file.write(b"From carol@example.com Tue Nov 24 10:00:00 2026\nSubject: y\n\ntheirs\n" + b"\n" * has_end)
        self.held.append(b"Subject: y\n\ntheirs\n")
        if not has_end:  # the next must still be a message of its own
            self.a_message_is_staged(b"a\n")
            self.it_stays_or_goes(True, False)

    @precondition(lambda self: self.staged is None and self.held)
    @rule()
    def a_reader_removes_the_first(self) -> None:
        """Python's writes the file anew."""
        with closing(mailbox.mbox(self.path)) as box:
            box.lock()
            box.discard(min(box.keys()))
            box.flush()
        self.held.pop(0)

    @precondition(lambda self: self.staged is None)
    @invariant()
    def a_reader_finds_what_it_must_hold(self) -> None:
        with closing(mailbox.mbox(self.path, create=True)) as box:
            assert [box.get_bytes(key) for key in sorted(box.keys())] == self.held
        assert {path.name for path in self.top.iterdir()} <= {"mbox", "records"}

    def teardown(self) -> None:
        if self.staged:
            self.staged[0].undo()
        shutil.rmtree(self.top)


@pytest.mark.parametrize("examples", [12, pytest.param(800, marks=pytest.mark.long)])
def test_deliveries(examples: int) -> None:
    run_state_machine_as_test(
        Deliveries, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None)
    )
