"""Answer what an evaluation needs to know of the world.

Only looks: a dry run gets its answers here too, and leaves no trace.

Does not know: rules; why a question was asked.
"""

from __future__ import annotations

from pydeliver.engine.evaluate import evaluate
from pydeliver.engine.facts import Need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from pydeliver.engine.facts import Answer, Question
    from pydeliver.envelope import Envelope
    from pydeliver.mailbox.maildir import Maildir
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


def answers_from(maildir: Maildir) -> Answerer:
    """Return what answers from the mailboxes of `maildir`."""

    def answer(question: Question) -> Answer:
        word, name = question
        assert word == "mailbox exists", f"no rule can ask {word!r} yet"
        return _mailbox_exists(maildir, name)

    return answer


def _mailbox_exists(maildir: Maildir, name: str) -> bool:
    from pydeliver.naming import MailboxNameError

    try:
        return maildir.exists(name)
    except (OSError, MailboxNameError):
        return False  # what is no mailbox, or cannot be looked at, is not there to file into
