"""Answer whether values are in a list file.

A small file is read; a large one is asked by its index, which is made anew
when the file has changed.  Where none can be stored, or may be, as in a dry
run, the file is read and asked in memory: the answer is the same.

Does not know: how an index is laid out, nor what follows from an answer.
"""

from __future__ import annotations

import os
import time
from binascii import crc32

from pydeliver import limits
from pydeliver.copies import SYSTEM_COPIES
from pydeliver.state.listfile import Entries, ListError, identity_of, keys_of, open_list, read_entries
from pydeliver.state.listindex import Damaged, Index, open_index, store_index
from pydeliver.state.places import OutsideHome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.delivery.perform import Stores
    from pydeliver.engine.facts import Question


class Lists:
    """The list files that one delivery asks; one that must be read is read once."""

    def __init__(self, stores: Stores, may_store: bool) -> None:
        self._stores, self._places, self._may_store = stores, stores.places, may_store
        self._entries: dict[str, Entries] = {}

    def answer(self, question: Question) -> bool | str:
        """Whether one of the values, or every one, is in the list; or why that cannot be said."""
        word, _, written, *values = question
        try:
            path, every = self._stores.path(written, by=written), word == "every in list"
            index = self._index(path) if path not in self._entries else None
            if index is not None:
                try:
                    return _holds(index, values, every)
                except Damaged:
                    pass  # made anew below
                finally:
                    index.close()
            if path not in self._entries:
                self._entries[path] = _read(path, _index(self._places.state, path) if self._may_store else "")
            return _holds(self._entries[path], values, every)
        except ListError as error:
            return str(error)
        except OutsideHome as error:
            return str(error.strerror)

    def _index(self, path: str) -> Index | None:
        """The index of a list that is worth one, if there is one of the file as it is."""
        descriptor = open_list(path)
        try:
            identity = identity_of(descriptor)
        finally:
            os.close(descriptor)
        for index, owners in self._indices(path) if identity[0] > limits.LIST_OCTETS_READ else ():
            found = open_index(index, owners, path, identity)
            if found is not None:
                return found
        return None

    def _indices(self, path: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Where an index of the list may be, and whose it must be: what root made for all users, and the user's own."""
        return ((_index(SYSTEM_COPIES, path), (0,)), (_index(self._places.state, path), (0, os.geteuid())))


def renew_system_index(path: str) -> None:
    """Make the index of a list that the system's rules ask, for every user who may read the list."""
    try:
        _read(path, _index(SYSTEM_COPIES, path), 0o644)
    except ListError:
        return  # whoever asks it is told


def _index(directory: str, path: str) -> str:
    return f"{directory}/lists/{crc32(os.fsencode(path)):08x}"


def _read(path: str, index: str, mode: int = 0o600) -> Entries:
    """Read the file, and make its index anew if it is worth one and there is a place for it.

    Who may not read the list may not read its index either.
    """
    descriptor, read = open_list(path), time.time_ns()
    try:
        identity = identity_of(descriptor)
        entries = read_entries(descriptor)
        is_whole = identity_of(descriptor) == identity
        mode &= os.fstat(descriptor).st_mode | 0o600
    finally:
        os.close(descriptor)
    if index and is_whole and identity[0] > limits.LIST_OCTETS_READ:
        store_index(index, entries, path, identity, read, mode)
    return entries


def _holds(entries: Entries | Index, values: list[str], every: bool) -> bool:
    return (all if every else any)(_is_member(entries, said) for said in values)


def _is_member(entries: Entries | Index, said: str) -> bool:
    """Whether a value is in the list; none is of several lines."""
    if any(b"\n" not in key and entries.contains(key) for key in keys_of(said, entries.shapes)):
        return True
    return bool(entries.globs) and _fits(entries.globs, said)


def _fits(globs: list[str], said: str) -> bool:
    from pydeliver.engine.match import match_glob
    from pydeliver.rules.patterns import parse_glob

    return any([match_glob(parse_glob(glob), said) is not None for glob in globs])
