"""Deliver one message: decide, perform, write the journal, say the verdict, keep the books.

Every door, the pipe and LMTP, ends here.  The verdict is told only after
everything it promises is durable; what comes after it, notices, can no longer
change or delay it.

Does not know: how the message came, nor in what dialect the verdict is told.
"""

from __future__ import annotations

import os
import time

from pydeliver.delivery.answer import answers_from, decide, no_commands
from pydeliver.delivery.perform import Performed, Stores, perform
from pydeliver.jsonline import render_json
from pydeliver.mailbox.tree import close
from pydeliver.state.journal import open_journal, write_line
from pydeliver.status import DeliveryError
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pydeliver.delivery.commands import Commands
    from pydeliver.delivery.retry import Attempt
    from pydeliver.engine.facts import Answer, Question
    from pydeliver.envelope import Envelope
    from pydeliver.message.view import Message
    from pydeliver.plan import Plan
    from pydeliver.rules.program import Program
    from pydeliver.status import Status


@value
class Delivery:
    """One message for one recipient, and all that decides what becomes of it.

    `problems` are what was wrong with the rules before they ran.  `commands`
    says what may be run for the recipient; most messages need not know.
    `received` is the message as it was handed over, where whoever took it has
    put fields of this attempt at its top.
    """

    message: Message
    envelope: Envelope
    programs: tuple[tuple[str, Program], ...]
    stores: Stores
    problems: tuple[str, ...] = ()
    notices: bool = True
    commands: Callable[[], Commands] = no_commands
    received: bytes | None = None

    def ask_program(self, question: Question) -> Answer:
        from pydeliver.delivery.commands import ask_program

        return ask_program(self.commands(), self.message, question)


def deliver(delivery: Delivery, is_wanted: Callable[[], bool], tell: Callable[[Status], None]) -> None:
    """Carry the delivery out and `tell` its status, exactly once."""
    try:
        plan, attempt = _decided(delivery)
    except DeliveryError as error:
        tell(error.status)
        return
    try:
        _carry_out(delivery, plan, attempt, is_wanted, tell)
    finally:
        if attempt is not None:
            attempt.close()


def _carry_out(
    delivery: Delivery,
    plan: Plan,
    attempt: Attempt | None,
    is_wanted: Callable[[], bool],
    tell: Callable[[Status], None],
) -> None:
    about, notes = _about(delivery, plan), delivery.message.notes
    journal = open_journal(delivery.stores.places)
    try:
        performed = _performed(delivery, plan, attempt, is_wanted)
        problems = tuple([said for said in (*delivery.problems, plan.problem, performed.problem) if said])
        write_line(journal, _journal_line(performed, about, (*performed.notes, *notes), problems))
        if attempt is not None:
            attempt.finish(performed.status)
        tell(performed.status)
        performed.close()
    finally:
        if journal is not None:
            close(journal)
    if plan.new_mailboxes and performed.stored:
        from pydeliver.state.new_mailboxes import record

        record(delivery.stores.places, plan.new_mailboxes, time.time())
    if problems and delivery.notices and performed.status.is_success:
        _notify(delivery, problems)


def _performed(delivery: Delivery, plan: Plan, attempt: Attempt | None, is_wanted: Callable[[], bool]) -> Performed:
    try:
        if attempt is not None:
            return attempt.perform(is_wanted)
        return perform(plan, delivery.message, delivery.envelope, delivery.stores, is_wanted)
    except DeliveryError as error:
        return Performed(error.status)


def _decided(delivery: Delivery) -> tuple[Plan, Attempt | None]:
    """The plan, and the attempt at it if it hands the message on; an earlier one may have left both."""
    if os.path.isdir(delivery.stores.places.retry):
        from pydeliver.delivery.retry import resume

        resumed = resume(delivery)
        if resumed is not None:
            return resumed.plan, resumed
    answers = answers_from(delivery.stores, delivery.commands, delivery.ask_program)
    plan = decide(delivery.programs, delivery.message, delivery.envelope, answers)
    if not plan.is_handed_on:
        return plan, None
    from pydeliver.delivery.retry import begin

    begun = begin(delivery, plan)
    return begun.plan, begun


def _about(delivery: Delivery, plan: Plan) -> str:
    """What the journal says of the message and its plan, as JSON.

    Rendered before anything is committed: a failure here must not be told of a
    message that is delivered, for it would be delivered again.
    """
    envelope, message = delivery.envelope, delivery.message
    identities = message.values("message-id")
    return render_json(
        {
            "sender": envelope.sender,
            "recipient": envelope.recipient,
            "message_id": identities[0].angle if identities else "",
            "size": message.size,
            "plan": plan.as_data(),
        }
    )


def _journal_line(performed: Performed, about: str, notes: tuple[str, ...], problems: tuple[str, ...]) -> str:
    done = render_json(
        {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "status": performed.status.code,
            "text": performed.status.text,
            "stored": performed.stored,
            "handed_on": performed.handed_on,
            "notes": notes,
            "problems": problems,
        }
    )
    return f"{done[:-1]},{about[1:]}"


def _notify(delivery: Delivery, problems: tuple[str, ...]) -> None:
    """Put a notice for each problem into the inbox; one that cannot be stored is only in the journal."""
    from pydeliver.envelope import Envelope
    from pydeliver.message.view import Message
    from pydeliver.plan import Action, Plan
    from pydeliver.state.notices import claim, compose

    now = time.time()
    keep = Plan("keep", (Action("keep"),))
    for problem in problems:
        if claim(delivery.stores.places, problem, now):
            notice = Message(compose(delivery.envelope.recipient, problem, now))
            try:
                perform(keep, notice, Envelope(), delivery.stores, lambda: True).close()
            except DeliveryError:
                return
