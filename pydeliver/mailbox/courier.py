"""Keywords as Courier keeps them: a file for each message, one keyword a line, in `courierimapkeywords/`.

Courier makes that directory in each mailbox that it opens; where it is, it is
Courier that reads the Maildir.  The file has the message's name without its flags, and is on the disk
before the message is there to be seen.  Nothing here fails a delivery.

Does not know: Dovecot's way to keep keywords (`keywords`), messages.
References: Courier's maildir/maildirkeywords.html.
"""

from __future__ import annotations

import os
import stat

from pydeliver.flags import flag_mistake
from pydeliver.mailbox.tree import close, open_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["kept_by_courier", "kept_by_dovecot", "store_keywords"]

_DIRECTORY = "courierimapkeywords"
_DOVECOT = ("dovecot-keywords", "dovecot-uidlist")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def kept_by_courier(flags: Iterable[str], mailbox: int) -> tuple[str, ...]:
    """What of the flags are keywords, each once, if Courier keeps them in the mailbox of which this is a descriptor."""
    named: dict[str, str] = {}
    for flag in flags:
        if not flag.startswith("\\") and not flag_mistake(flag):
            named.setdefault(flag.lower(), flag)
    return tuple(named.values()) if named and _kind(_DIRECTORY, mailbox) == stat.S_IFDIR else ()


def kept_by_dovecot(mailbox: int) -> bool:
    """Whether Dovecot has read the mailbox."""
    return stat.S_IFREG in [_kind(name, mailbox) for name in _DOVECOT]


def store_keywords(keywords: Iterable[str], base: str, new: int) -> str:
    """Write the keywords of a message that is to have the name `base`; a note if they cannot be kept.

    `new` is a descriptor of the mailbox's directory of new messages.
    """
    try:
        directory = open_directory(f"../{_DIRECTORY}", new)
        try:
            file = os.open(base, _NEW, 0o600, dir_fd=directory)
            try:
                os.write(file, "".join([f"{keyword}\n" for keyword in keywords]).encode("ascii"))
                os.fsync(file)
            finally:
                close(file)
            os.fsync(directory)
        finally:
            close(directory)
    except OSError as error:
        return f"keywords left out: {_DIRECTORY}: {error.strerror or error}"
    return ""


def _kind(name: str, mailbox: int) -> int:
    try:
        return stat.S_IFMT(os.stat(name, dir_fd=mailbox, follow_symlinks=False).st_mode)
    except OSError:
        return 0
