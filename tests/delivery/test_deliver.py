"""What is promised of a delivery before and after its commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from pydeliver.delivery.deliver import Delivery, deliver
from pydeliver.delivery.perform import Stores, perform
from pydeliver.envelope import Envelope
from pydeliver.message.edit import Edit
from pydeliver.message.view import Message
from pydeliver.plan import Action, Plan
from pydeliver.state.places import Places
from pydeliver.status import DeliveryError, Status

MESSAGE = Message(b"Subject: hello\n\nhello\n")


def stores_in(home: Path) -> Stores:
    return Stores(Places(str(home)), str(home / "Maildir"))


def test_what_the_journal_cannot_say_fails_before_anything_is_stored(tmp_path: Path) -> None:
    """After the commit it would be told as 75 of a message that is there, and be delivered at each retry."""
    told: list[Status] = []
    envelope = Envelope(sender=cast(Any, object()))
    with pytest.raises(AttributeError):
        deliver(Delivery(MESSAGE, envelope, (), stores_in(tmp_path)), lambda: True, told.append)
    assert told == []
    assert not (tmp_path / "Maildir").exists()


@pytest.mark.parametrize("actions", [(), (Action("log", (("text", "x"),)),), (Action("flag", (("flags", ("x",)),)),)])
def test_a_plan_that_does_nothing_with_the_message_is_no_success(tmp_path: Path, actions: tuple[Action, ...]) -> None:
    with pytest.raises(DeliveryError) as failure:
        perform(Plan("keep", actions), MESSAGE, Envelope(), stores_in(tmp_path), lambda: True)
    assert failure.value.status.is_temporary


def test_each_store_gets_its_version_of_the_message(tmp_path: Path) -> None:
    one = (Edit("set", "Subject", "bye"),)
    two = (*one, Edit("add", "X-A", "é\nX-B: no"))
    stores = [Action("file", (("mailbox", name),), edits=edits) for name, edits in (("a", ()), ("b", one), ("c", two))]
    performed = perform(Plan("file", tuple(stores)), MESSAGE, Envelope(), stores_in(tmp_path), lambda: True)
    assert [Path(path).read_bytes() for path in performed.stored] == [
        b"Subject: hello\n\nhello\n",
        b"Subject: bye\n\nhello\n",
        b"X-A: =?utf-8?q?=C3=A9?= X-B: no\nSubject: bye\n\nhello\n",
    ]


def test_what_a_failed_store_leaves_in_the_inbox_is_the_original(tmp_path: Path) -> None:
    (tmp_path / "Maildir").mkdir()
    (tmp_path / "Maildir/.a").write_text("no mailbox")
    store = Action("file", (("mailbox", "a"),), edits=(Edit("set", "Subject", "bye"),))
    performed = perform(Plan("file", (store,)), MESSAGE, Envelope(), stores_in(tmp_path), lambda: True)
    assert [Path(path).read_bytes() for path in performed.stored] == [b"Subject: hello\n\nhello\n"]
    assert performed.problem


def test_a_discarded_message_is_a_success_without_a_copy(tmp_path: Path) -> None:
    performed = perform(Plan("discard", (Action("discard"),)), MESSAGE, Envelope(), stores_in(tmp_path), lambda: True)
    assert performed.status.is_success
    assert performed.stored == ()
