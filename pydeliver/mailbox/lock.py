"""The locks of a file that others write too: a dot-lock beside it and an fcntl lock on it, both or neither.

Both are tried without waiting, in the order of Postfix, procmail and maildrop;
where one cannot be had the other is let go, and after a pause of varying length
both are tried again.  So nothing can deadlock, whatever order another program
takes them in.  When the wait is over, `TimeoutError` says who holds the lock.

A dot-lock is made whole by one link: the lock file holds `PID:HOST`, as
Dovecot's does.  One whose process is dead on this host is removed at once, any
other when it is older than Postfix lets one be.  Whoever removes it holds the
fcntl lock meanwhile, so that no two do.  Where the directory lets us make no
file, as a spool may, the fcntl lock must be enough, and a note says so.

The fcntl lock belongs to the open file, not to the process: the kernel drops it
when that is closed, and at a kill.

Does not know: what is in the file.
References: Debian Policy section 11.6, Postfix `src/global/dot_lockfile.c`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import time

from pydeliver.limits import DOT_LOCK_STALE
from pydeliver.mailbox.maildir import NEW_FILE, is_name_of, link_unnamed, open_unnamed, unique_name
from pydeliver.mailbox.tree import check_owner, close, on_failure

__all__ = ["FileLock", "check_file", "open_locked"]

_SOMEBODY = "another delivery"
_NOT_ALLOWED = (errno.EACCES, errno.EPERM)
_FLOCK = "hhqqi"  # struct flock: type, whence, start, length, process
_WHOLE_FILE = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
_CONTENT_OCTETS = 256
_FILE = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
_REPLACED = 8  # times a file may be replaced by another while we wait for its lock
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25


class FileLock:
    """Both locks of the file `name` in a directory, of which `file` is a writable descriptor."""

    def __init__(self, file: int, directory: int, name: str) -> None:
        self.notes: tuple[str, ...] = ()
        self._file, self._directory, self._name = file, directory, f"{name}.lock"
        self._dot_lock = -1

    def take(self, wait: float) -> None:
        """Take both; raises TimeoutError after `wait` seconds, and OSError for what is no lock or cannot be made."""
        give_up = time.monotonic() + wait
        pause = _FIRST_PAUSE
        while holder := self._try():
            if time.monotonic() + pause > give_up:
                raise TimeoutError(errno.ETIMEDOUT, f"locked by {holder}")
            time.sleep(pause * (0.5 + os.urandom(1)[0] / 256))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def release(self) -> None:
        """Let both go, and close the file: with it goes the fcntl lock."""
        close(self._file)
        self._remove_dot_lock()

    def _try(self) -> str:
        """Take both locks or neither; who holds them, if not we."""
        holder = self._take_dot_lock()
        if holder:
            return holder
        with on_failure(self._remove_dot_lock):
            holder = self._lock()
        if holder:
            self._remove_dot_lock()
        return holder

    def _take_dot_lock(self) -> str:
        try:
            if self._make_dot_lock():
                return ""
        except OSError as error:
            if error.errno not in _NOT_ALLOWED:
                raise
            return self._without_dot_lock(error)
        holder, is_stale = self._look()
        if not is_stale:
            return holder
        if holder := self._lock():
            return holder
        try:
            holder, is_stale = self._look()  # again: another may have been quicker
            if is_stale:
                self._unlink(self._name)
        except OSError as error:
            if error.errno not in _NOT_ALLOWED:
                raise
            return holder  # a sticky directory keeps it for its owner
        finally:
            self._unlock()
        return "" if self._make_dot_lock() else holder or _SOMEBODY

    def _without_dot_lock(self, error: OSError) -> str:
        """A lock that somebody with more rights has made there is waited for."""
        holder, is_stale = self._look()
        if holder and not is_stale:
            return holder
        self.notes = (f"locked by fcntl alone: no dot-lock can be made ({error.strerror})",)
        return ""

    def _make_dot_lock(self) -> bool:
        """Make the lock file with its content in it; whether there was none before."""
        file, temporary = open_unnamed(".", self._directory, 0o644), ""
        if file is None:
            temporary = f".{self._name}.{unique_name()}"
            file = os.open(temporary, NEW_FILE, 0o644, dir_fd=self._directory)
        try:
            with on_failure(close, file):
                os.write(file, f"{os.getpid()}:{os.uname().nodename}\n".encode("utf-8", "surrogateescape"))
                if temporary:
                    os.link(temporary, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
                else:
                    link_unnamed(file, self._name, self._directory)
        except FileExistsError:
            return False
        finally:
            if temporary:
                self._unlink(temporary)
        self._dot_lock = file
        return True

    def _look(self) -> tuple[str, bool]:
        """Who holds the dot-lock, in words ("" if nobody does), and whether he is gone."""
        try:
            found = os.stat(self._name, dir_fd=self._directory, follow_symlinks=False)
        except FileNotFoundError:
            return "", True
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "its lock is no plain file", self._name)
        return self._judge(self._content(), found.st_mtime)

    def _content(self) -> bytes:
        try:
            file = os.open(self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._directory)
        except OSError:
            return b""
        try:
            return os.read(file, _CONTENT_OCTETS)
        except OSError:
            return b""
        finally:
            close(file)

    def _judge(self, content: bytes, touched: float) -> tuple[str, bool]:
        age = time.time() - touched
        number, _, host = content.decode("utf-8", "surrogateescape").strip().partition(":")
        is_here = number.isascii() and number.isdigit() and len(number) < 8 and host == os.uname().nodename
        holder = _process(int(number)) if is_here else f"a lock file {max(0, int(age))} s old"
        return holder, (is_here and not _is_alive(int(number))) or abs(age) > DOT_LOCK_STALE

    def _lock(self) -> str:
        """Take the fcntl lock; who holds it, if not we."""
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _WHOLE_FILE)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return self._lock_holder()
        return ""

    def _lock_holder(self) -> str:
        kind, _, _, _, process = struct.unpack(_FLOCK, fcntl.fcntl(self._file, fcntl.F_OFD_GETLK, _WHOLE_FILE))
        if kind == fcntl.F_UNLCK or process <= 0:  # gone meanwhile, or another's open file, which no process owns
            return _SOMEBODY
        return _process(process)

    def _unlock(self) -> None:
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_UNLCK, os.SEEK_SET, 0, 0, 0))
        except OSError:
            return  # closing the file does it as well

    def _remove_dot_lock(self) -> None:
        """One that another has broken and made anew is not ours to remove."""
        if self._dot_lock < 0:
            return
        file, self._dot_lock = self._dot_lock, -1
        try:
            if is_name_of(self._name, self._directory, file):
                self._unlink(self._name)
        except OSError:
            return  # it is stale as soon as this process ends
        finally:
            close(file)

    def _unlink(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._directory)
        except FileNotFoundError:
            return


def open_locked(name: str, directory: int, wait: float) -> tuple[int, FileLock]:
    """A plain file of ours, made empty if it is missing, opened to append, and both its locks.

    The lock closes it.  If it was replaced while we waited, we waited for the
    wrong one.
    """
    for _ in range(_REPLACED):
        file = _open_file(name, directory)
        lock = FileLock(file, directory, name)
        with on_failure(close, file):
            lock.take(wait)
        if is_name_of(name, directory, file):
            return file, lock
        lock.release()
    raise OSError(errno.EAGAIN, "it was replaced again and again", name)


def _open_file(name: str, directory: int) -> int:
    """Whatever is no plain file is not even opened."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return _make_file(name, directory)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file", name)
    file = os.open(name, _FILE, dir_fd=directory)
    with on_failure(close, file):
        check_file(file, name)
    return file


def _make_file(name: str, directory: int) -> int:
    try:
        return os.open(name, _FILE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    except FileExistsError:
        return _open_file(name, directory)


def check_file(file: int, name: str) -> None:
    """Raise OSError for what is no plain file of ours with one name."""
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file", name)
    if found.st_nlink > 1:
        raise OSError(errno.EMLINK, "it has more than one name", name)
    check_owner(found, name)


def _is_alive(process: int) -> bool:
    """Whether it still runs; one that has ended and that nobody has waited for does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    state = _of_process(process, "stat").rpartition(")")[2].strip()[:1]
    return process > 0 and state not in ("Z", "X")


def _process(number: int) -> str:
    """A process in words, with its name where that can be seen."""
    name = _of_process(number, "comm").strip()
    return (
        f"process {number} ({''.join([c if c.isprintable() else '?' for c in name])})" if name else f"process {number}"
    )


def _of_process(number: int, what: str) -> str:
    """What the system tells of a process; empty where it tells nothing."""
    try:
        file = os.open(f"/proc/{number}/{what}", os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(file, 512).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        close(file)
