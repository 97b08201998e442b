"""A lock on a key: one delivery holds it; the kernel drops it with the process.

All keys share one file, each as one octet of it (which need not exist).  The
lock belongs to the open file: two deliveries in one process exclude each other
too, and a program that is started inherits nothing of it.

Does not know: what a key stands for.
References: fcntl(2) "Open file description locks".
"""

from __future__ import annotations

import fcntl
import os
import struct

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FLOCK = "hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, length, process (0 for these locks)


def hold(path: str, key: int) -> int | None:
    """Take the lock and return the descriptor that holds it; None if another has it.

    Raises OSError where the file cannot be made or locked.
    """
    file = os.open(path, _OPEN, 0o600)
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, key, 1, 0))
    except BlockingIOError:
        os.close(file)
        return None
    except OSError:
        os.close(file)
        raise
    return file
