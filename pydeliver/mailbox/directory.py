"""The directory that a path names, wherever that is: opened level by level, made if it is missing, made durable.

A level may be a symlink if that is ours or root's, and the last directory must
be ours or root's too: no other user leads us anywhere.

Does not know: what is in the directory.
"""

from __future__ import annotations

import errno
import os
import stat

from pydeliver.mailbox.tree import check_owner, close, make_directory, on_failure

__all__ = ["open_parent", "open_path", "sync_path"]

_PASSAGE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW  # one may go through it, be it not readable
_READABLE = os.O_RDONLY | os.O_DIRECTORY


def open_path(path: str, create: bool) -> int:
    """A descriptor of the directory, good as `dir_fd` only; an impostor, or another's directory, is an OSError."""
    return _open_levels(_levels(path), create)


def open_parent(path: str) -> tuple[int, str]:
    """The directory that a file stands in, made if it is missing, and the name of the file in it."""
    levels = _levels(path)
    if not levels:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return _open_levels(levels[:-1], create=True), os.fsdecode(levels[-1])


def _open_levels(levels: list[bytes], create: bool) -> int:
    directory = os.open("/", _PASSAGE)
    for level in levels:
        with on_failure(close, directory):
            below = _open_level(level, directory, create)
        close(directory)
        directory = below
    with on_failure(close, directory):
        check_owner(os.fstat(directory), os.fsdecode(levels[-1]) if levels else "/", also_owner=0)
    return directory


def _levels(path: str) -> list[bytes]:
    """What no file system can have is an OSError here, as all else that is no directory."""
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ), path) from error
    levels = raw.split(b"/")
    if b"\0" in raw or b".." in levels:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return [level for level in levels if level not in (b"", b".")]


def _open_level(level: bytes, above: int, create: bool) -> int:
    try:
        return os.open(level, _PASSAGE, dir_fd=above)
    except FileNotFoundError:
        if not create:
            raise
    except NotADirectoryError:
        link = os.stat(level, dir_fd=above, follow_symlinks=False)
        if not stat.S_ISLNK(link.st_mode):
            raise
        check_owner(link, os.fsdecode(level), also_owner=0)
        return os.open(level, _PASSAGE & ~os.O_NOFOLLOW, dir_fd=above)
    make_directory(os.fsdecode(level), above)
    return os.open(level, _PASSAGE, dir_fd=above)


def sync_path(directory: int) -> None:
    """Make a directory's entries durable, and its own place in those above it that may be new: ours."""
    path, seen = ".", (0, 0)
    while True:
        try:
            level = os.open(path, _READABLE, dir_fd=directory)
        except PermissionError:  # it may be entered but not read: sync it with everything else
            return os.sync()
        try:
            os.fsync(level)
            found = os.fstat(level)
        finally:
            close(level)
        if found.st_uid != os.geteuid() or (found.st_dev, found.st_ino) == seen:  # the root is above itself
            return None
        path, seen = f"{path}/..", (found.st_dev, found.st_ino)
