"""Conditions: true, false, or unknown (None).

One file holds each kind of condition; this table finds it, and loads it when a
rule first asks.  `not`, `and`, `or` follow Kleene: unknown stays unknown
unless the rest decides.

Does not know: what follows from a condition.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pydeliver.engine.run import Run
    from pydeliver.rules.program import Condition

    Truth: TypeAlias = bool | None
    Judge: TypeAlias = Callable[[Run, Condition], Truth]


def truth(run: Run, condition: Condition) -> Truth:
    """Whether a condition holds; parts are tried from left to right, no further than needed."""
    kind = condition[0]
    if kind == "and":
        return _all_of(run, condition[1:])
    if kind == "or":
        return _any_of(run, condition[1:])
    if kind == "not":
        inner = truth(run, condition[1])
        return None if inner is None else not inner
    outcome = _judge(kind)(run, condition)
    if run.trace is not None:
        run.trace.append(("condition", condition[1], outcome))
    return outcome


def _all_of(run: Run, conditions: tuple[Condition, ...]) -> Truth:
    outcome: Truth = True
    for condition in conditions:
        part = truth(run, condition)
        if part is False:
            return False
        outcome = outcome if part else None
    return outcome


def _any_of(run: Run, conditions: tuple[Condition, ...]) -> Truth:
    outcome: Truth = False
    for condition in conditions:
        part = truth(run, condition)
        if part:
            return True
        outcome = None if part is None else outcome
    return outcome


_MODULES = {
    "is": "compare",
    "contains": "compare",
    "starts with": "compare",
    "ends with": "compare",
    "in": "compare",
    "in list": "listed",
    "exists": "compare",
    "order": "order",
    "between": "order",
    "matches": "matches",
    "addressed": "addressed",
    "fact": "fact",
    "run": "program",
}
_judges: dict[str, Judge] = {}


def _judge(kind: str) -> Judge:
    if kind not in _judges:
        module = __import__(f"{__name__}.{_MODULES[kind]}", fromlist=["JUDGES"])
        _judges.update(module.JUDGES)
    return _judges[kind]
