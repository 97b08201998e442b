"""A process that delivers many messages holds no descriptor of one that is over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pydeliver.delivery.deliver import Delivery, deliver
from pydeliver.delivery.perform import Stores
from pydeliver.envelope import Envelope
from pydeliver.mailbox.maildir import Staged
from pydeliver.mailbox.mbox import Appended
from pydeliver.mailbox.mh import Numbered
from pydeliver.message.view import Message
from pydeliver.rules.load import compile_text
from pydeliver.rules.source import Source
from pydeliver.state.places import Places
from pydeliver.status import Status

PLANS = {
    "kept": ("", "2.0.0"),
    "two stores, one with a keyword": ('rule { flag "$Junk" also file "A" file "B" }', "2.0.0"),
    "mbox and MH": ('rule { also file mbox "mbox" file mh "Mail/in" }', "2.0.0"),
    "a mailbox a message names": ('rule { file "{subject}" }', "2.0.0"),
    "a store that fails, and a notice": ('rule { file maildir "file/x" }', "2.0.0"),
    "rejected": ('rule { reject "5.7.1 no" }', "5.7.1"),
    "deferred": ('rule { defer "4.7.1 later" }', "4.7.1"),
    "discarded": ("rule { discard }", "2.0.0"),
    "nobody waits": ("", "4.3.0"),
}


@pytest.mark.parametrize("plan", PLANS)
def test_nothing_stays_open(tmp_path: Path, plan: str) -> None:
    rules, code = PLANS[plan]
    (tmp_path / "file").write_text("no directory")
    stores = Stores(Places(str(tmp_path)), str(tmp_path / "Maildir"))
    programs = (("user", compile_text(Source("rules", rules))),)
    delivery = Delivery(Message(b"Subject: hello\n\nhello\n"), Envelope(), programs, stores)
    told: list[Status] = []
    deliver(delivery, lambda: plan != "nobody waits", told.append)
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        deliver(delivery, lambda: plan != "nobody waits", told.append)
    assert set(os.listdir("/proc/self/fd")) == before
    assert [status.code for status in told] == [code] * 4


@pytest.mark.parametrize("kind", ["mailbox", "mbox", "mh"])
def test_a_failure_that_nobody_foresaw_leaves_nothing_and_locks_nobody_out(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = {"mailbox": "", "mbox": 'inbox mbox "mbox"', "mh": 'inbox mh "Mail"'}[kind]
    program = compile_text(Source("rules", rules))
    stores = Stores(Places(str(tmp_path)), str(tmp_path / "Maildir"), program.setting("inbox"))
    delivery = Delivery(Message(b"Subject: hello\n\nhello\n"), Envelope(), (("user", program),), stores)
    told: list[Status] = []
    deliver(delivery, lambda: True, told.append)
    before = set(os.listdir("/proc/self/fd")), everything(tmp_path)
    with monkeypatch.context() as failing:
        for staged in (Staged, Appended, Numbered):
            failing.setattr(staged, "commit", _fail)
        with pytest.raises(RuntimeError):
            deliver(delivery, lambda: True, told.append)
    assert (set(os.listdir("/proc/self/fd")), everything(tmp_path)) == before
    deliver(delivery, lambda: True, told.append)
    assert [status.code for status in told] == ["2.0.0", "2.0.0"]


def _fail(staged: object) -> str:
    raise RuntimeError("a mistake of ours")


def everything(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file() and ".local" not in str(path)}
