"""Notices: messages from pydeliver to the owner of the rules, put into his inbox without rules.

One a day for the same mistake and five a day in all; a marker is made first,
so that a thousand messages that meet one mistake bring one notice.  Where the
state directory cannot be written there is no notice.  A notice never changes
the status of the delivery that caused it.

Does not know: how a message is stored.
References: RFC 3834 section 5 (Auto-Submitted).
"""

from __future__ import annotations

import os
import time
from binascii import crc32

from pydeliver import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.state.places import Places

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def claim(places: Places, problem: str, now: float) -> bool:
    """Whether this problem is to be told today; marks it as told."""
    today = time.strftime("%Y-%m-%d", time.gmtime(now))
    marker = f"{places.notices}/{today}-{crc32(problem.encode('utf-8', 'replace')):08x}"
    try:
        os.makedirs(places.notices, 0o700, exist_ok=True)
        told = _told_today(places.notices, today)
        if told >= limits.NOTICES_PER_DAY:
            return False
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except OSError:
        return False
    return True


def _told_today(directory: str, today: str) -> int:
    """Count today's markers; those of other days are removed."""
    told = 0
    for name in os.listdir(directory):
        if name.startswith(today):
            told += 1
        else:
            os.unlink(f"{directory}/{name}")
    return told


def compose(recipient: str, problem: str, now: float) -> bytes:
    """Return the notice as a message."""
    moment = time.gmtime(now)
    date = time.strftime(f"{_WEEKDAYS[moment.tm_wday]}, %d {_MONTHS[moment.tm_mon - 1]} %Y %H:%M:%S +0000", moment)
    address = "".join([character for character in recipient if "!" <= character <= "~"]) or "you"
    return (
        f"From: pydeliver <MAILER-DAEMON>\n"
        f"To: <{address}>\n"
        f"Subject: pydeliver could not use your rules as you wrote them\n"
        f"Date: {date}\n"
        f"Message-ID: <{int(now)}.{os.getpid()}.{crc32(problem.encode('utf-8', 'replace')):08x}@pydeliver.invalid>\n"
        f"Auto-Submitted: auto-generated\n"
        f"MIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: 8bit\n"
        f"\n"
        f"{problem}\n"
        f"\n"
        f"Your mail is safe.  You are told of this at most once a day;\n"
        f"`pydeliver check` shows all there is to mend.\n"
    ).encode("utf-8", "replace")
