"""The trace fields a server puts above a message that came by LMTP or SMTP.

`Return-Path` says the envelope's sender: one that came with the message is
dropped.  `Delivered-To` says the recipient, so that a loop is seen.

Does not know: who delivers.
References: RFC 5321 sections 4.1.1.4 and 4.4, RFC 3848 (LMTP).
"""

from __future__ import annotations

import time

from pydeliver.message.edit import Edit, edited
from pydeliver.message.view import Message
from pydeliver.value import value

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_COPIED = 1 << 18  # a message up to this is copied below its trace fields, a larger one has them laid over


@value
class Hop:
    """How a message came here: who said hello, from where, by which protocol, under which name of ours."""

    hello: str
    client: str
    protocol: str
    host: str


def traced(raw: bytes, sender: str, recipient: str, hop: Hop, now: float) -> Message:
    """Return the message with its trace fields at the top."""
    fields = {
        "Return-Path": f"<{_printable(sender)}>",
        "Delivered-To": _printable(recipient),
        "Received": _received(recipient, hop, now),
    }
    message = Message(raw)
    if len(raw) > _COPIED or message.from_line or message.values("return-path"):
        edits = [Edit("remove", "Return-Path", "")]
        return edited(message, [*edits, *[Edit("add", name, fields[name]) for name in reversed(fields)]])
    head = "".join([f"{name}: {text}\n" for name, text in fields.items()])
    return Message(head.encode("utf-8", "replace") + raw)


def _received(recipient: str, hop: Hop, now: float) -> str:
    client = f" ({_printable(hop.client)})" if hop.client else ""
    moment = time.gmtime(now)
    date = time.strftime(f"{_WEEKDAYS[moment.tm_wday]}, %d {_MONTHS[moment.tm_mon - 1]} %Y %H:%M:%S +0000", moment)
    hello = "".join([character for character in _printable(hop.hello) if character not in "();"])
    return f"from {hello}{client} by {hop.host} with {hop.protocol} for <{_printable(recipient)}>; {date}"


def _printable(text: str) -> str:
    return "".join([character for character in text if character.isprintable()])
