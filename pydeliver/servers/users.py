"""Who has mail here: the users of a passwd-file, or the one who runs the server.

`ann+lists@example.org` is looked for as it is, then without its detail, then by
its local part alone.  A file that cannot be read is a temporary failure; it is
read again when it has changed.

Does not know: passwords, sessions.
References: passwd(5), RFC 5233 (detail); Dovecot's passwd-file, whose form it has.
"""

from __future__ import annotations

import os
import pwd
from typing import Protocol

from pydeliver.address import parse_address
from pydeliver.config import ConfigError
from pydeliver.status import NO_SUCH_USER, DeliveryError, Status
from pydeliver.value import value

_HOME = 5  # name:password:uid:gid:gecos:home:shell
_LARGEST = 64 << 20


@value
class User:
    """A user, and the home directory his mail and his rules are in."""

    name: str
    home: str
    is_virtual: bool = False  # his user id is others' too


class Users(Protocol):
    """Finds a user by the address of a recipient; raises DeliveryError where there is none, or it cannot be known."""

    def find(self, address: str) -> User: ...


def names_of(address: str) -> tuple[str, ...]:
    """The names a user of this address may have, the most exact first."""
    parsed = parse_address(address)
    domain = f"@{parsed.domain}" if parsed.domain else ""
    names = (f"{parsed.local}{domain}", f"{parsed.user}{domain}", parsed.local, parsed.user)
    return tuple(dict.fromkeys([name.lower() for name in names if name]))


class OneUser:
    """Whoever runs the server has mail, and nobody else."""

    def __init__(self) -> None:
        entry = pwd.getpwuid(os.geteuid())
        self._user = User(entry.pw_name, entry.pw_dir)

    def find(self, address: str) -> User:
        if self._user.name.lower() not in names_of(address):
            raise DeliveryError(NO_SUCH_USER)
        return self._user


class PasswdFile:
    """The users of a file, a line each: `name:password:uid:gid:gecos:home:shell`, of which name and home count."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._homes: dict[str, str] = {}
        try:
            self._read()
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from error

    def find(self, address: str) -> User:
        """Return the user; raises DeliveryError, permanent only if the file can be read and does not have him."""
        try:
            self._read()
        except (OSError, ConfigError) as error:
            raise DeliveryError(Status("4.3.0", "the list of users cannot be read")) from error
        for name in names_of(address):
            if name in self._homes:
                return User(name, self._homes[name], True)
        raise DeliveryError(NO_SUCH_USER)

    def _read(self) -> None:
        found = os.stat(self._path)
        seen = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if seen == self._seen:
            return
        if found.st_size > _LARGEST:
            raise ConfigError(f"{self._path}: it is larger than {_LARGEST} octets")
        with open(self._path, encoding="utf-8", errors="replace") as file:
            self._homes = dict([_entry(self._path, number, line) for number, line in enumerate(file, 1) if _says(line)])
        self._seen = seen


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _entry(path: str, number: int, line: str) -> tuple[str, str]:
    fields = line.rstrip("\r\n").split(":")
    home = fields[_HOME] if len(fields) > _HOME else ""
    if not fields[0] or not home.startswith("/") or ".." in home.split("/"):
        form = "name:password:uid:gid:gecos:home:shell, with the whole path of a home"
        raise ConfigError(f"{path}:{number}: a user is a line {form}")
    return fields[0].lower(), home
