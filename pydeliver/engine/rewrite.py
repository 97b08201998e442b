"""`rewrite`: what a program prints takes the place of the message or of a part of it.

Its output is a fact.  A failure keeps the original in the inbox, unless the
rule says otherwise; in a dry run no program rewrites anything, and what follows
sees the message unchanged.

Does not know: who runs the program.
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.engine.conditions.fact import asked
from pydeliver.engine.facts import Ran
from pydeliver.engine.run import Deferral, EvaluationError
from pydeliver.engine.values import arguments
from pydeliver.message.edit import Edit, replacement_mistake
from pydeliver.plan import Action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydeliver.engine.run import Run
    from pydeliver.plan import Argument, Where
    from pydeliver.rules.program import Value

_FAILED = "4.3.0 a program that rewrites the message failed"


def rewrite(run: Run, given: Mapping[str, Value], where: Where) -> Action:
    """Make the new version; raises EvaluationError or Deferral where that fails and the rule does not go on."""
    said: dict[str, Argument] = {}
    for name, value in given.items():
        said[name] = arguments(run, value) if name == "argv" else value[1]
    action = Action("rewrite", tuple(said.items()), where)
    portion, seconds = said.get("portion", ""), said.get("timeout", limits.PROGRAM_SECONDS)
    ran = asked(run, "rewrite", portion, said["argv"], run.version.edits, seconds)
    assert isinstance(ran, Ran)
    if ran.outcome == "refused":
        raise EvaluationError(f"{action.words}: {ran.reason}")
    if ran.outcome == "not run":
        run.note(f"not run here: {action.words}; what follows sees the unchanged message")
    elif failure := _failure(ran, str(portion)):
        _fail(run, action, failure, said.get("on_error"))
    else:
        run.edit(Edit("replace", str(portion), "", ran.output))
    return action


def _failure(ran: Ran, portion: str) -> str:
    if ran.outcome != "exited":
        return ran.reason
    return ran.reason if ran.status else replacement_mistake(portion, ran.output)


def _fail(run: Run, action: Action, failure: str, on_error: Argument | None) -> None:
    failed = f"{action.words} failed: {failure}"
    if on_error == "defer":
        run.note(failed)
        run.actions.append(Action("defer", (("status", _FAILED),), action.where))
        raise Deferral(failed)
    if on_error != "continue":
        raise EvaluationError(failed)
    run.note(f"{failed}; what follows sees the unchanged message")


__all__ = ["rewrite"]
