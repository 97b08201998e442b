"""What the MTA hands over: the envelope, from options, its variables, or the trace fields at the top.

Options win, for whoever wrote them knows; then Postfix's variables; then the
fields an MTA has just put at the top of the message.  Those further down are
the sender's to forge, so reading stops at the first field of another kind.
In its variables Postfix masks what a shell could take for more than text
(`o'brien@x` is `o_brien@x` there); the field says what stood in those places.

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
    trace = {name: _bare(text) for name, text in _trace_fields(message).items()}
    return_path, delivered_to, original_to = [
        trace.get(name) for name in ("return-path", "delivered-to", "x-original-to")
    ]
    sender, sender_source = _first_told(
        (told.sender, "-f"),
        (_unmasked(variables.get("SENDER"), return_path), "the variable SENDER"),
        (return_path, "Return-Path at the top"),
        (_from_line_sender(message), "the From_ line"),
    )
    recipient, recipient_source = _first_told(
        (told.recipient, "-r"),
        (_unmasked(variables.get("RECIPIENT"), delivered_to), "the variable RECIPIENT"),
        (delivered_to, "Delivered-To at the top"),
        (user, "the user's name"),
    )
    original = _unmasked(variables.get("ORIGINAL_RECIPIENT"), original_to) or original_to or ""
    recipient = _bare(recipient)
    return Envelope(
        sender=_bare(sender),
        recipient=recipient,
        detail=told.detail if told.detail is not None else _detail(variables.get("EXTENSION"), recipient),
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


def _unmasked(said: str | None, field: str | None) -> str | None:
    """What a variable says, or the address of the field that says the same and more exactly."""
    return field if said and field and _is_masked(said, parse_address(field).unquoted) else said


def _detail(said: str | None, recipient: str) -> str | None:
    exact = parse_address(recipient).detail
    return exact if said and _is_masked(said, exact) else said


def _is_masked(said: str, exact: str) -> bool:
    """Whether `said` is `exact` but for octets written as `_` (Postfix local(8), command_expansion_filter)."""
    masked, octets = said.encode("utf-8", "surrogateescape"), exact.encode("utf-8", "surrogateescape")
    return len(masked) == len(octets) and all([m in (o, 0x5F) for m, o in zip(masked, octets, strict=True)])


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
