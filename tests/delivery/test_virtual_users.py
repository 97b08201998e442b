"""Two virtual users of one user id: no rule of one reaches the other's mail, or anybody's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from pydeliver.config import load_settings
from pydeliver.delivery.commands import Commands, refusal
from pydeliver.delivery.deliver import Delivery, deliver
from pydeliver.delivery.prepare import prepare
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message
from pydeliver.state.places import OutsideHome, Places
from pydeliver.status import Status
from pydeliver.value import replace

HELLO = b"From: bob@example.net\nSubject: ../carl/Maildir\n\nhello\n"
WAYS = {
    "a Maildir beside": 'rule { file maildir "../carl/Maildir" }',
    "a Maildir by its whole path": 'rule { file maildir "{HOME}/carl/Maildir" }',
    "a Maildir by the home": 'rule { file maildir "~/../carl/Maildir" }',
    "a Maildir through a link": 'rule { file maildir "~/link/Maildir" }',
    "a Maildir in the middle": 'rule { file maildir "Maildir/../../carl/Maildir" }',
    "an mbox": 'rule { file mbox "../carl/mbox" }',
    "an mbox through a link": 'rule { file mbox "link/mbox" }',
    "an MH folder": 'rule { file mh "../carl/Mail" }',
    "a copy": 'rule { also file maildir "../carl/Maildir" }',
    "the setting maildir": 'maildir "../carl/Maildir"',
    "the setting maildir, a link": 'maildir "link/Maildir"',
    "the setting inbox": 'inbox maildir "../carl/Maildir"',
    "the setting inbox, an mbox": 'inbox mbox "../carl/mbox"',
    "an expansion": 'rule { file maildir "{subject}" }',
    "a mailbox name": 'rule { file "{subject}" }',
    "an include": 'include "../carl/.pydeliverrc"',
    "an include through a link": 'include "link/.pydeliverrc"',
    "a list": 'list secret from "../carl/secret"\nrule when "x" in secret { file "Known" }',
    "a list through a link": 'list secret from "link/secret"\nrule when "x" in secret { file "Known" }',
    "its own state": 'rule { file mbox "~/.pydeliver/program" }',
    "its own state, a Maildir": 'rule { file maildir "~/.pydeliver/lists" }',
    "the system": 'rule { file mbox "/tmp/../{HOME}/carl/mbox" }',
}


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    carl = tmp_path / "carl"
    (carl / "Maildir/new").mkdir(parents=True)
    (carl / "Maildir/new/1.letter").write_text("Subject: mine\n")
    (carl / "mbox").write_text("From x\nSubject: mine\n\n")
    (carl / "secret").write_text("x\n")
    (carl / ".pydeliverrc").write_text('rule { file "Carls" }\n')
    for path in (carl / "mbox", carl / "secret", carl / ".pydeliverrc"):
        path.chmod(0o600)
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann/link").symlink_to(carl)
    return tmp_path


def everything(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in home.rglob("*")}


@pytest.mark.parametrize("way", WAYS)
def test_no_rule_reaches_another_home(homes: Path, way: str) -> None:
    before = everything(homes / "carl")
    rules = homes / "ann/.pydeliverrc"
    rules.write_text(WAYS[way].replace("{HOME}", str(homes)) + "\n")
    rules.chmod(0o600)
    places, told = Places(str(homes / "ann"), is_virtual=True), list[Status]()
    prepared = prepare(places, load_settings(), _Chosen(), may_store=True)
    delivery = Delivery(Message(HELLO), Envelope(), prepared.programs, prepared.stores, prepared.problems, False)
    deliver(delivery, lambda: True, told.append)
    assert [status.code for status in told] == ["2.0.0"]
    assert everything(homes / "carl") == before
    stored = [path for path in (homes / "ann").rglob("new/*") if path.is_file()]
    assert [path.read_bytes() for path in stored] == [HELLO]
    assert "Known" not in str(stored[0])
    assert "Carls" not in str(stored[0])
    assert {path.parent.name for path in (homes / "ann/.pydeliver").rglob("*")} <= {".pydeliver", "mbox"}


class _Chosen:
    rules = maildir = None
    no_system = True


class _WithSystem(_Chosen):
    no_system = False


def test_the_systems_rules_are_held_to_no_home(homes: Path) -> None:
    """What the administrator wrote may name any path, for a virtual user too."""
    before = homes / "before.rules"
    before.write_text(
        f'list known from "{homes}/carl/secret"\n'
        f'rule when "x" in known {{ also file maildir "{homes}/archive" also file mbox "{homes}/all" }}\n'
    )
    before.chmod(0o600)
    settings = {**load_settings(), "before_rules": str(before)}
    places, told = Places(str(homes / "ann"), is_virtual=True), list[Status]()
    prepared = prepare(places, settings, _WithSystem(), may_store=True)
    delivery = Delivery(Message(HELLO), Envelope(), prepared.programs, prepared.stores, prepared.problems, False)
    deliver(delivery, lambda: True, told.append)
    assert [status.code for status in told] == ["2.0.0"]
    assert len(list((homes / "archive/new").iterdir())) == 1
    assert (homes / "all").stat().st_size > len(HELLO)
    assert len(list((homes / "ann/Maildir/new").iterdir())) == 1


@pytest.mark.parametrize(
    ("word", "allowed", "may"),
    [
        ("run", "allowed", False),
        ("pipe", "allowed", False),
        ("rewrite", "allowed", False),
        ("run", ("/bin/true",), True),
        ("redirect", "allowed", True),
    ],
)
def test_programs_run_for_him_only_where_the_administrator_names_them(
    word: str, allowed: object, may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1234)  # root runs none at all
    settings = {**load_settings(), word: allowed}
    commands = Commands("ann", "/home/ann", Envelope(), cast(Any, settings), 0.0, is_virtual=True)
    assert (refusal(commands, word, ("/bin/true",)) == "") == may
    assert refusal(replace(commands, is_virtual=False), word, ("/bin/true",)) == ""


def test_a_user_of_his_own_may_use_every_path(tmp_path: Path) -> None:
    assert Places(str(tmp_path)).of_rules("../x") == str(tmp_path.parent / "x")
    with pytest.raises(OutsideHome):
        Places(str(tmp_path), is_virtual=True).of_rules("../x")


def test_his_own_home_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "real")
    places = Places(str(tmp_path / "home"), is_virtual=True)
    assert places.of_rules("~/Mail/x") == str(tmp_path / "home/Mail/x")
    assert places.of_rules(".") == str(tmp_path / "home")
