"""The envelope: what SMTP said about a message, whatever the fields in it say.

Does not know: how an MTA hands it over (`delivery/handover`), nor the message.
References: RFC 5321 section 2.3.1, RFC 5233 (detail).
"""

from __future__ import annotations

from pydeliver.value import value


@value
class Envelope:
    """Sender and recipient as the MTA gave them; empty text is a null or unknown one.

    `source` says in words where they were taken from: the trace shows it.
    """

    sender: str = ""
    recipient: str = ""
    detail: str | None = None  # None: taken from the recipient
    original_recipient: str = ""
    client_address: str = ""
    auth_user: str = ""
    source: str = "nowhere"
