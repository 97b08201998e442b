"""Conditions only the world can answer: evaluation stops until the caller has.

Does not know: who answers.
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.engine.facts import ask
from pydeliver.engine.run import EvaluationError
from pydeliver.engine.values import scalar, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pydeliver.engine.conditions import Judge, Truth
    from pydeliver.engine.facts import Answer
    from pydeliver.engine.run import Run
    from pydeliver.rules.program import Condition


def asked(run: Run, *question: Any) -> Answer:
    """The answer to a question, noted as used."""
    if question not in run.used and len(run.used) >= limits.FACTS:
        raise EvaluationError(f"the rules asked more than {limits.FACTS} questions")
    answer = ask(run.facts, question)
    run.used[question] = answer
    return answer


def _fact(run: Run, condition: Condition) -> Truth:
    _, _, word, *arguments = condition
    said = [text_of(scalar(run, argument)) for argument in arguments]
    if word == "mailbox exists" and not said[0]:
        return False  # no mailbox has an empty name
    return bool(asked(run, word, *said))


JUDGES: dict[str, Judge] = {"fact": _fact}
