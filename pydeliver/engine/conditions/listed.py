"""`in` a list from a file: all values of a field are one question, which the caller answers.

Where the list cannot be used, evaluation cannot say what the rules mean, and fails.

Does not know: who answers, nor what a list file looks like.
"""

from __future__ import annotations

from pydeliver.engine.conditions.compare import look_at
from pydeliver.engine.conditions.fact import asked
from pydeliver.engine.run import EvaluationError
from pydeliver.engine.values import text_of, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.engine.conditions import Judge, Truth
    from pydeliver.engine.run import Run
    from pydeliver.rules.program import Condition


def _listed(run: Run, condition: Condition) -> Truth:
    _, _, every, left, name, path = condition
    values = texts(run, left)
    look_at(run, values)
    if every and not values:
        return False
    said = dict.fromkeys([text_of(value) for value in values or ("",)])
    answer = asked(run, "every in list" if every else "in list", name, path, *said)
    if isinstance(answer, str):
        raise EvaluationError(f"the list {name} cannot be used: {path}: {answer}")
    return bool(answer)


JUDGES: dict[str, Judge] = {"in list": _listed}
