"""mbox: a message is appended to a locked file, whole and durable, or the file is as it was.

`stage` takes both locks, writes what it will append into a record of its own,
syncs that, and only then appends and syncs.  `commit` empties the record: from
then on the message stays.  `undo` cuts the file back to what it was, under the
same locks; `close` lets them go, at once, for others wait.

A delivery that is killed leaves its record.  The next one to that mailbox, once
it has the locks, cuts off what stands there of the message, if it is that and
nothing else: what is behind the old end must be the beginning of the record,
but for sectors of zeros, which a power cut leaves where data was not yet
written.  If others have written there since, it is left alone, and a note says
so.  Nothing is cut that was ever acknowledged: a record is empty by then.

Only a plain file of ours with one name is a mailbox.

Does not know: who sent the message, or how it is quoted (`mbox_format`).
References: Debian Policy section 11.6, RFC 4155, Postfix `src/global/mbox_open.c`.
"""

from __future__ import annotations

import os
import posixpath
import stat

from pydeliver.limits import MAILBOX_LOCK_WAIT
from pydeliver.mailbox.directory import open_parent, open_path, sync_path
from pydeliver.mailbox.lock import FileLock, check_file, open_locked
from pydeliver.mailbox.maildir import write_piece
from pydeliver.mailbox.mbox_format import flag_fields, render_message
from pydeliver.mailbox.tree import close, on_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Appended", "Mbox"]

_PIECE = 1 << 20
_SECTOR = 512
_START_OCTETS = 20  # of a record, before what is appended: where that begins, in decimal
_LONGEST_FROM_LINE = 512
_UNSETTLED = stat.S_IXUSR  # on a record until its place in its directory is durable


class Mbox:
    """One mbox by its path; `records` is the directory for what recovers it, `from_line` what begins a message."""

    def __init__(self, path: str, records: str, from_line: bytes, mboxrd: bool = False) -> None:
        self.path, self._records, self._from_line, self._mboxrd = path, records, from_line, mboxrd

    def stage(self, chunks: Iterable[bytes | memoryview], flags: tuple[str, ...] = ()) -> Appended:
        """Append a message and hold the locks; on any exception the mailbox is as it was.

        Raises TimeoutError if another holds a lock for too long.
        """
        fields, notes = flag_fields(flags)
        appended = self._locked(notes)
        with on_failure(appended.undo):
            appended._append(self._from_line, render_message(chunks, fields, self._mboxrd))
        return appended

    def _locked(self, notes: tuple[str, ...]) -> Appended:
        directory, name = open_parent(self.path)
        with on_failure(close, directory):
            file, lock = open_locked(name, directory, MAILBOX_LOCK_WAIT)
        return Appended(self.path, directory, file, lock, self._records, notes)


class Appended:
    """A message at the end of a locked mbox, to stay or not.

    The locks are held until `close` or `undo`.
    """

    is_locked = True

    def __init__(
        self, path: str, directory: int, file: int, lock: FileLock, records: str, notes: tuple[str, ...]
    ) -> None:
        self.notes = (*lock.notes, *notes)
        self._path, self._directory, self._file, self._lock = path, directory, file, lock
        self._start = self._end = -1  # of the message; -1 until what a killed delivery left is gone
        self._record = -1
        self._records = records

    def commit(self) -> str:
        """Let the message stay, durably, and say where it is.  After an OSError `undo` takes it back."""
        os.ftruncate(self._record, 0)
        os.fsync(self._record)
        return self._path

    def undo(self) -> None:
        """Cut the mailbox back, committed or not, as far as the file system lets us; never raises.

        What another has appended meanwhile, without regard to the locks, is not cut off.
        Where cutting fails the record stays, for the next delivery to do it.
        """
        if self._start >= 0 and self._is_cut():
            self._forget()
        self.close()

    def _forget(self) -> None:
        try:
            os.ftruncate(self._record, 0)
        except OSError:
            return  # nothing of it is in the mailbox, and so the next delivery will find

    def _is_cut(self) -> bool:
        try:
            if os.fstat(self._file).st_size <= self._end:
                os.ftruncate(self._file, self._start)
                os.fsync(self._file)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of the locks and descriptors; the mailbox stays as it is."""
        if self._file >= 0:
            self._lock.release()
        held = (self._record, self._directory)
        self._file = self._record = self._directory = -1
        for descriptor in held:
            if descriptor >= 0:
                close(descriptor)

    def _append(self, from_line: bytes, message: Iterable[bytes]) -> None:
        self._record = _open_record(self._records, self._path, self._directory)
        if note := _recover(self._file, self._record):
            self.notes += (note,)
        start = self._start = self._end = os.fstat(self._file).st_size
        if not start:
            sync_path(self._directory)  # it may be new, made by us or by one that was killed
        os.ftruncate(self._record, 0)
        write_piece(self._record, b"%0*d\n" % (_START_OCTETS - 1, start) + _separator(self._file, start) + from_line)
        for piece in message:
            write_piece(self._record, piece)
        _sync_record(self._record, self._records)
        self._end = start + os.fstat(self._record).st_size - _START_OCTETS
        for piece in _read_pieces(self._record, _START_OCTETS):
            write_piece(self._file, piece)
        os.fsync(self._file)


def _separator(file: int, end: int) -> bytes:
    """What is missing of the empty line between the last message and the next."""
    last = os.pread(file, 3, max(0, end - 3))
    if not last or last.endswith((b"\n\n", b"\n\r\n")):
        return b""
    return b"\n" if last.endswith(b"\n") else b"\n\n"


# ---------------------------------------------------------------- the record


def _open_record(records: str, path: str, directory: int) -> int:
    """The record of a mailbox, by the one path it has whatever symlinks lead there."""
    from hashlib import blake2b

    os.makedirs(records, 0o700, exist_ok=True)
    try:
        real = posixpath.join(os.readlink(f"/proc/self/fd/{directory}"), posixpath.basename(path))
    except OSError:
        real = path
    name = posixpath.join(records, blake2b(os.fsencode(real), digest_size=16).hexdigest())
    record = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600 | _UNSETTLED)
    with on_failure(close, record):
        check_file(record, name)
    return record


def _sync_record(record: int, records: str) -> None:
    os.fsync(record)
    mode = stat.S_IMODE(os.fstat(record).st_mode)
    if mode & _UNSETTLED:
        directory = open_path(records, create=False)
        try:
            sync_path(directory)
        finally:
            close(directory)
        os.fchmod(record, mode & ~_UNSETTLED)


def _recover(file: int, record: int) -> str:
    """Cut off what a killed delivery left; a note if it must be left where it is."""
    size, length = os.fstat(file).st_size, os.fstat(record).st_size - _START_OCTETS
    said = os.pread(record, _START_OCTETS, 0).rstrip(b"\n")
    if len(said) != _START_OCTETS - 1 or not said.isdigit() or size <= int(said):
        return ""
    start = int(said)
    if not _is_beginning(file, start, record, min(length, size - start)):
        if not _begins_with(file, start, _first_line(record)):
            return ""  # nothing of it is there
        return f"at octet {start} of the mailbox a delivery was broken off, and others have written there since"
    if size - start > length:
        return ""  # it is whole, and others have come after it
    os.ftruncate(file, start)
    os.fsync(file)
    return ""


def _first_line(record: int) -> bytes:
    """Of a message, its From_ line, by which it is known."""
    head = os.pread(record, _LONGEST_FROM_LINE, _START_OCTETS)
    return head[: head.find(b"\n", head.find(b"From ")) + 1]


def _begins_with(file: int, start: int, line: bytes) -> bool:
    return line.startswith(os.pread(file, len(line), start))


def _is_beginning(file: int, start: int, record: int, length: int) -> bool:
    """Whether the file holds from `start` on what the record does, or sectors of zeros."""
    at = 0
    while at < length:
        expected = os.pread(record, min(_PIECE, length - at), _START_OCTETS + at)
        found = os.pread(file, len(expected), start + at)
        if found != expected and not _differs_by_zeros(found, expected, start + at):
            return False
        at += len(expected)
    return True


def _differs_by_zeros(found: bytes, expected: bytes, at: int) -> bool:
    if len(found) != len(expected):
        return False
    begin, end = 0, _SECTOR - at % _SECTOR
    while begin < len(found):
        sector = found[begin:end]
        if sector != expected[begin:end] and sector.strip(b"\0"):
            return False
        begin, end = end, end + _SECTOR
    return True


def _read_pieces(file: int, start: int) -> Iterator[bytes]:
    while piece := os.pread(file, _PIECE, start):
        yield piece
        start += len(piece)
