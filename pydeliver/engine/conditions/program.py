"""`run`: what a program that is given the message exits with or prints.

It runs once for each message version, whatever is asked of it.  One that could
not be run to its end is unknown, not false: `not run … succeeds` must not hold
because a program is missing.  One that must not be run is a mistake of the
rules.

Does not know: who runs it.
"""

from __future__ import annotations

from pydeliver.engine.conditions.compare import look_at
from pydeliver.engine.conditions.fact import asked
from pydeliver.engine.facts import Ran, in_words
from pydeliver.engine.run import EvaluationError
from pydeliver.engine.values import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.engine.conditions import Judge, Truth
    from pydeliver.engine.run import Run
    from pydeliver.rules.program import Condition, Value


def _run(run: Run, condition: Condition) -> Truth:
    _, _, kind, portion, argv, wanted = condition
    question = ("run", portion, arguments(run, argv), run.version.edits)
    ran = asked(run, *question)
    assert isinstance(ran, Ran)
    if ran.outcome == "refused":
        raise EvaluationError(f"{in_words(question)}: {ran.reason}")
    if ran.outcome != "exited":
        run.note(f"{in_words(question)} is unknown: {ran.reason}")
        return None
    if kind == "outputs":
        return _prints(run, ran, wanted)
    look_at(run, (ran.status,))
    return bool(ran.status == wanted)


def _prints(run: Run, ran: Ran, wanted: Value) -> bool:
    from pydeliver.engine.match import match
    from pydeliver.engine.pattern import pattern_of
    from pydeliver.fold import composed
    from pydeliver.message.text import guess

    output = composed(guess(ran.output))
    look_at(run, (output,))
    pattern = pattern_of(run, wanted)
    captures = match(pattern, output) if pattern is not None else None
    if captures is None:
        return False
    run.capture(captures)
    return True


JUDGES: dict[str, Judge] = {"run": _run}
