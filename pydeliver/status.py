"""Delivery status: one answer, told in every dialect we speak.

A status is an RFC 3463 code plus a line of text.  It becomes an exit status
and the first line of output, an LMTP or SMTP reply, or a DSN field.  Code that
fails says what went wrong here, once; it never picks an exit status or a reply
of its own.

Only 75 is temporary to every MTA; Postfix bounces every other exit status but
71, Exim also bounces signals and time-outs.  So a delivery ends in 0, 67
(the user database says: no such user), 77 (a rule's or the site's reject) or
75, and in nothing else.

Does not know: rules, actions, or where a message was going.
References: RFC 3463, RFC 5321 section 4.2, sysexits(3).
"""

from __future__ import annotations

from pydeliver.value import value

EX_OK, EX_USAGE, EX_NOUSER, EX_TEMPFAIL, EX_NOPERM = 0, 64, 67, 75, 77


@value
class Status:
    """An RFC 3463 code (`class.subject.detail`) and one line of text for the peer."""

    code: str
    text: str

    @property
    def is_success(self) -> bool:
        return self.code.startswith("2")

    @property
    def is_temporary(self) -> bool:
        return not self.code.startswith(("2", "5"))

    @property
    def exit_status(self) -> int:
        """The sysexits(3) number an MTA reads: 0, 67, 75 or 77."""
        if self.is_success:
            return EX_OK
        if self.is_temporary:
            return EX_TEMPFAIL
        return EX_NOUSER if self == NO_SUCH_USER else EX_NOPERM  # a rule may say 5.1.1, and still it is a rule's

    @property
    def reply_code(self) -> int:
        """The three digits of an SMTP or LMTP reply."""
        if self.is_success:
            return 250
        return _REPLY_CODES.get(self.code, 451 if self.is_temporary else 550)

    @property
    def line(self) -> str:
        """Code and text on one line of printable ASCII, as an MTA quotes it to the sender."""
        text = "".join([c if " " <= c <= "~" else "?" for c in self.text])
        return f"{self.code} {text}"[:500]


_REPLY_CODES = {  # where RFC 5321 section 4.2.3 has a code of its own for what is meant
    "4.2.2": 452,
    "4.3.1": 452,
    "4.5.3": 452,
    "5.2.2": 552,
    "5.3.4": 552,
    "5.5.1": 503,
}


class DeliveryError(Exception):
    """The world failed us; `status` says how, in words fit for the peer."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.line)
        self.status = status


DELIVERED = Status("2.0.0", "delivered")
NO_SUCH_USER = Status("5.1.1", "no such user")
UNEXPECTED = Status("4.3.0", "delivery failed for a reason of our own; it will be tried again")


def parse_status(text: str, default_code: str) -> Status:
    """Split a rule's `"5.7.1 not here"` into code and text.

    A text without a code, or with one of another class than `default_code`
    (a `defer` that says 5.7.1), gets `default_code` and is kept whole.
    """
    code, _, rest = text.strip().partition(" ")
    parts = code.split(".")
    well_formed = len(parts) == 3 and all([p.isascii() and p.isdigit() and len(p) <= 3 for p in parts])
    if well_formed and parts[0] == default_code[0]:
        return Status(code, rest.strip())
    return Status(default_code, text.strip())
