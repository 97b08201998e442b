"""MH: a message becomes the next numbered file of a folder, whole and durable, or nothing is to be seen of it.

`stage` writes and syncs a file without a name; `commit` links it to the number
after the highest, and if another delivery was quicker, to the one after that.
Before that, the number goes into the sequences that show its flags: `unseen`
unless it is seen, `flagged` and `replied` as mutt and Python have them, and
those of its keywords that can be names of sequences.  A number without a message
means nothing to a reader, and the next delivery, which gets that number, takes
it out again; so little is left to do once the message is there, and a kill
seldom makes a second copy.  `.mh_sequences` is changed in place, by one write,
under the fcntl lock that nmh takes and the dot-lock that Python takes.  If that
cannot be done the message is stored all the same, and a note says so.

Does not know: messages, or what a user's MH profile says.
References: nmh's mh-format(5), mh-sequence(5), rcvstore(1).
"""

from __future__ import annotations

import errno
import fcntl
import os
import posixpath

from pydeliver.flags import flag_mistake
from pydeliver.limits import MH_NUMBER, RULE_FILE_OCTETS, SEQUENCE_LOCK_WAIT
from pydeliver.mailbox.directory import open_path, sync_path
from pydeliver.mailbox.lock import open_locked
from pydeliver.mailbox.maildir import NEW_FILE, is_name_of, link_unnamed, open_unnamed, pieces, unique_name, write_piece
from pydeliver.mailbox.tree import close, on_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Ranges = list[tuple[int, int]]

__all__ = ["Mh", "Numbered"]

_SEQUENCES = ".mh_sequences"
_OF_FLAGS = {"\\flagged": "flagged", "\\answered": "replied"}
_KEPT_NAMES = ("all", "cur", "first", "last", "new", "next", "prev", "unseen", "flagged", "replied")
_MAILDIR = {"cur", "new", "tmp"}
_NUMBERS_TRIED = 1000  # as many deliveries may be quicker, each once


class Mh:
    """An MH folder by its path, made at the first store if it is missing."""

    def __init__(self, path: str) -> None:
        self.path = path

    def stage(self, chunks: Iterable[bytes | memoryview], flags: tuple[str, ...] = ()) -> Numbered:
        """Write and sync a message that no reader sees yet; on any exception nothing of it remains."""
        names, notes = _sequence_names(flags)
        folder = open_path(self.path, create=True)
        staged = Numbered(self.path, folder, names, notes)
        with on_failure(staged.undo):
            staged._write(chunks)
        return staged


class Numbered:
    """A message that is on the disk but in no folder until `commit`; it holds descriptors until `close` or `undo`."""

    is_locked = False

    def __init__(self, path: str, folder: int, names: tuple[str, ...], notes: tuple[str, ...]) -> None:
        self.notes = notes
        self._path, self._folder, self._names_of_sequences = path, folder, names
        self._sequences: _Sequences | None = None
        self._file = self._listing = -1
        self._temporary = ""  # in the folder, where the file needs a name
        self._number = 0
        self._said = 0  # the number that the sequences have

    def commit(self) -> str:
        """Give the message its number, durably, and say where it is.  After an OSError `undo` takes it back."""
        self._mark(self._open_sequences)
        self._listing = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._folder)
        last = _last_number(os.listdir(self._listing))
        if not last:
            sync_path(self._folder)  # it may be new, made by us or by one that was killed
        self._number = self._link(last + 1)
        os.fsync(self._listing)
        self._release_sequences()  # others may wait for them
        if self._temporary:
            _unlink(self._temporary, self._folder)
            self._temporary = ""
        return posixpath.join(self._path, str(self._number))

    def undo(self) -> None:
        """Remove what was staged, committed or not, as far as the file system lets us; never raises."""
        if self._number and is_name_of(str(self._number), self._folder, self._file):
            _unlink(str(self._number), self._folder)
        if self._said:
            self._mark(self._open_sequences)
            self._mark(self._forget)
        if self._temporary:
            _unlink(self._temporary, self._folder)
        self.close()

    def close(self) -> None:
        """Let go of the sequences and descriptors."""
        self._release_sequences()
        held = (self._file, self._folder, self._listing)
        self._file = self._folder = self._listing = -1
        for descriptor in held:
            if descriptor >= 0:
                close(descriptor)

    def _write(self, chunks: Iterable[bytes | memoryview]) -> None:
        if _MAILDIR.issubset(self._names()):
            raise OSError(errno.EINVAL, "it is a Maildir", self._path)
        file = open_unnamed(".", self._folder)
        if file is None:
            self._temporary = f".{unique_name()}"
            file = os.open(self._temporary, NEW_FILE, 0o600, dir_fd=self._folder)
        self._file = file
        for piece in pieces(chunks):
            write_piece(file, piece)
        os.fsync(file)

    def _names(self) -> list[str]:
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._folder)
        try:
            return os.listdir(folder)
        finally:
            close(folder)

    def _link(self, first: int) -> int:
        """The number it got, from the first on; a name that is taken is not ours to replace."""
        for number in range(first, MH_NUMBER)[:_NUMBERS_TRIED]:
            self._mark(self._add, number)
            try:
                if self._temporary:
                    os.link(self._temporary, str(number), src_dir_fd=self._folder, dst_dir_fd=self._folder)
                else:
                    link_unnamed(self._file, str(number), self._folder)
            except OSError as error:
                # Over NFS a call can succeed and its answer be lost.
                if not is_name_of(str(number), self._folder, self._file):
                    if error.errno == errno.EEXIST:
                        continue
                    raise
            return number
        raise OSError(errno.EOVERFLOW, "the folder has no number left", self._path)

    def _open_sequences(self) -> None:
        if self._sequences is None:
            self._sequences = _Sequences(self._folder)

    def _release_sequences(self) -> None:
        if self._sequences is not None:
            self._sequences.release()
            self._sequences = None

    def _add(self, number: int) -> None:
        if self._sequences is not None:
            self._said = number
            self._sequences.put(number, self._names_of_sequences)

    def _forget(self) -> None:
        if self._sequences is not None:
            self._sequences.put(self._said, ())

    def _mark(self, change: Callable[..., None], *number: int) -> None:
        """Do something with the sequences; that it cannot be done is worth a note."""
        try:
            change(*number)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            note = f"the message is in no sequence: {_SEQUENCES}: {reason}"
            self.notes = (*[said for said in self.notes if said != note], note)


def _last_number(names: Iterable[str]) -> int:
    numbers = [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 10]
    return max(numbers, default=0)


def _unlink(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        return


# ---------------------------------------------------------------- sequences


def _sequence_names(flags: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sequences of a message with these flags, and a note for each flag that has none."""
    names, notes = ["unseen"], []
    for flag in flags:
        folded = flag.lower()
        if folded == "\\seen":
            names = [name for name in names if name != "unseen"]
        elif folded in _OF_FLAGS:
            names.append(_OF_FLAGS[folded])
        elif flag_mistake(flag) or not _is_sequence_name(flag):
            notes.append(f"flag {flag!r} left out: MH has no sequence for it")
        else:
            names.append(flag)
    return tuple(dict.fromkeys(names)), tuple(notes)


def _is_sequence_name(keyword: str) -> bool:
    return keyword.isascii() and keyword.isalnum() and keyword[0].isalpha() and keyword.lower() not in _KEPT_NAMES


class _Sequences:
    """The sequences of a folder, locked; a ValueError if the file holds none, and then it is left as it is."""

    def __init__(self, folder: int) -> None:
        self._file, self._lock = open_locked(_SEQUENCES, folder, SEQUENCE_LOCK_WAIT)
        with on_failure(self._lock.release):
            self._raw = os.pread(self._file, RULE_FILE_OCTETS + 1, 0)
            if len(self._raw) > RULE_FILE_OCTETS:
                raise ValueError(f"larger than {RULE_FILE_OCTETS} octets")
            _parse(self._raw)
            fcntl.fcntl(self._file, fcntl.F_SETFL, 0)  # no longer to append
        self._octets = len(self._raw)

    def put(self, number: int, names: Iterable[str]) -> None:
        """Let a message be in these sequences and, as a killed delivery may have put it there, in no other."""
        sequences = _parse(self._raw)
        for name, ranges in sequences.items():
            if name != "cur":
                sequences[name] = _removed(ranges, number)
        for name in names:
            sequences[name] = _added(sequences.get(name, []), number)
        self._store(_render(sequences))

    def release(self) -> None:
        self._lock.release()

    def _store(self, raw: bytes) -> None:
        """One write: it is there whole or not, should we be killed; what it is shorter by is empty lines till then."""
        padded = raw.ljust(self._octets, b"\n")
        self._octets = len(raw)
        if os.pwrite(self._file, padded, 0) != len(padded):
            raise OSError(errno.EIO, "it could not be written whole")
        if len(padded) > len(raw):
            os.ftruncate(self._file, len(raw))


def _parse(raw: bytes) -> dict[str, Ranges]:
    """Each sequence by its name; a line that begins with a blank goes on with the one before."""
    sequences: dict[str, Ranges] = {}
    for line in raw.decode("latin-1").replace("\n ", " ").replace("\n\t", " ").split("\n"):
        name, colon, numbers = line.partition(":")
        if not line.strip():
            continue
        if not colon:
            raise ValueError("it has a line without ':'")
        sequences[name.strip()] = [_range(said) for said in numbers.split()]
    return sequences


def _range(said: str) -> tuple[int, int]:
    first, dash, last = said.partition("-")
    numbers = (first, last) if dash else (first,)
    if not all([number.isascii() and number.isdigit() and len(number) < 11 for number in numbers]):
        raise ValueError(f"{said[:20]!r} is no range of messages")
    return int(first), int(last if dash else first)


def _render(sequences: dict[str, Ranges]) -> bytes:
    lines = []
    for name, ranges in sequences.items():
        if ranges:
            said = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
            lines.append(f"{name}: {' '.join(said)}\n")
    return "".join(lines).encode("latin-1")


def _added(ranges: Ranges, number: int) -> Ranges:
    kept = _removed(ranges, number)
    if kept and kept[-1][1] == number - 1:
        return [*kept[:-1], (kept[-1][0], number)]
    return [*kept, (number, number)]


def _removed(ranges: Ranges, number: int) -> Ranges:
    kept: Ranges = []
    for first, last in ranges:
        if not first <= number <= last:
            kept.append((first, last))
            continue
        kept += [(low, high) for low, high in ((first, number - 1), (number + 1, last)) if low <= high]
    return kept
