"""The journal: one JSON line a delivery, written whole by one write.

It is opened before a message becomes visible and written after, so that only
one system call lies between.  A journal that cannot be written never changes
what becomes of a message.

Does not know: what the line says.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.state.places import Places

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def open_journal(places: Places) -> int | None:
    """Return a descriptor to append to, or None where there can be none."""
    try:
        return _opened(places.journal)
    except FileNotFoundError:
        pass
    except OSError:
        return None
    try:
        places.make_state()
        return _opened(places.journal)
    except OSError:
        return None


def _opened(path: str) -> int | None:
    """Open a plain file of one name: a hard link or a device in its place is not written to."""
    journal = os.open(path, _APPEND, 0o600)
    found = os.fstat(journal)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return journal
    os.close(journal)
    return None


def write_line(journal: int | None, line: str) -> bool:
    """Append a line; whether it was written whole."""
    if journal is None:
        return False
    raw = line.encode() + b"\n"
    try:
        return os.write(journal, raw) == len(raw)
    except OSError:
        return False
