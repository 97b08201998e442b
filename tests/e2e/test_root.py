"""Root starts a delivery: it becomes the recipient, refuses, or was told a Maildir."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.conftest import skip_or_fail, skip_unless_root
from tests.peers.users import User

MESSAGE = b"From: Ann <ann@elsewhere.example>\nSubject: hello\n\nhello\n"
RULES = 'rule "Hello" when subject is "hello" { flag "Greeting" also file "Copies/{subject}" file "Hello" }\n'


def as_root(*command: str | Path, home: Path = Path("/nonexistent")) -> subprocess.CompletedProcess[bytes]:
    """Start a program as a mail system that is root would; HOME is root's, not the recipient's."""
    skip_unless_root("to deliver to other users")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LOGNAME": "root"}
    words = [str(word) for word in command]
    return subprocess.run(words, input=MESSAGE, capture_output=True, check=False, cwd="/", env=environment, timeout=60)


def said(result: subprocess.CompletedProcess[bytes]) -> tuple[int, str]:
    return result.returncode, (result.stdout + result.stderr).decode()


def test_all_that_is_made_is_the_recipients_and_nobody_elses(installed: Path, users: tuple[User, User]) -> None:
    user, _ = users
    user.write(".pydeliverrc", RULES)
    assert said(as_root(installed / "pydeliver", "-d", user.name)) == (0, "")
    assert user.mail(".Hello") == user.mail(".Copies.hello") == [MESSAGE]
    for path in user.home.rglob("*"):
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == (user.uid, user.gid), path
        if {"Maildir", "pydeliver"} & set(path.parts):
            assert not stat.S_IMODE(found.st_mode) & 0o077, path


def test_another_user_cannot_read_it(installed: Path, users: tuple[User, User]) -> None:
    """Not even where the home is open to all."""
    user, other = users
    user.home.chmod(0o755)
    assert said(as_root(installed / "pydeliver", "-d", user.name)) == (0, "")
    result = other.run(["/usr/bin/find", user.maildir / "new", "-type", "f"])
    assert result.returncode != 0
    assert result.stdout == b""


def test_nothing_of_the_users_is_touched_before_root_is_given_up(
    installed: Path, users: tuple[User, User], tmp_path: Path
) -> None:
    """By trace: groups, group, user, in that order; then the first look into the home."""
    strace = shutil.which("strace")
    if strace is None:
        skip_or_fail("strace is not installed (strace)")
        return
    user, _ = users
    user.write(".pydeliverrc", RULES)
    options = ["-f", "-o", str(tmp_path / "trace"), "-e", "trace=%file,fchown,setgroups,setresgid,setresuid"]
    assert said(as_root(strace, *options, installed / "pydeliver", "-d", user.name)) == (0, "")
    lines = [re.sub(r"\s+= ", " = ", line) for line in (tmp_path / "trace").read_text().splitlines()]
    steps = [
        next(number for number, line in enumerate(lines) if found in line)
        for found in ("setgroups(", "setresgid(", "setresuid(", f'"{user.home}')
    ]
    assert steps == sorted(steps)
    assert f"setgroups(1, [{user.gid}]) = 0" in lines[steps[0]]
    assert f"setresuid({user.uid}, {user.uid}, {user.uid}) = 0" in lines[steps[2]]
    assert "chown" not in "".join(lines)
    assert any("setresuid(0, 0, 0) = -1 EPERM" in line for line in lines[steps[2] :])


def test_the_environment_of_root_is_not_the_users(installed: Path, users: tuple[User, User]) -> None:
    """HOME and LOGNAME as root has them mean nothing for somebody else's mail."""
    user, other = users
    other.write(".pydeliverrc", 'rule "All" { discard }\n')
    assert said(as_root(installed / "pydeliver", "-d", user.name, home=other.home)) == (0, "")
    assert user.mail() == [MESSAGE]


def test_no_such_user(installed: Path) -> None:
    assert said(as_root(installed / "pydeliver", "-d", "nosuchuser")) == (67, "5.1.1 no such user\n")


def test_an_address_is_no_user_and_nothing_is_returned_for_it(installed: Path) -> None:
    """The user database says "no such user" of any address: a mail system set up so would return all mail."""
    expected = (75, "4.3.5 -d takes the name of a user, not an address\n")
    assert said(as_root(installed / "pydeliver", "-d", "ann@example.org")) == expected


def test_root_is_no_recipient(installed: Path) -> None:
    assert said(as_root(installed / "pydeliver", "-d", "root"))[0] == 75


def test_root_must_say_for_whom(installed: Path) -> None:
    expected = (75, "4.3.0 running as root: name the recipient with -d USER\n")
    assert said(as_root(installed / "pydeliver")) == expected


def test_root_may_say_where(installed: Path, tmp_path: Path) -> None:
    result = as_root(installed / "pydeliver", "--maildir", tmp_path / "Archive", home=tmp_path)
    assert said(result) == (0, "")
    assert [path.read_bytes() for path in (tmp_path / "Archive/new").iterdir()] == [MESSAGE]


@pytest.mark.parametrize(("index", "status"), [(0, 0), (1, 75)])
def test_a_user_delivers_to_no_other(installed: Path, users: tuple[User, User], index: int, status: int) -> None:
    result = users[0].run([installed / "pydeliver", "-d", users[index].name], MESSAGE)
    assert result.returncode == status
    assert users[1].mail() == []
