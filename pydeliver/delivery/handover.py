"""What the MTA hands over: the envelope, from options, its variables, or the trace fields at the top.

Options win, for whoever wrote them knows; then the MTA's variables; then the
fields an MTA has just put at the top of the message.  Those further down are
the sender's to forge, so reading stops at the first field of another kind.
What a variable says is believed of the envelope and of nothing else.

All name SENDER and RECIPIENT alike; the detail is EXTENSION in Postfix and
OpenSMTPD, LOCAL_PART_SUFFIX with its delimiter in Exim, EXT in Courier and
qmail.  sendmail, getmail and fetchmail set none and say it all by options.
Where a shell could take an octet for more than text, Postfix writes `_` and
OpenSMTPD, in arguments, `:` (`o'brien@x` is `o_brien@x` there); the field at
the top says what stood in those places.

Does not know: what the envelope is used for.
References: Postfix local(8) "EXTERNAL COMMAND DELIVERY", Exim's specification
chapter 29.4, smtpd.conf(5), dot-courier(5), qmail-command(8), RFC 5321 section 4.4.
"""

from __future__ import annotations

from pydeliver.address import parse_address
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message, from_line_octets
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRACE_FIELDS = (
    *("return-path", "delivered-to", "x-original-to", "envelope-to", "delivery-date"),
    *("x-envelope-from", "x-envelope-to"),
)
# A bounce has none: Postfix's pipe(8) and sendmail name a daemon, Courier and qmail have a sign for a second bounce.
_NULL_SENDERS = ("", "<>", "MAILER-DAEMON", "#@[]")
_UNKNOWN = "unknown"  # getmail's word for an address that the message does not tell
_MASKS = (0x5F, 0x3A)  # `_` is Postfix's, `:` OpenSMTPD's


@value
class Told:
    """What the command line says of the envelope; None where it says nothing.

    A detail with an @ is what dovecot-lda's `-a` takes, the whole address.
    """

    sender: str | None = None
    recipient: str | None = None
    detail: str | None = None


def received(raw: bytes, fields: Sequence[str]) -> Message:
    """The message as it came, below the fields that the command line puts at its top."""
    if not fields:
        return Message(raw)
    start = from_line_octets(raw)
    line_end = "\r\n" if raw[: raw.find(b"\n") + 1].endswith(b"\r\n") else "\n"
    return Message(raw[:start] + "".join([field + line_end for field in fields]).encode() + raw[start:])


def read_envelope(told: Told, variables: Mapping[str, str], message: Message, user: str) -> Envelope:
    """Return the envelope; `user` is the recipient if nothing else names one."""
    trace = _trace_fields(message)
    return_path, delivered_to, original_to, envelope_to = [
        trace.get(name) for name in ("return-path", "delivered-to", "x-original-to", "envelope-to")
    ]
    address, detail = (told.detail, None) if told.detail and "@" in told.detail else (None, told.detail)
    sender, sender_source = _first_told(
        (_unmasked(told.sender, return_path), "-f"),
        (_unmasked(variables.get("SENDER"), return_path), "the variable SENDER"),
        (return_path, "Return-Path at the top"),
        (_from_line_sender(message), "the From_ line"),
    )
    recipient, recipient_source = _first_told(
        (_unmasked(told.recipient, delivered_to), "-r"),
        (_unmasked(address, delivered_to), "-a"),
        (_unmasked(variables.get("RECIPIENT"), delivered_to), "the variable RECIPIENT"),
        (delivered_to, "Delivered-To at the top"),
        (envelope_to, "Envelope-To at the top"),
        (user, "the user's name"),
    )
    recipient = parse_address(recipient).address
    detail, detail_source = _detail(detail, variables, recipient)
    original = _unmasked(variables.get("ORIGINAL_RECIPIENT"), original_to) or original_to or envelope_to or ""
    return Envelope(
        sender=_sender(sender),
        recipient=recipient,
        detail=detail,
        original_recipient=parse_address(original).address,
        client_address=variables.get("CLIENT_ADDRESS", ""),
        auth_user=variables.get("SASL_USERNAME", ""),
        source=f"sender from {sender_source}, recipient from {recipient_source}{detail_source}",
    )


def _first_told(*told: tuple[str | None, str]) -> tuple[str, str]:
    for said, source in told:
        if said is not None:
            return said, source
    return "", "nowhere"


def _unmasked(said: str | None, field: str | None) -> str | None:
    """What is said, or the address of the field that says the same and more exactly."""
    return field if said and field and _is_masked(said, parse_address(field).unquoted) else said


def _detail(told: str | None, variables: Mapping[str, str], recipient: str) -> tuple[str | None, str]:
    """The detail and where it is from; None if only the recipient says it.

    EXT is a name that anybody may use: it counts where qmail's DTLINE is too.
    """
    said, source = _first_told(
        (told, "-a"),
        (variables.get("EXTENSION") or None, "the variable EXTENSION"),
        (variables.get("LOCAL_PART_SUFFIX", "")[1:] or None, "the variable LOCAL_PART_SUFFIX"),
        ((variables.get("EXT") if "DTLINE" in variables else None) or None, "the variable EXT"),
    )
    if source == "nowhere":
        return None, ""
    exact = parse_address(recipient).detail
    return exact if _is_masked(said, exact) else said, f", detail from {source}"


def _is_masked(said: str, exact: str) -> bool:
    """Whether `said` is `exact` but for masked octets (Postfix local(8), command_expansion_filter)."""
    masked, octets = said.encode("utf-8", "surrogateescape"), exact.encode("utf-8", "surrogateescape")
    return len(masked) == len(octets) and all([m == o or m in _MASKS for m, o in zip(masked, octets, strict=True)])


def _trace_fields(message: Message) -> dict[str, str]:
    """The addresses in the fields at the top, by name; of several of one name the uppermost."""
    found: dict[str, str] = {}
    for field in message.fields:
        name = field.name.lower()
        if name not in _TRACE_FIELDS:
            break
        address = parse_address(field.raw_text).address
        if address != _UNKNOWN:
            found.setdefault(name, address)
    return found


def _from_line_sender(message: Message) -> str | None:
    words = bytes(message.from_line).split()
    if len(words) < 2:
        return None
    return words[1].decode("utf-8", "replace")


def _sender(said: str) -> str:
    """The address without brackets; empty for the null sender, however it is written, and for an unknown one."""
    return "" if said.strip() in (*_NULL_SENDERS, _UNKNOWN) else parse_address(said).address
