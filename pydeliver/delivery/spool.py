"""Spool a large message to a file without a name, so that it costs little memory however large it is.

The file lies in the Maildir if there is one, so that it can become the stored
message itself.  It is gone with the process, however that ends.  Where no such
file can be made, the message is kept in memory.

Does not know: what is in the message.
"""

from __future__ import annotations

import os
from itertools import chain

from pydeliver.delivery.perform import FAILURES
from pydeliver.mailbox.maildir import sizes_of, write_piece
from pydeliver.status import DeliveryError, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PIECE = 1 << 18
_STRETCH = 8 << 20
_PIPE_OCTETS = 1 << 20  # pipe-max-size of Linux
_UNNAMED = os.O_RDWR | os.O_TMPFILE | os.O_NOFOLLOW | os.O_CLOEXEC
_FAILED = Status("4.3.0", "the message could not be spooled")


def spooled(descriptor: int, begin: list[bytes], directories: Iterable[str]) -> bytes:
    """Return the octets read so far and all that are still to come.

    They are in a file of the first directory that takes one.  Raises OSError
    where the mail system fails, DeliveryError where the file does.
    """
    octets = chain(begin, _rest(descriptor))
    file = _unnamed(directories)
    if file is None:
        return b"".join(octets)
    from pydeliver.message.spooled import Spooled

    return Spooled(file, sizes_of(_written(file, octets)))


def _unnamed(directories: Iterable[str]) -> int | None:
    for directory in directories:
        try:
            return os.open(directory, _UNNAMED, 0o600)
        except OSError:
            continue
    return None


def _rest(descriptor: int) -> Iterator[bytes]:
    _widen(descriptor)
    while piece := os.read(descriptor, _PIECE):
        yield piece


def _widen(pipe: int) -> None:
    """Let sender and reader wait for each other less often, if it is a pipe and may be wider."""
    from fcntl import F_SETPIPE_SZ, fcntl

    try:
        fcntl(pipe, F_SETPIPE_SZ, _PIPE_OCTETS)
    except OSError:
        return


def _written(file: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, each once it is written; the disk begins with them while others are still to come."""
    written = begun = 0
    for piece in pieces:
        try:
            write_piece(file, piece)
        except OSError as error:
            raise DeliveryError(FAILURES.get(error.errno or 0, _FAILED)) from error
        written += len(piece)
        if written - begun >= _STRETCH:
            os.posix_fadvise(file, begun, written - begun, os.POSIX_FADV_DONTNEED)  # Linux writes dirty pages for it
            begun = written
        yield piece
