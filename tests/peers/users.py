"""Two plain users of this machine, for whatever must not be root.

Made by `useradd -m` if they are not there, and left there.  Nothing in their
homes is kept: they are emptied before each use.  Only one test run at a time
has them; another waits.

Does not know: what is run as them.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

NAMES = ("pydeliver-a", "pydeliver-b")
_LOCK = "/var/tmp/pydeliver-test-users.lock"


class User:
    """Somebody with a home directory; `home` need not be the one in the user database."""

    def __init__(self, name: str, home: Path) -> None:
        entry = pwd.getpwnam(name)
        self.name = name
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        self.home = home

    @property
    def maildir(self) -> Path:
        return self.home / "Maildir"

    def mail(self, mailbox: str = "") -> list[bytes]:
        """The messages in `new` of a mailbox (its directory's name, as `.Lists`), in the order of their names."""
        return [path.read_bytes() for path in sorted((self.maildir / mailbox / "new").glob("*"))]

    def write(self, name: str, text: str) -> Path:
        """A file of the user's own below the home."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        for made in [path, *path.parents]:
            if made == self.home:
                break
            os.chown(made, self.uid, self.gid)
        return path

    def command(self, command: Sequence[str | Path]) -> list[str]:
        """The command that runs `command` as this user with the groups of a log-in."""
        words = [str(word) for word in command]
        if os.geteuid() == self.uid:
            return words
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups", *words]

    def run(
        self, command: Sequence[str | Path], raw: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run as this user, in a directory that is not his and with a mail system's poor environment."""
        return subprocess.run(
            self.command(command),
            input=raw,
            capture_output=True,
            check=False,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LOGNAME": self.name, **(variables or {})},
            timeout=120,
        )


@contextmanager
def plain_users() -> Iterator[tuple[User, User]]:
    """The two users with empty homes; needs root."""
    with open(_LOCK, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_users()
        first, second = [_user(name) for name in NAMES]
        yield first, second


def make_users() -> None:
    """Make those that are not there; for a server that must know them before its first test does."""
    for name in NAMES:
        try:
            pwd.getpwnam(name)
        except KeyError:
            subprocess.run(["useradd", "-m", name], check=True, capture_output=True)


def _user(name: str) -> User:
    home = Path(pwd.getpwnam(name).pw_dir)
    user = User(name, home)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700)
    os.chown(home, user.uid, user.gid)
    return user
