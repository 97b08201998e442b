"""The mailboxes that expansions made today: a message must not fill a home with them.

One line each, its day first; a new day begins the file anew.  It is kept after
the verdict: a count lost to a kill lets one mailbox more be made, no message is
held up by it.

Does not know: what may be made; see `engine/evaluate`.
"""

from __future__ import annotations

import os
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.state.places import Places

_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_OCTETS = 1 << 20  # read of the file; a day's lines are far less


def count_today(places: Places, now: float) -> int:
    """How many were made today; none where the file cannot be read."""
    try:
        file = os.open(places.new_mailboxes, os.O_RDONLY | _FLAGS)
    except OSError:
        return 0
    try:
        return _count(file, _day(now))
    except OSError:
        return 0
    finally:
        os.close(file)


def record(places: Places, made: tuple[tuple[str, object], ...], now: float) -> None:
    """Note what was made, by kind and place; what cannot be written is not counted."""
    day = _day(now)
    lines = "".join([f"{day} {kind} {str(place)!a}\n" for kind, place in made])
    try:
        places.make_state()
        file = os.open(places.new_mailboxes, os.O_RDWR | os.O_APPEND | os.O_CREAT | _FLAGS, 0o600)
    except OSError:
        return
    try:
        if not _count(file, day):
            os.ftruncate(file, 0)
        os.write(file, lines.encode())
    except OSError:
        return
    finally:
        os.close(file)


def _day(now: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(now))


def _count(file: int, day: str) -> int:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise OSError("it is no plain file of one name")
    start = f"{day} ".encode()
    return sum([line.startswith(start) for line in os.pread(file, _OCTETS, 0).splitlines()])
