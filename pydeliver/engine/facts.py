"""Facts: what only the world knows, asked for as evaluation comes to need it.

A question is a tuple, its word first: ("mailbox exists", "lists/dev"), or
("in list", the list's name, its file, value …), which asks for any of the values,
as ("every in list", …) does for all.  The
caller answers it and evaluates again; within one delivery the same question
has one answer, so the same facts give the same plan.

Does not know: who answers, or how.
"""

from __future__ import annotations

from pydeliver.plan import quote
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    Question: TypeAlias = tuple[Any, ...]
    Answer: TypeAlias = "str | int | float | bool | Ran"
    Facts: TypeAlias = Mapping[Question, Answer]


LISTED = ("in list", "every in list")
_SHOWN = 4  # values of a question about several
_SHOWN_CHARACTERS = 80
PROGRAMS = ("run", "rewrite")  # facts that a program's run answers
UNASKED = ("is new", "made today", "refusal")  # facts no rule asks for: of new mailboxes, and of what may be done


@value
class Ran:
    """What became of a program.

    The answer to ("run", portion, argv, edits) and to ("rewrite", portion, argv,
    edits, seconds): the edits make the version of the message that it is given.
    `outcome` is "exited"; "failed", where it did not exit by itself or could
    not be started; "refused", where it must not be run; or "not run".
    """

    outcome: str
    status: int = 0
    output: bytes = b""
    reason: str = ""  # why not

    def __str__(self) -> str:
        if self.outcome == "exited":
            return f"exit {self.status}, {len(self.output)} octets"
        return f"{self.outcome}: {self.reason}" if self.reason else self.outcome


@value
class Need:
    """Evaluation stopped for want of an answer."""

    question: Question


class Unanswered(Exception):
    """Carries a question out of evaluation."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


def ask(facts: Facts, question: Question) -> Answer:
    """Return the fact; raises Unanswered if it is not known."""
    if question not in facts:
        raise Unanswered(question)
    return facts[question]


def in_words(question: Question) -> str:
    """Name a question as a rule file would."""
    word, *arguments = question
    if word == "mailbox exists":
        return f"mailbox {quote(arguments[0])} exists"
    if word in LISTED:
        every = "" if word == "in list" else "every "
        return f"{every}{_several(arguments[2:])} in {arguments[0]}"
    if word in PROGRAMS:
        portion, argv = arguments[:2]
        return " ".join([word, *([portion] if portion else []), f"[{', '.join([quote(said) for said in argv])}]"])
    return " ".join([word, *[quote(argument) for argument in arguments]])


def _several(values: list[str]) -> str:
    shown = [quote(v if len(v) <= _SHOWN_CHARACTERS else v[: _SHOWN_CHARACTERS - 1] + "…") for v in values[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")


def quiet_answer(question: Question) -> Answer:
    """What a test takes as the answer where it assumes none: nothing out of the ordinary."""
    if question[0] in PROGRAMS:
        return Ran("exited") if question[0] == "run" else Ran("not run")
    answers: dict[str, Answer] = {"is new": True, "made today": 0, "refusal": ""}
    answers |= dict.fromkeys(("mailbox exists", *LISTED), False)
    return answers[question[0]]
