"""The rules of users, kept ready while the files they came from stay as they are.

A file that has changed in the last moments is not trusted to have another time
when it changes again, so what was read of it is used once.

Does not know: what rules say.
"""

from __future__ import annotations

import os
import time

from pydeliver.delivery.prepare import Prepared, prepare
from pydeliver.servers.users import User
from pydeliver.state.places import Places
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pydeliver.config import Setting

    Mark: TypeAlias = tuple[int, ...] | None

_MOST = 1_000  # users; then all are read again
_SETTLED = 2.0  # seconds since the last change of a file; its times are no finer on some file systems


@value
class NoOptions:
    """Rules, Maildir and system rules are as the settings say."""

    rules: str | None = None
    maildir: str | None = None
    no_system: bool = False


class Rules:
    """What `prepare` says of each user."""

    def __init__(self, settings: dict[str, Setting]) -> None:
        self._settings = settings
        self._kept: dict[User, tuple[Prepared, list[Mark]]] = {}

    def of(self, user: User) -> Prepared:
        known = self._kept.get(user)
        if known is not None and [_mark(path) for path in known[0].files] == known[1]:
            return known[0]
        started = time.time()
        prepared = prepare(Places(user.home, user.is_virtual), self._settings, NoOptions(), may_store=True)
        marks = [_mark(path) for path in prepared.files]
        latest = max([mark[-1] for mark in marks if mark is not None], default=0) / 1e9
        self._kept.pop(user, None)
        if latest < started - _SETTLED and not prepared.problems:  # what is wrong may be mended in other places
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[user] = (prepared, marks)
        return prepared


def _mark(path: str) -> Mark:
    """What changes with a file; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mode, found.st_uid, found.st_mtime_ns, found.st_ctime_ns
