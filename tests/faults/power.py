"""What a power cut may leave of a delivery, by the system calls it had made until then.

Two models of a file system.  POSIX promises that an fsync of a file keeps its
data and an fsync of a directory its entries: of all else, any part may be
there and any part not.  A journal keeps order: an fsync of anything keeps every
change of a directory made before it, and of the later ones a beginning.  In
neither is a file's data there before its own fsync.

Does not know: which file system is used.
References: Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014).
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.faults.trace import Call

_DESCRIPTOR = re.compile(r"^(\d+)")
_AT = re.compile(r"(?:AT_FDCWD|\d+)<([^>]*)>, \"((?:[^\"\\]|\\.)*)\"")
_OPEN_BY_NUMBER = re.compile(r"/proc/self/fd/(\d+)")
MOST_PENDING = 14  # 2 ** 14 states are looked at


class File:
    """A file's octets: written, and known to be on the disk."""

    def __init__(self) -> None:
        self.written = self.synced = 0


class Change(NamedTuple):
    """One change of directory entries, whole or not at all: the entries made, and those removed."""

    made: tuple[tuple[str, File | None], ...]  # None: a directory
    removed: tuple[str, ...] = ()

    @property
    def directories(self) -> set[str]:
        return {posixpath.dirname(path) for path in (*(path for path, _ in self.made), *self.removed)}


class Disk:
    """What was done to directories up to now, what of it is sure, and what the power may take."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.synced_directories: list[bool] = []  # of each change: whether POSIX promises it
        self.ordered = 0  # so many changes a journal promises
        self._open: dict[tuple[int, int], File | None] = {}

    def play(self, calls: Iterable[Call]) -> Disk:
        for call in calls:
            if call.succeeded and (play := getattr(self, f"_{call.name}", None)):
                play(call)
        return self

    # ------------------------------------------------------------ calls

    def _openat(self, call: Call) -> None:
        found = _DESCRIPTOR.match(call.result)
        assert found
        key = (call.process, int(found[1]))
        if "O_TMPFILE" in call.arguments:
            self._open[key] = File()
        elif "O_CREAT" in call.arguments:
            self._open[key] = file = File()
            self._change(((_path(call), file),))
        else:
            self._open.pop(key, None)

    def _write(self, call: Call) -> None:
        if file := self._file(call):
            file.written += int(call.result)

    def _fsync(self, call: Call) -> None:
        self.ordered = len(self.changes)
        if file := self._file(call):
            file.synced = file.written
            return
        (directory,) = call.paths
        for place, change in enumerate(self.changes):
            if directory in change.directories:
                self.synced_directories[place] = True

    _fdatasync = _fsync

    def _linkat(self, call: Call) -> None:
        source = _OPEN_BY_NUMBER.search(call.arguments)
        assert source, call
        self._change(((_path(call, -1), self._open[call.process, int(source[1])]),))

    def _mkdirat(self, call: Call) -> None:
        self._change(((_path(call), None),))

    def _mkdir(self, call: Call) -> None:
        self._change(((call.texts[0], None),))

    def _renameat(self, call: Call) -> None:
        old, new = _path(call), _path(call, -1)
        self._change(((new, self._named(old)),), (old,))

    def _rename(self, call: Call) -> None:
        old, new = call.texts
        self._change(((new, self._named(old)),), (old,))

    def _unlinkat(self, call: Call) -> None:
        self._change((), (_path(call),))

    def _unlink(self, call: Call) -> None:
        self._change((), (call.texts[0],))

    # ------------------------------------------------------------ states

    def states_by_posix(self) -> Iterator[list[Change]]:
        """Every set of changes that may have survived."""
        pending = [place for place, synced in enumerate(self.synced_directories) if not synced]
        assert len(pending) <= MOST_PENDING, [self.changes[place] for place in pending]
        for lost in itertools.chain.from_iterable(
            itertools.combinations(pending, count) for count in range(len(pending) + 1)
        ):
            yield [change for place, change in enumerate(self.changes) if place not in lost]

    def states_by_journal(self) -> Iterator[list[Change]]:
        for survived in range(self.ordered, len(self.changes) + 1):
            yield self.changes[:survived]

    def _change(self, made: tuple[tuple[str, File | None], ...], removed: tuple[str, ...] = ()) -> None:
        self.changes.append(Change(made, removed))
        self.synced_directories.append(False)

    def _file(self, call: Call) -> File | None:
        found = _DESCRIPTOR.match(call.arguments)
        return self._open.get((call.process, int(found[1]))) if found else None

    def _named(self, path: str) -> File | None:
        return next((file for change in reversed(self.changes) for name, file in change.made if name == path), None)


def losing_states(
    disk: Disk, states: Iterable[list[Change]], directories: Iterable[str], octets: int
) -> tuple[int, int]:
    """How many states there are, and in how many one of these directories has no whole file of that size."""
    wanted = list(directories)
    made_here = {path for change in disk.changes for path, file in change.made if file is None}
    count = losing = 0
    for state in states:
        count += 1
        losing += not all(_holds(state, made_here, directory, octets) for directory in wanted)
    return count, losing


def _holds(state: list[Change], made_here: set[str], directory: str, octets: int) -> bool:
    entries: dict[str, File | None] = {}
    for change in state:
        for path in change.removed:
            entries.pop(path, None)
        entries.update(change.made)
    above = directory
    while above != "/":
        if above in made_here and above not in entries:
            return False
        above = posixpath.dirname(above)
    return any(
        posixpath.dirname(path) == directory and file is not None and file.synced == file.written == octets
        for path, file in entries.items()
    )


def _path(call: Call, which: int = 0) -> str:
    directory, name = _AT.findall(call.arguments)[which]
    return f"{directory}/{name}"
