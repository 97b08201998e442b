"""Compiled copies: what was made of a file, kept so that it need not be made again.

A copy holds the octets it was made from and is taken only if they are equal,
if our version and Python's are the same, and if it belongs to one of the
`owners` and nobody else can write it: it is unmarshalled.  A copy that is cut
short or damaged is no copy.  One that cannot be stored is made again the next
time; that is never an error.

Does not know: what is kept.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from binascii import crc32
from marshal import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SYSTEM_COPIES = "/var/cache/pydeliver"  # of what the administrator wrote: root's, for a user could forge his own
_READ_ONLY = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DAMAGED = (OSError, EOFError, ValueError, TypeError)  # loads raises the last three


def _version() -> tuple[Any, ...]:
    from pydeliver import __version__

    return (__version__, sys.hexversion)


def read_copy(path: str, owners: tuple[int, ...]) -> dict[str, Any] | None:
    """Return what was stored at `path`, if it can be trusted and is of this version."""
    try:
        descriptor = os.open(path, _READ_ONLY)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o022:
            return None
        raw = os.read(descriptor, found.st_size + 1)
        payload = memoryview(raw)[4:]
        if len(raw) != found.st_size or crc32(payload) != int.from_bytes(raw[:4], "big"):
            return None
        version, known = loads(payload)
    except _DAMAGED:
        return None
    finally:
        os.close(descriptor)
    return known if version == _version() else None


def store_copy(path: str, known: dict[str, Any], mode: int = 0o600) -> None:
    """Put a copy in place whole, or leave the one that is there."""
    payload = dumps((_version(), known))
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), 0o755 if mode & 0o044 else 0o700, exist_ok=True)
        descriptor = os.open(temporary, _CREATE, mode)
    except OSError:
        return
    try:
        written = os.write(descriptor, crc32(payload).to_bytes(4, "big") + payload)
        if written != len(payload) + 4:
            raise OSError(errno.ENOSPC, "the copy was cut short")
        os.fchmod(descriptor, mode)
        os.rename(temporary, path)
    except OSError:
        _unlink(temporary)
    finally:
        os.close(descriptor)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
