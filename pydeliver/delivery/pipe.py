"""`pipe`: a program takes the message, and its exit status is the delivery's.

0 means that it has the message, 77 that it refuses it and 67 that it knows
nobody of that name; these it must say itself.  Whatever else it does, it may not
mean: a message is never returned because a program is missing, hangs or fails.

Does not know: who may run it, nor what is done if it fails.
References: sysexits(3), RFC 3463 (codes).
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.delivery.commands import run_command, with_complaint
from pydeliver.message.edit import edited, portion_of
from pydeliver.status import DELIVERED, EX_NOPERM, EX_NOUSER, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.delivery.commands import Commands
    from pydeliver.message.view import Message
    from pydeliver.plan import Action

NOT_TAKEN = Status("4.3.0", "the program that takes the message has not taken it")
REFUSALS = {
    EX_NOUSER: Status("5.1.1", "the program that takes the message knows no such user"),
    EX_NOPERM: Status("5.7.1", "the program that takes the message refuses it"),
}


def pipe(action: Action, message: Message, commands: Commands) -> tuple[Status, str]:
    """Give the message to the program; the status, and what the journal should know of a failure."""
    argv, timeout = action.argument("argv"), action.argument("timeout") or limits.PROGRAM_SECONDS
    assert isinstance(argv, tuple)
    chunks = portion_of(edited(message, action.edits), str(action.argument("portion") or ""))
    outcome = run_command(commands, "pipe", argv, chunks, float(str(timeout)))
    if not outcome.failure:
        return DELIVERED, ""
    status = NOT_TAKEN if outcome.status is None else REFUSALS.get(outcome.status, NOT_TAKEN)
    return status, with_complaint(outcome)
