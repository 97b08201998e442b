"""What the MTA hands over: the envelope, from options, its variables, or the trace fields at the top.

Options win, for whoever wrote them knows; then Postfix's variables; then the
fields an MTA has just put at the top of the message.  Those further down are
the sender's to forge, so reading stops at the first field of another kind.

Does not know: what the envelope is used for.
References: Postfix local(8) "EXTERNAL COMMAND DELIVERY", RFC 5321 section 4.4.
"""

from __future__ import annotations

from pydeliver.address import parse_address
from pydeliver.envelope import Envelope
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydeliver.message.view import Message

_TRACE_FIELDS = ("return-path", "delivered-to", "x-original-to", "envelope-to", "x-envelope-from", "x-envelope-to")


@value
class Told:
    """What the command line says of the envelope; None where it says nothing."""

    sender: str | None = None
    recipient: str | None = None
    detail: str | None = None


def read_envelope(told: Told, variables: Mapping[str, str], message: Message, user: str) -> Envelope:
    """Return the envelope; `user` is the recipient if nothing else names one."""
    trace = _trace_fields(message)
    sender, sender_source = _first_told(
        (told.sender, "-f"),
        (variables.get("SENDER"), "the variable SENDER"),
        (trace.get("return-path"), "Return-Path at the top"),
        (_from_line_sender(message), "the From_ line"),
    )
    recipient, recipient_source = _first_told(
        (told.recipient, "-r"),
        (variables.get("RECIPIENT"), "the variable RECIPIENT"),
        (trace.get("delivered-to"), "Delivered-To at the top"),
        (user, "the user's name"),
    )
    original = variables.get("ORIGINAL_RECIPIENT") or trace.get("x-original-to") or ""
    detail = told.detail if told.detail is not None else variables.get("EXTENSION")
    return Envelope(
        sender=_bare(sender),
        recipient=_bare(recipient),
        detail=detail,
        original_recipient=_bare(original),
        client_address=variables.get("CLIENT_ADDRESS", ""),
        auth_user=variables.get("SASL_USERNAME", ""),
        source=f"sender from {sender_source}, recipient from {recipient_source}",
    )


def _first_told(*told: tuple[str | None, str]) -> tuple[str, str]:
    for said, source in told:
        if said is not None:
            return said, source
    return "", "nowhere"


def _trace_fields(message: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in message.fields:
        name = field.name.lower()
        if name not in _TRACE_FIELDS:
            break
        found.setdefault(name, field.raw_text)
    return found


def _from_line_sender(message: Message) -> str | None:
    words = bytes(message.from_line).split()
    if len(words) < 2:
        return None
    sender = words[1].decode("utf-8", "replace")
    return "" if sender == "MAILER-DAEMON" else sender


def _bare(address: str) -> str:
    """The address without brackets; Postfix's pipe(8) writes the null sender as MAILER-DAEMON."""
    return "" if address.strip() in ("", "<>", "MAILER-DAEMON") else parse_address(address).address
