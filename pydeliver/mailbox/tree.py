"""The directories of a Maildir++ tree: opened, checked, and made when they are missing.

What `open_mailbox` returns has `cur`, `new` and `tmp`, and its place in the tree
is on the disk.  Killed half-way, it leaves a state that the next call repairs.
Everything goes through directory descriptors, so no path can leave the tree: a
symlink, a FIFO or another's directory in a mailbox's place is an `OSError`.
Only the root itself may be a symlink.

Does not know: messages, or which name a mailbox has.
References: Courier's Maildir++.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_owner", "close", "make_directory", "open_directory", "open_mailbox", "open_root"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW  # Python adds O_CLOEXEC to every open

# Set on `new/` from its making until the mailbox's place in the tree is on the disk.  A delivery that finds it, because
# the one before was killed in between, makes the place durable first.
_UNSETTLED = stat.S_ISVTX


def open_mailbox(root: str, directory: str, create: bool) -> int:
    """A descriptor of the mailbox `directory` ("" for INBOX), made if missing; without `create` that is an error."""
    outer = _open_or_make(lambda: open_root(root), lambda: make_directory(root, None), create)
    _settle(outer, is_folder=False)
    if not directory:
        return outer
    try:
        inner = _open_or_make(
            lambda: open_directory(directory, outer), lambda: make_directory(directory, outer), create
        )
    finally:
        close(outer)
    _settle(inner, is_folder=True)
    return inner


def open_root(path: str) -> int:
    """The root may be a symlink, and it or its target may be root's: administrators move mail about so."""
    try:
        return open_directory(path, None, also_owner=0)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        link = os.lstat(path)
        if not stat.S_ISLNK(link.st_mode):
            raise
        check_owner(link, path, also_owner=0)
    return open_directory(path, None, also_owner=0, flags=_DIRECTORY & ~os.O_NOFOLLOW)


def open_directory(name: str, parent: int | None, also_owner: int | None = None, flags: int = _DIRECTORY) -> int:
    """Open a directory that belongs to us (or to `also_owner`)."""
    directory = os.open(name, flags, dir_fd=parent)
    with on_failure(close, directory):
        check_owner(os.fstat(directory), name, also_owner)
    return directory


class on_failure:
    """What is done, in a `with`, if the block fails: whatever the failure, it goes on from there."""

    __slots__ = ("_act", "_of")

    def __init__(self, act: Callable[..., None], *of: int) -> None:
        self._act, self._of = act, of

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None:
            self._act(*self._of)


def close(descriptor: int) -> None:
    """Let go of a directory, or of a file already synced: a failure of that is news of nothing."""
    try:
        os.close(descriptor)
    except OSError:
        return


def _open_or_make(open_it: Callable[[], int], make_it: Callable[[], None], create: bool) -> int:
    try:
        return open_it()
    except FileNotFoundError:
        if not create:
            raise
    make_it()
    return open_it()


def _settle(mailbox: int, is_folder: bool) -> None:
    """Make what is missing of a mailbox, and its place durable; closes the descriptor on failure.

    `new/` comes last and unsettled: whoever finds it settled finds all the rest
    on the disk.  Several deliveries may do this at once.
    """
    with on_failure(close, mailbox):
        if _is_settled(mailbox):
            return
        for name in ("cur", "tmp"):
            make_directory(name, mailbox)
        if is_folder:
            _make_marker(mailbox)
        make_directory("new", mailbox, 0o700 | _UNSETTLED)
        new = open_directory("new", mailbox)
        try:
            os.fsync(mailbox)
            _sync_parent(mailbox)
            os.fchmod(new, stat.S_IMODE(os.fstat(new).st_mode) & ~_UNSETTLED)
        finally:
            close(new)


def _is_settled(mailbox: int) -> bool:
    """Whether `cur`, `tmp` and `new` are there, ours, and durable; anything else of that name is an `OSError`."""
    mode = 0
    for name in ("cur", "tmp", "new"):
        try:
            found = os.stat(name, dir_fd=mailbox, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISLNK(found.st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        check_owner(found, name)
        mode = found.st_mode
    return not mode & _UNSETTLED


def make_directory(name: str, parent: int | None, mode: int = 0o700) -> None:
    """Make a directory, if it is not there."""
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        return


def _make_marker(mailbox: int) -> None:
    """Maildir++: tells a delivery with quota that the quota is the parent's."""
    try:
        close(os.open("maildirfolder", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=mailbox))
    except FileExistsError:
        return


def _sync_parent(directory: int) -> None:
    """Sync what holds the directory's own entry: `..`, wherever a symlink has led us."""
    try:
        parent = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
    except PermissionError:  # a spool that may be entered but not read: sync it with everything else, this once
        os.sync()
        return
    try:
        os.fsync(parent)
    finally:
        close(parent)


def check_owner(found: os.stat_result, name: str, also_owner: int | None = None) -> None:
    """Raise OSError for what is neither ours nor that owner's."""
    if found.st_uid not in (os.geteuid(), also_owner):
        raise PermissionError(errno.EPERM, f"belongs to uid {found.st_uid}, not to us", name)
