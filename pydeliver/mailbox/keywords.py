"""Flags and keywords: what IMAP calls them, as letters of a Maildir file name.

System flags are letters of their own and cost nothing.  A keyword's letter is
what `dovecot-keywords` in the mailbox says; one that is not there yet is added
under Dovecot's own lock, so that no reader meets a letter without a name.
Nothing here fails a delivery: a keyword that cannot be had (the lock is held
too long, 26 are in use, the disk is full) is left out, and a note says so.

A mailbox that only Courier reads gets no letters for keywords (`courier`): to
it they mean nothing.  Where neither server was yet, they are Dovecot's.

Does not know: messages, rules.
References: RFC 3501 section 2.3.2, RFC 5788, Dovecot's Maildir format.
"""

from __future__ import annotations

import os
import stat
import time

from pydeliver.flags import flag_mistake
from pydeliver.limits import KEYWORD_LOCK_STALE, KEYWORD_LOCK_WAIT
from pydeliver.mailbox.tree import close, on_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SYSTEM_FLAGS", "flag_letters"]

SYSTEM_FLAGS = {"\\draft": "D", "\\flagged": "F", "\\answered": "R", "\\seen": "S", "\\deleted": "T"}
# "Passed" of the Maildir specification.  mutt and mbsync read the letter, Dovecot only its keyword: it gets both.
PASSED = {"$forwarded": "P"}

_FILE, _LOCK, _REPLACEMENT = "dovecot-keywords", "dovecot-uidlist.lock", "dovecot-keywords.tmp"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FILE_OCTETS = 1 << 16  # 26 keywords of 50 characters are 1,400


def flag_letters(flags: Iterable[str], mailbox: int, is_couriers_alone: bool = False) -> tuple[str, tuple[str, ...]]:
    """The letters for `:2,` in ASCII order, and a note for each flag that has none.

    `mailbox` is a descriptor of the mailbox's directory.
    """
    letters: set[str] = set()
    keywords: dict[str, str] = {}
    notes: list[str] = []
    for flag in flags:
        folded = flag.lower()
        if folded in SYSTEM_FLAGS:
            letters.add(SYSTEM_FLAGS[folded])
        elif mistake := flag_mistake(flag):
            notes.append(f"flag left out: {mistake}")
        else:
            letters.update(PASSED.get(folded, ""))
            keywords.setdefault(folded, flag)
    if keywords and not is_couriers_alone:
        letters.update(_keyword_letters(keywords, mailbox, notes))
    return "".join(sorted(letters)), tuple(notes)


def _keyword_letters(wanted: dict[str, str], mailbox: int, notes: list[str]) -> set[str]:
    """The letters of the keywords (folded name to name as written) that have one, or could be given one."""
    known: dict[str, int] = {}
    try:
        known = _parse(_load(mailbox))
        missing = {folded: name for folded, name in wanted.items() if folded not in known}
        if missing:
            known = _add(missing, mailbox, notes)
    except OSError as error:
        notes += [
            f"keyword {name!r} left out: {error.strerror or error}"
            for folded, name in wanted.items()
            if folded not in known
        ]
    return {_LETTERS[known[folded]] for folded in wanted if folded in known}


def _parse(raw: bytes) -> dict[str, int]:
    """Folded keyword to index; lines that are no `<0-25> <keyword>` name nothing."""
    known: dict[str, int] = {}
    for index, name in _lines(raw):
        if index < len(_LETTERS) and name:
            known.setdefault(name.lower(), index)
    return known


def _lines(raw: bytes) -> list[tuple[int, str]]:
    found = []
    for line in raw.decode("latin-1").split("\n"):
        number, _, name = line.partition(" ")
        if number.isascii() and number.isdigit() and len(number) <= 4:
            found.append((int(number), name))
    return found


def _load(mailbox: int) -> bytes:
    """The bytes of `dovecot-keywords`, none if there is no such file; what is no regular file is an error."""
    try:
        file = os.open(_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=mailbox)
    except FileNotFoundError:
        return b""
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(f"{_FILE} is not a regular file")
        raw = os.read(file, _FILE_OCTETS + 1)
        if len(raw) > _FILE_OCTETS:
            raise OSError(f"{_FILE} is larger than {_FILE_OCTETS} octets")
        return raw
    finally:
        close(file)


def _add(missing: dict[str, str], mailbox: int, notes: list[str]) -> dict[str, int]:
    """Give letters to keywords under the lock; returns all that have one then."""
    lock = _take_lock(mailbox)
    try:
        raw = _load(mailbox)  # again: another may have been quicker
        known = _parse(raw)
        taken = {index for index, _ in _lines(raw)}
        added = []
        for folded, name in missing.items():
            if folded in known:
                continue
            index = next((i for i in range(len(_LETTERS)) if i not in taken), None)
            if index is None:
                notes.append(f"keyword {name!r} left out: all {len(_LETTERS)} letters of {_FILE} are taken")
                continue
            taken.add(index)
            known[folded] = index
            added.append(f"{index} {name}\n".encode("ascii"))
        if added:
            whole_lines = raw if not raw or raw.endswith(b"\n") else raw + b"\n"
            _store(whole_lines + b"".join(added), mailbox)
        return known
    finally:
        _release_lock(lock, mailbox)


def _store(raw: bytes, mailbox: int) -> None:
    """Replace `dovecot-keywords`; the caller holds the lock.

    Dovecot reads it again only when its mtime in whole seconds has changed, so
    it must grow each time, as when Dovecot writes it itself.
    """
    before = _status(mailbox, _FILE)
    _unlink(_REPLACEMENT, mailbox)  # left by one that was killed; nobody else writes it while we hold the lock
    mode = stat.S_IMODE(before.st_mode) if before else 0o600
    file = os.open(_REPLACEMENT, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=mailbox)
    try:
        with on_failure(lambda: _unlink(_REPLACEMENT, mailbox)):
            if os.write(file, raw) != len(raw):
                raise OSError(f"{_FILE} could not be written whole")
            if before and int(os.fstat(file).st_mtime) <= int(before.st_mtime):
                os.utime(file, (before.st_mtime + 1, int(before.st_mtime) + 1))
            os.fsync(file)
            os.rename(_REPLACEMENT, _FILE, src_dir_fd=mailbox, dst_dir_fd=mailbox)
    finally:
        close(file)
    os.fsync(mailbox)  # a message must not outlive the name of its letter


def _take_lock(mailbox: int) -> os.stat_result:
    """Create Dovecot's lock file, waiting a little while another holds it."""
    give_up = time.monotonic() + KEYWORD_LOCK_WAIT
    pause = 0.005
    while True:
        try:
            lock = os.open(_LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=mailbox)
        except FileExistsError:
            if _break_stale_lock(mailbox):
                continue
            if time.monotonic() + pause > give_up:
                raise TimeoutError(f"{_LOCK} was held by another for {KEYWORD_LOCK_WAIT} s") from None
            time.sleep(pause)
            pause = min(2 * pause, 0.2)
            continue
        try:
            return os.fstat(lock)
        finally:
            close(lock)


def _break_stale_lock(mailbox: int) -> bool:
    """Remove a lock whose holder is gone; Dovecot too calls it so after 120 s without a touch."""
    held = _status(mailbox, _LOCK)
    if held is None:
        return True
    if not stat.S_ISREG(held.st_mode) or time.time() - held.st_mtime < KEYWORD_LOCK_STALE:
        return False
    _unlink(_LOCK, mailbox)
    return True


def _release_lock(ours: os.stat_result, mailbox: int) -> None:
    held = _status(mailbox, _LOCK)
    if held and (held.st_dev, held.st_ino) == (ours.st_dev, ours.st_ino):  # else it was broken: it is another's now
        _unlink(_LOCK, mailbox)


def _status(mailbox: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=mailbox, follow_symlinks=False)
    except OSError:
        return None


def _unlink(name: str, mailbox: int) -> None:
    try:
        os.unlink(name, dir_fd=mailbox)
    except OSError:
        return
