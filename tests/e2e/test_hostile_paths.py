"""Names that a sender chose, in the path of every store: nothing is made or changed outside of the mail directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from email.header import Header
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pydeliver.delivery.answer import answers_from, decide
from pydeliver.delivery.perform import Performed, Stores, perform
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message
from pydeliver.plan import Plan
from pydeliver.rules.load import compile_text
from pydeliver.rules.source import Source
from pydeliver.state.places import Places
from tests.conftest import skip_unless_root

if TYPE_CHECKING:
    from pydeliver.engine.facts import Answer, Question

NAMES = [
    *("..", ".", "../../etc/passwd", "/etc/passwd", "/", "//", "...", "./.", "../..", "a/../../b"),
    *("~", "~root", "~/x", "-rf", "--", "|touch escaped", "`touch escaped`", "$(touch escaped)", "$HOME", "; touch x"),
    *("a\0b", "\0", "a\r\nb", "\x1b[2J", "\u202egnp.exe", "\u2028", "x" * 5000, "é" * 300, "𝔘" * 200, "台北" * 100),
    *(
        "cur",
        "new",
        "tmp",
        "1",
        "box",
        "box.lock",
        ".mh_sequences",
        ".",
        " ",
        "\t",
        "link",
        "outside",
        "fifo",
        "%2e%2e",
    ),
    *("＼／．．", "a\ud800b", "\u0000\u0001", "CON", "*", "?", "[a-z]", "{subject}", '"', "'", "\\", "a:2,S"),
]
STORES = ["mbox", "mh", "maildir", ""]
TEMPLATES = {
    "mbox": ('file mbox "~/mail/{subject}"', 'file mbox "~/mail/{subject}/box"', 'file mbox "mail/pre{subject}post"'),
    "mh": ('file mh "~/mail/{subject}"', 'file mh "~/mail/a/{subject}/b"', 'file mh "mail/pre{subject}post"'),
    "maildir": ('file maildir "~/mail/{subject}"', 'file maildir "mail/{subject}/b"'),
    "": ('file "{subject}"', 'file "a/{subject}/b"'),
}
ENVELOPE = Envelope("bob@example.net", "ann@example.org")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose mail directory holds what a name could run into; all beside it must stay as it is."""
    home = tmp_path / "home"
    (home / "mail").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    (home / "mail/link").symlink_to(tmp_path / "outside/secret")
    (home / "mail/outside").symlink_to(tmp_path / "outside/new")
    os.mkfifo(home / "mail/fifo")
    yield home
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "outside"]
    assert os.listdir(tmp_path / "outside") == ["secret"]
    assert (tmp_path / "outside/secret").read_text() == "secret"


def planned(rules: str, raw: bytes, stores: Stores) -> Plan:
    program = compile_text(Source("rules", rules), "user")
    answers = answers_from(stores)

    def answer(question: Question) -> Answer:
        return 0 if question[0] == "made today" else answers(question)

    return decide((("user", program),), Message(raw), ENVELOPE, answer)


def performed(home: Path, rules: str, name: str) -> Performed:
    stores = Stores(Places(str(home)), str(home / "Maildir"))
    subject = Header(name.encode("utf-8", "replace"), "utf-8", maxlinelen=10**6).encode().encode()
    raw = b"Subject: " + subject + b"\n\nbody\n"
    performed = perform(planned(f"rule {{ {rules} }}", raw, stores), Message(raw), ENVELOPE, stores, lambda: True)
    performed.close()
    return performed


@pytest.mark.parametrize("kind", STORES, ids=lambda kind: kind or "mailbox")
def test_no_name_leads_out_of_the_mail_directory(home: Path, kind: str) -> None:
    """And each is stored once, in the inbox if its mailbox cannot be."""
    tried = 0
    for turn, template in enumerate(TEMPLATES[kind]):
        for name in NAMES[turn :: 1 if turn == 0 else 4]:
            done = performed(home, template, name)
            assert done.status.is_success
            (path,) = done.stored
            real = os.path.realpath(path)
            assert real.startswith((f"{home}/mail/", f"{home}/Maildir/")), (template, name, path)
            assert b"body\n" in Path(real).read_bytes()
            tried += 1
    assert tried >= 60
    assert {path.name for path in home.iterdir()} <= {"mail", "Maildir", ".local"}
    assert not list(home.rglob("*.lock"))
    assert not list(Path.cwd().glob("escaped*"))


@pytest.mark.parametrize("kind", ["mbox", "mh"])
def test_a_directory_that_another_swapped_for_a_link_is_not_entered(home: Path, kind: str) -> None:
    skip_unless_root("to make a link of another's")
    swapped = home / "mail/swapped"
    for number in range(50):
        if number % 2:
            swapped.symlink_to(home.parent / "outside")
            os.chown(swapped, 65534, 65534, follow_symlinks=False)
        else:
            swapped.mkdir()
        done = performed(home, f'file {kind} "~/mail/swapped/{{subject}}"', f"n{number}")
        assert done.status.is_success
        assert bool(done.problem) is bool(number % 2)
        if swapped.is_symlink():
            swapped.unlink()
        else:
            swapped.rename(home / f"mail/was-{number}")
