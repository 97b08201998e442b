"""`redirect`: hand the message to the system's mailer, which sends it on.

It takes the message when it ends in 0; whatever else it does, it has not.
What goes on is the message as the rules had edited it, less the From_ line
and Return-Path, which are of this delivery; and it says by Delivered-To, as
Postfix has it, that it has been here.  A message without a sender stays
without: nothing that comes back of it can come back again.

Does not know: who may redirect, nor what is done if it fails.
References: sendmail(1), Postfix local(8) (Delivered-To), RFC 5321 sections 4.4 and 4.5.5.
"""

from __future__ import annotations

import time

from pydeliver import limits
from pydeliver.address import parse_address
from pydeliver.delivery.commands import variables, with_complaint
from pydeliver.message.edit import Edit, edited
from pydeliver.status import DELIVERED, Status
from pydeliver.world.process import Command, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydeliver.delivery.commands import Commands
    from pydeliver.envelope import Envelope
    from pydeliver.message.view import Message
    from pydeliver.plan import Action

NOT_TAKEN = Status("4.3.0", "the mail system does not take the message that is to be passed on")
_VARIABLES = ("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG")  # no envelope: a mailer would take it for its own


def redirect(action: Action, message: Message, commands: Commands) -> tuple[Status, str]:
    """Hand the message over; the status, and what the journal should know of a failure."""
    timeout = min(limits.SENDMAIL_SECONDS, commands.until - time.monotonic())
    if timeout <= 0:
        return NOT_TAKEN, "no time was left to hand it over"
    addresses = action.argument("addresses")
    assert isinstance(addresses, tuple)
    sender = _sender(str(action.argument("sender") or "keep"), commands.envelope)
    argv = (str(commands.settings["sendmail"]), "-i", "-f", sender, "--", *addresses)
    environment = tuple([(name, said) for name, said in variables(commands) if name in _VARIABLES])
    command = Command(argv, environment, commands.home, timeout, takes_all=True)
    outcome = run(command, _passed_on(message, action, commands.envelope))
    if not outcome.failure:
        return DELIVERED, ""
    return NOT_TAKEN, f"{argv[0]}: {with_complaint(outcome)}"


def _sender(policy: str, envelope: Envelope) -> str:
    """The envelope's sender from here on; one that a mailer could misread is left out."""
    if policy == "null" or not envelope.sender:
        return ""
    sender = envelope.recipient if policy == "me" else envelope.sender
    is_plain = sender.isprintable() and not sender.startswith("-") and len(sender) <= limits.SENDER_CHARACTERS
    return sender if is_plain else ""


def _passed_on(message: Message, action: Action, envelope: Envelope) -> Iterable[bytes | memoryview]:
    passed = edited(message, (*action.edits, Edit("remove", "Return-Path", "")))
    been = [parse_address(field.raw_text).address for field in passed.values("delivered-to")]
    if envelope.recipient and envelope.recipient not in been:
        passed = edited(passed, (Edit("add", "Delivered-To", envelope.recipient),))
    return passed.chunks()
