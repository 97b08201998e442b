"""Become the recipient, for good, before any of his files is touched.

Groups, group and user are set, read back, and root must not be regainable.
"No such user" is said only if the user database says so; a database that
cannot be asked is a temporary failure.

Does not know: what is delivered.
References: maildrop CVE-2010-0301 (the group stayed root's).
"""

from __future__ import annotations

import errno
import os
import pwd

from pydeliver.status import NO_SUCH_USER, DeliveryError, Status

LOOKUP_FAILED = Status("4.3.0", "the user database cannot be asked")
NO_NAME = Status("4.3.5", "-d takes the name of a user, not an address")
NOT_ALLOWED = Status("4.3.0", "only root delivers to another user")


def look_up(name: str) -> pwd.struct_passwd:
    """Return the user's entry; raises DeliveryError, permanent only if there is surely none."""
    try:
        return pwd.getpwnam(name)
    except (KeyError, ValueError):
        if "\0" in name or _is_surely_unknown(name):
            raise DeliveryError(NO_NAME if "@" in name else NO_SUCH_USER) from None
        raise DeliveryError(LOOKUP_FAILED) from None


def _is_surely_unknown(name: str) -> bool:
    """Ask again in a way that tells "there is none" from "I could not look": Python's own does not."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    entry, buffer, found = ctypes.create_string_buffer(256), ctypes.create_string_buffer(1 << 16), ctypes.c_void_p()
    failed = library.getpwnam_r(os.fsencode(name), entry, buffer, ctypes.c_size_t(len(buffer)), ctypes.byref(found))
    return failed in (0, errno.ENOENT) and not found.value


def become(user: pwd.struct_passwd) -> None:
    """Give up root for `user`; raises DeliveryError if any of it did not take."""
    if os.geteuid() != 0:
        if user.pw_uid != os.geteuid():
            raise DeliveryError(NOT_ALLOWED)
        return
    if user.pw_uid == 0:
        raise DeliveryError(Status("4.3.0", "root gets no mail delivered: alias it to a user"))
    try:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    except OSError as error:
        raise DeliveryError(Status("4.3.0", "the recipient's privileges could not be taken on")) from error
    _verify(user)


def _verify(user: pwd.struct_passwd) -> None:
    ids = (*os.getresuid(), *os.getresgid())
    if ids != (user.pw_uid,) * 3 + (user.pw_gid,) * 3 or _can_regain_root():
        raise DeliveryError(Status("4.3.0", "root could not be given up"))


def _can_regain_root() -> bool:
    try:
        os.setresuid(0, 0, 0)
    except OSError:
        return False
    return True
