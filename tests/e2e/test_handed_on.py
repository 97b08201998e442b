"""procmail and maildrop hand mail on to the installed program, set up by `examples`, and its exit status back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, skip_or_fail
from tests.peers.users import User

INSTALLED_AT = "/opt/pydeliver/bin"
FILES = {"procmail": "procmailrc", "maildrop": "mailfilter"}
HELLO = b"Return-Path: <bob@elsewhere.example>\nFrom: Bob <bob@elsewhere.example>\nSubject: hello\n\nhello\n"


@pytest.fixture
def user(users: tuple[User, User]) -> User:
    """One of those made for tests: both programs go by the user database for the home."""
    return users[0]


@pytest.fixture(params=FILES)
def program(request: pytest.FixtureRequest, user: User, installed: Path) -> str:
    name = str(request.param)
    found = shutil.which(name)
    if found is None:
        skip_or_fail(f"{name} is not installed ({name})")
    text = (ROOT / "examples" / name / FILES[name]).read_text().replace(INSTALLED_AT, str(installed))
    user.home.chmod(0o700)
    user.write(f".{FILES[name]}", text).chmod(0o600)
    return str(found)


def start(program: str, user: User) -> tuple[int, str]:
    """Start it as a mail server does for this user; its exit status and output."""
    options = [str(user.home / ".mailfilter")] if program.endswith("maildrop") else [str(user.home / ".procmailrc")]
    ended = user.run([program, *options], HELLO)
    return ended.returncode, (ended.stdout + ended.stderr).decode()


def test_it_does_what_the_rules_say(program: str, user: User) -> None:
    user.write(".pydeliverrc", 'rule when envelope.sender is "bob@elsewhere.example" { file "Bob" }\n')
    assert start(program, user) == (0, "")
    assert user.mail(".Bob") == [HELLO]


@pytest.mark.parametrize(
    ("rule", "status", "text"),
    [('reject "5.7.1 no circulars, please"', 77, "5.7.1 no circulars"), ('defer "4.7.0 not before noon"', 75, "4.7.0")],
)
def test_its_status_is_handed_back(program: str, user: User, rule: str, status: int, text: str) -> None:
    """And nothing is stored anywhere."""
    user.write(".pydeliverrc", f"rule {{ {rule} }}\n")
    ended, said = start(program, user)
    assert ended == status
    assert text in said or program.endswith("procmail")
    assert not user.maildir.exists()


def test_without_the_program_it_asks_for_another_attempt(program: str, user: User, installed: Path) -> None:
    file = next(user.home / f".{name}" for name in FILES.values() if (user.home / f".{name}").exists())
    file.write_text(file.read_text().replace(str(installed), "/nonexistent"))
    ended, _ = start(program, user)
    assert ended == 75
