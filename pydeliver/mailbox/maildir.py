"""Maildir: a message becomes one new file in a mailbox, whole and durable, or nothing is to be seen of it.

`stage` writes and syncs the file where no reader looks.  `commit` gives it its
name in `new/` and syncs that directory; when it returns, the message survives a
power cut.  `undo` takes either back, never raising.  Failures are plain
`OSError`, after which nothing is visible unless `commit` raised it: then call
`undo`.  Killed anywhere, a delivery leaves no partial message, and a mailbox it
was about to make is completed by the next one.

The file has no name until `commit` (O_TMPFILE and linkat): a kill leaves no
litter and nothing can be overwritten.  Where the file system has no such files,
it is made in `tmp/` and renamed.

Does not know: rules, plans, statuses, or how to read a mailbox.
References: maildir(5), Courier's Maildir++, Dovecot's Maildir format.
"""

from __future__ import annotations

import errno
import itertools
import os
import posixpath
import time

from pydeliver.mailbox.tree import close, on_failure, open_directory, open_mailbox, open_root
from pydeliver.naming import directory_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    class Spooled(Protocol):
        """A message in a file without a name: its octets, and how many they are on the wire."""

        descriptor: int
        sizes: tuple[int, int]


__all__ = ["Maildir", "Staged"]

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_UNNAMED: int | None = os.O_WRONLY | os.O_TMPFILE | os.O_NOFOLLOW  # None: never tried
_NO_UNNAMED_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)  # said by file systems and kernels without them
_PROC = "/proc/self/fd"  # linkat names an open file through it (AT_EMPTY_PATH would need a capability)
_PIECE = 1 << 20  # octets written at once; the most that is ever copied
_NO_NOTES: tuple[str, ...] = ()
_NAMES_TRIED = 8  # one is enough unless 64 random bits repeat

_HOST_OCTETS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"

_numbers = itertools.count(1)


class Maildir:
    """A tree of mailboxes by its root, made at the first store if it is missing."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or "/"  # with a "/" behind it O_NOFOLLOW would not see a symlink

    def exists(self, mailbox: str) -> bool:
        """Whether the mailbox's directory is there, be it half made; an impostor in its place is an `OSError`."""
        directory = directory_name(mailbox)
        try:
            root = open_root(self.root)
        except FileNotFoundError:
            return False
        try:
            if directory:
                close(open_directory(directory, root))
        except FileNotFoundError:
            return False
        finally:
            close(root)
        return True

    def stage(
        self,
        mailbox: str,
        chunks: Iterable[bytes | memoryview],
        flags: tuple[str, ...] = (),
        create: bool = True,
        file: Spooled | None = None,
    ) -> Staged:
        """Write and sync a message that no reader sees yet; on any exception nothing of it remains.

        Without `create` a mailbox that is not there is a `FileNotFoundError`.  A
        `file` without a name that holds the message already is not written again
        if it can become the mailbox's.
        """
        directory = directory_name(mailbox)
        folder = open_mailbox(self.root, directory, create)
        try:
            letters, notes, keywords = "", _NO_NOTES, _NO_NOTES
            if flags:
                from pydeliver.mailbox.courier import kept_by_courier, kept_by_dovecot  # most deliveries set none
                from pydeliver.mailbox.keywords import flag_letters

                keywords = kept_by_courier(flags, folder)
                letters, notes = flag_letters(flags, folder, bool(keywords) and not kept_by_dovecot(folder))
            staged = Staged(folder, posixpath.join(self.root, directory, "new"), letters, keywords)
            staged.notes = notes
            is_written = file is not None and staged._is_adopted(file.descriptor, folder)
        finally:
            close(folder)
        with on_failure(staged.undo):
            staged._sync(file.sizes if file and is_written else sizes_of(_written(staged._file, chunks)))
        return staged


class Staged:
    """A message that is on the disk but in no mailbox until `commit`.

    It holds descriptors until `close` or `undo`.  A process that ends anyway
    need not close: each system call after `commit` is a moment at which a kill
    makes the MTA deliver a second copy.
    """

    is_locked = False

    def __init__(self, folder: int, path: str, letters: str, keywords: tuple[str, ...]) -> None:
        self.notes = _NO_NOTES
        self._path = path
        self._letters = letters
        self._keywords = keywords  # that are kept in a file of Courier's
        self._sizes = ""
        self._stem = unique_name()
        self._name = ""  # in new/, once a commit has tried it
        self._temporary = ""  # in tmp/, where the file needs a name
        self._file = self._tmp = self._new = -1
        with on_failure(self.close):
            self._new = open_directory("new", folder)
            self._create(folder)

    def commit(self) -> str:
        """Make the message visible and durable, once, and say where it is.

        After an `OSError` it may be visible or not; `undo` knows.
        """
        if self._name:
            raise RuntimeError("a message is committed once: a second sync says nothing about the first")
        self._publish()
        os.fsync(self._new)
        return f"{self._path}/{self._name}"

    def undo(self) -> None:
        """Remove what was staged, committed or not, as far as the file system lets us; never raises.

        After `close` there is nothing left to undo it by.
        """
        if self._name and not (self._is_ours() and _is_unlinked(self._name, self._new)):
            self._unlink_from_cur()
        if self._keywords and self._sizes:
            _is_unlinked(f"../courierimapkeywords/{self._stem}{self._sizes}", self._new)
        if self._temporary:
            _is_unlinked(self._temporary, self._tmp)
        self.close()

    def close(self) -> None:
        """Let go of the descriptors; what was committed stays, what was not is gone or litter in `tmp/`."""
        held = (self._file, self._new, self._tmp)
        self._file = self._new = self._tmp = -1
        for descriptor in held:
            if descriptor >= 0:
                close(descriptor)

    def _create(self, folder: int) -> None:
        file = open_unnamed("tmp", folder)
        if file is not None:
            self._file = file
            return
        self._tmp = open_directory("tmp", folder)
        self._file = os.open(self._stem, NEW_FILE, 0o600, dir_fd=self._tmp)
        self._temporary = self._stem

    def _is_adopted(self, file: int, folder: int) -> bool:
        """Take an unnamed file for ours; not if it is of another file system, or ours has a name already.

        It gets its name in `tmp/` now, for whether it can get one is seen only by doing it.
        """
        if self._temporary:
            return False
        tmp = ours = -1
        try:
            tmp, ours = open_directory("tmp", folder), os.dup(file)
            link_unnamed(file, self._stem, tmp)
        except OSError:
            for descriptor in (tmp, ours):
                if descriptor >= 0:
                    close(descriptor)
            return False
        close(self._file)
        self._tmp, self._file, self._temporary = tmp, ours, self._stem
        return True

    def _sync(self, sizes: tuple[int, int]) -> None:
        self._sizes = ",S=%d,W=%d" % sizes  # noqa: UP031
        os.fsync(self._file)  # once: after a failure the kernel calls the pages clean, and a second would succeed

    def _publish(self) -> None:
        """Give the file its name in `new/`.

        A name that is taken is not ours to replace, so another is tried.  Over
        NFS a call can succeed and its answer be lost, so a failure is believed
        only if the name is not our file's.
        """
        for _ in range(_NAMES_TRIED):
            if self._keywords:
                self._store_keywords()
            self._name = self._stem + self._sizes + (f":2,{self._letters}" if self._letters else "")
            try:
                return self._link()
            except OSError as error:
                if self._is_ours():
                    return None
                name, self._name = self._name, ""  # not ours: nothing that undo may remove
                if error.errno != errno.EEXIST:
                    raise
                self._stem = unique_name()
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)

    def _store_keywords(self) -> None:
        from pydeliver.mailbox.courier import store_keywords

        if note := store_keywords(self._keywords, self._stem + self._sizes, self._new):
            self.notes += (note,)

    def _link(self) -> None:
        if not self._temporary:
            return link_unnamed(self._file, self._name, self._new)
        if _is_there(self._name, self._new):  # rename would replace it
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self._name)
        return os.rename(self._temporary, self._name, src_dir_fd=self._tmp, dst_dir_fd=self._new)

    def _is_ours(self) -> bool:
        return is_name_of(self._name, self._new, self._file)

    def _unlink_from_cur(self) -> None:
        """A reader has moved the message meanwhile, perhaps with other flags behind the same name."""
        try:
            cur = open_directory("../cur", self._new)
        except OSError:
            return
        base = self._stem + self._sizes
        try:
            for name in os.listdir(cur):
                if name.startswith(base):
                    _is_unlinked(name, cur)
        except OSError:
            return
        finally:
            close(cur)


def open_unnamed(name: str, parent: int, mode: int = 0o600) -> int | None:
    """A new file of a directory that has no name in it yet; None where there are no such files."""
    if _UNNAMED is None or not os.access(_PROC, os.X_OK):
        return None
    try:
        return os.open(name, _UNNAMED, mode, dir_fd=parent)
    except OSError as error:
        if error.errno not in _NO_UNNAMED_FILES:
            raise
    return None


def link_unnamed(file: int, name: str, directory: int) -> None:
    """Give an unnamed file its name; one that is taken is a FileExistsError."""
    # dst_dir_fd makes Python call linkat with AT_SYMLINK_FOLLOW; without it, link, which links the symlink.
    os.link(f"{_PROC}/{file}", name, dst_dir_fd=directory, follow_symlinks=True)


def is_name_of(name: str, directory: int, file: int) -> bool:
    """Whether that name is the open file's, as far as can be seen."""
    try:
        found, ours = os.stat(name, dir_fd=directory, follow_symlinks=False), os.fstat(file)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


def unique_name() -> str:
    """A file name without sizes and flags that no other delivery makes, whatever the clocks and process ids do."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    serial = f"M{nanoseconds // 1000}P{os.getpid()}Q{next(_numbers)}R{os.urandom(8).hex()}"
    return f"{seconds}.{serial}.{escape_host(os.uname().nodename)}"


def escape_host(host: str) -> str:
    r"""The host as part of a file name: `/` is `\057`, `:` is `\072`, and so for all that no host name should have."""
    raw = (host or "localhost").encode("utf-8", "surrogateescape")[:64]
    return "".join([chr(octet) if octet in _HOST_OCTETS else f"\\{octet:03o}" for octet in raw])[:96]


def sizes_of(found: Iterable[bytes]) -> tuple[int, int]:
    """The octets of a message, and what they are when each line ends in CRLF, as on the wire."""
    octets = bare_line_feeds = 0
    after_return = False
    for piece in found:
        octets += len(piece)
        crlf = piece.count(b"\r\n") if b"\r" in piece else 0  # three times as dear as looking for one octet
        bare_line_feeds += piece.count(b"\n") - crlf - (after_return and piece.startswith(b"\n"))
        after_return = piece.endswith(b"\r")
    return octets, octets + bare_line_feeds


def _written(file: int, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The pieces of a message, each once it is written."""
    for piece in pieces(chunks):
        write_piece(file, piece)
        yield piece


def pieces(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The same octets in pieces of at most 1 MiB; small chunks are put together, so that a usual message is one."""
    gathered: list[bytes | memoryview] = []
    size = 0
    for chunk in chunks:
        if size + len(chunk) > _PIECE and gathered:
            yield b"".join(gathered)
            gathered, size = [], 0
        if len(chunk) > _PIECE:
            view = memoryview(chunk)
            for start in range(0, len(view), _PIECE):
                yield bytes(view[start : start + _PIECE])
        elif chunk:
            gathered.append(chunk)
            size += len(chunk)
    if gathered:
        yield b"".join(gathered)


def write_piece(file: int, piece: bytes) -> None:
    """Write all of it, however many calls that takes."""
    written = os.write(file, piece)
    while written < len(piece):
        more = os.write(file, memoryview(piece)[written:])
        if not more:
            raise OSError(errno.EIO, "a write wrote nothing")
        written += more


def _is_there(name: str, parent: int) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_unlinked(name: str, parent: int) -> bool:
    try:
        os.unlink(name, dir_fd=parent)
    except OSError:
        return False
    return True
