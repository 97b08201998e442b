"""A message as it stands in an mbox: under a From_ line, quoted, without what would mislead its readers.

A line that begins with `From ` anywhere in the message gets a `>`, so that no
reader takes it for the next message; with mboxrd a quoted one gets another, so
that quoting can be undone.  Fields in which mbox readers keep their own state
are dropped, for a sender could set them: the flags and numbers of mail readers,
and Content-Length, which counts octets as they were before quoting and lets a
reader that believes it skip over the next message.  All else, CRLF too, is kept
octet for octet; a last line without its end gets one.

Pieces come in and go out one after the other; nothing is ever held whole.

Does not know: files; who sent the message.
References: RFC 4155, Dovecot's mbox format, Postfix `src/global/mail_copy.c`.
"""

from __future__ import annotations

import time

from pydeliver.flags import flag_mistake
from pydeliver.mailbox.maildir import pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["flag_fields", "from_line", "render_message"]

# What a flag or keyword puts there.  Dovecot and mutt read them so; `O` says that it is no longer new.
_STATUS = {"\\seen": "RO"}
_X_STATUS = {"\\answered": "A", "\\flagged": "F", "\\draft": "T", "\\deleted": "D"}
_DROPPED = (b"content-length", b"status", b"x-status", b"x-keywords", b"x-uid", b"x-imap", b"x-imapbase")
_SENDER_CHARACTERS = 320  # RFC 5321 section 4.5.3.1 allows 64 and 255 with an @ between


def from_line(sender: str, when: float) -> bytes:
    """`From sender Tue Nov 24 10:00:00 2026`, in local time as every reader takes it; no sender is MAILER-DAEMON."""
    address = "".join([c if "!" <= c <= "~" else "?" for c in sender[:_SENDER_CHARACTERS]]) or "MAILER-DAEMON"
    return f"From {address} {time.asctime(time.localtime(when))}\n".encode("ascii")


def flag_fields(flags: Iterable[str]) -> tuple[bytes, tuple[str, ...]]:
    """The fields that show these flags, with LF line ends, and a note for each flag that has no place there."""
    status = x_status = ""
    keywords: dict[str, str] = {}
    notes = []
    for flag in flags:
        folded = flag.lower()
        if folded in _STATUS:
            status = _STATUS[folded]
        elif folded in _X_STATUS:
            x_status += _X_STATUS[folded] if _X_STATUS[folded] not in x_status else ""
        elif mistake := flag_mistake(flag):
            notes.append(f"flag left out: {mistake}")
        else:
            keywords.setdefault(folded, flag)
    rows = (("Status", status), ("X-Status", x_status), ("X-Keywords", " ".join(keywords.values())))
    return "".join([f"{name}: {said}\n" for name, said in rows if said]).encode("ascii"), tuple(notes)


def render_message(chunks: Iterable[bytes | memoryview], fields: bytes, mboxrd: bool) -> Iterator[bytes]:
    """The message in pieces, `fields` last in its header, and the empty line behind it."""
    quoted = _mboxrd if mboxrd else _mboxo
    header: _Header | None = _Header()
    is_new_line = at_new_line = True  # of what comes in, and of what goes out
    for piece in _whole_lines(chunks):
        out, body = b"", piece
        if header is not None:
            head, body, is_over = header.less(piece, is_new_line)
            out = quoted(head, at_new_line)
            if is_over:
                header = None
                out += fields.replace(b"\n", b"\r\n") if body.startswith(b"\r") else fields
        out += quoted(body, out.endswith(b"\n") or (not out and at_new_line))
        is_new_line = piece.endswith(b"\n")
        if out:
            at_new_line = out.endswith(b"\n")
            yield out
    if header is not None:
        yield fields if at_new_line else b"\n" + fields
        at_new_line = True
    yield b"\n" if at_new_line else b"\n\n"


class _Header:
    """The lines before the first empty one, as they come; whether a field is being dropped."""

    def __init__(self) -> None:
        self._is_dropping = False

    def less(self, piece: bytes, is_new_line: bool) -> tuple[bytes, bytes, bool]:
        """The header's part of a piece, without the fields to drop; the rest; whether the header ends there."""
        end = _header_end(piece, is_new_line)
        head = piece if end < 0 else piece[:end]
        folded = head.lower()
        if self._is_dropping or any([name in folded for name in _DROPPED]):
            lines = enumerate(_lines(head))
            head = b"".join([line for number, line in lines if self._is_kept(line, is_new_line or number > 0)])
        return head, piece[end:] if end >= 0 else b"", end >= 0

    def _is_kept(self, line: bytes, is_new_line: bool) -> bool:
        if is_new_line and not line.startswith((b" ", b"\t")):
            name, colon, _ = line.partition(b":")
            self._is_dropping = bool(colon) and name.strip().lower() in _DROPPED
        return not self._is_dropping


def _header_end(piece: bytes, is_new_line: bool) -> int:
    """Where the first empty line begins, -1 if it is not in there."""
    if is_new_line and piece.startswith((b"\n", b"\r\n")):
        return 0
    return min([at + 1 for at in (piece.find(b"\n\n"), piece.find(b"\n\r\n")) if at >= 0], default=-1)


def _lines(text: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(text):
        end = text.find(b"\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _whole_lines(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """Pieces that end where a line does; only one that is all within a line is cut in it."""
    begun = b""
    for piece in pieces(chunks):
        begun += piece
        end = begun.rfind(b"\n") + 1 or len(begun)
        yield begun[:end]
        begun = begun[end:]
    if begun:
        yield begun


def _mboxo(lines: bytes, is_new_line: bool) -> bytes:
    quote = b">" if is_new_line and lines.startswith(b"From ") else b""
    return quote + lines.replace(b"\nFrom ", b"\n>From ")


def _mboxrd(lines: bytes, is_new_line: bool) -> bytes:
    import re

    quote = b">" if is_new_line and lines.lstrip(b">").startswith(b"From ") else b""
    return quote + re.sub(rb"\n(>*From )", rb"\n>\1", lines)
