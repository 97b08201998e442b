"""Answer what an evaluation needs to know of the world.

Only looks: a dry run gets its answers here too, and leaves no trace.  A delivery
that meets a long list makes the list's index; what a program does that rules
ask is its own affair.

Does not know: rules; why a question was asked.
"""

from __future__ import annotations

import os
import time

from pydeliver.engine.evaluate import evaluate
from pydeliver.engine.facts import LISTED, PROGRAMS, Need
from pydeliver.mailbox.maildir import Maildir
from pydeliver.state.places import OutsideHome
from pydeliver.status import UNEXPECTED, DeliveryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from pydeliver.delivery.commands import Commands
    from pydeliver.delivery.lists import Lists
    from pydeliver.delivery.perform import Stores
    from pydeliver.engine.facts import Answer, Question
    from pydeliver.envelope import Envelope
    from pydeliver.message.view import Message
    from pydeliver.plan import Plan
    from pydeliver.rules.program import Program

    Answerer: TypeAlias = Callable[[Question], Answer]


def decide(
    programs: tuple[tuple[str, Program], ...],
    message: Message,
    envelope: Envelope,
    answer: Answerer,
    trace: list[Any] | None = None,
) -> Plan:
    """Evaluate, find out what is needed, evaluate again, until there is a plan.

    Each round adds a fact, and a rule file asks for finitely many.
    """
    facts: dict[Question, Answer] = {}
    while True:
        if trace is not None:
            trace.clear()
        outcome = evaluate(programs, message, envelope, facts, trace)
        if not isinstance(outcome, Need):
            return outcome
        facts[outcome.question] = answer(outcome.question)


def no_commands() -> Commands:
    """What says which commands may be run where nobody has said for whom."""
    raise DeliveryError(UNEXPECTED)


def no_program(question: Question) -> Answer:
    """What asks a program where nobody has said of which message."""
    raise DeliveryError(UNEXPECTED)


def answers_from(
    stores: Stores,
    commands: Callable[[], Commands] = no_commands,
    ask_program: Answerer = no_program,
    may_store: bool = True,
) -> Answerer:
    """Return what answers from a user's mailboxes, lists and state, and from programs that may be run for him.

    Unless it `may_store`, no index of a list is made.
    """
    lists: list[Lists] = []  # none until one is asked

    def answer(question: Question) -> Answer:
        word, *arguments = question
        if word in LISTED:
            lists[:] = lists or [_lists(stores, may_store)]
            return lists[0].answer(question)
        if word == "refusal":
            return _refusal(commands(), *arguments)
        if word in PROGRAMS:
            return ask_program(question)
        return _ANSWERS[word](stores, *arguments)

    return answer


def _lists(stores: Stores, may_store: bool) -> Lists:
    from pydeliver.delivery.lists import Lists

    return Lists(stores, may_store)


def _refusal(commands: Commands, word: str, *argv: str) -> str:
    from pydeliver.delivery.commands import refusal

    return refusal(commands, word, argv)


def _mailbox_exists(stores: Stores, name: str) -> bool:
    from pydeliver.naming import MailboxNameError

    try:
        return Maildir(stores.maildir).exists(name)
    except (OSError, MailboxNameError):
        return False  # what is no mailbox, or cannot be looked at, is not there to file into


def _is_new(stores: Stores, kind: str, place: str) -> bool:
    """Whether a store there would make the mailbox."""
    if kind == "mailbox":
        return not _mailbox_exists(stores, place)
    try:
        return not os.path.lexists(stores.places.of_rules(place))
    except OutsideHome:
        return False  # nothing will be made there


def _made_today(stores: Stores) -> int:
    from pydeliver.state.new_mailboxes import count_today

    return count_today(stores.places, time.time())


_ANSWERS: dict[str, Callable[..., Answer]] = {
    "mailbox exists": _mailbox_exists,
    "is new": _is_new,
    "made today": _made_today,
}
