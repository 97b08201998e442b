"""Explain an evaluation: each rule with the values it compared, and why it did or did not match.

Does not know: how it is shown; controls in a message's text are escaped here.
"""

from __future__ import annotations

from pydeliver.engine.values import text_of
from pydeliver.rules.source import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pydeliver.engine.run import Scalar
    from pydeliver.envelope import Envelope
    from pydeliver.plan import Plan, Where
    from pydeliver.rules.program import Program

_SHOWN_VALUES = 4
_SHOWN_CHARACTERS = 60
_OUTCOMES = {True: "true", False: "false", None: "unknown"}


def explain(
    trace: list[Any], programs: tuple[tuple[str, Program], ...], plan: Plan, envelope: Envelope
) -> tuple[str, ...]:
    """Return the trace as lines."""
    lines = [_envelope(envelope)]
    lines += _rules(trace)
    lines += _not_tried(trace, programs)
    lines += [f"fact: {name} is {str(answer).lower()}" for name, answer in plan.facts]
    return tuple(lines)


def _envelope(envelope: Envelope) -> str:
    detail = "" if envelope.detail is None else f", detail {_shown(envelope.detail)}"
    said = f"sender {_shown(envelope.sender)}, recipient {_shown(envelope.recipient)}{detail}"
    return f"envelope: {said} ({envelope.source})"


def _rules(trace: list[Any]) -> Iterable[str]:
    values: tuple[Scalar, ...] = ()
    for kind, *said in trace:
        if kind == "rule":
            yield _rule_line(said[0])
        elif kind == "values":
            values = said[0]
        elif kind == "condition":
            written, outcome = said
            yield f"    {printable(written)}: {_OUTCOMES[outcome]}{_compared(values)}"
            values = ()
        elif kind == "set":
            yield f"    set {said[0]} = {_shown(said[1])}"
        elif kind == "unknown":
            yield "    unknown, so neither its block nor its else is taken"
        elif kind == "stop":
            yield f"    decided, at line {said[0].line}"


def _rule_line(where: Where) -> str:
    name = f'rule "{printable(where.rule)}"' if where.rule else "rule without a name"
    return f"{name}, {printable(where.file)}:{where.line}"


def _compared(values: tuple[Scalar, ...]) -> str:
    if not values:
        return " (no value)"
    shown = ", ".join([_shown(value) for value in values[:_SHOWN_VALUES]])
    more = f" and {len(values) - _SHOWN_VALUES} more" if len(values) > _SHOWN_VALUES else ""
    return f" ({shown}{more})"


def _shown(value: Scalar) -> str:
    if not isinstance(value, str):
        return text_of(value)
    cut = value if len(value) <= _SHOWN_CHARACTERS else value[: _SHOWN_CHARACTERS - 1] + "…"
    return f'"{printable(cut)}"'


def _not_tried(trace: list[Any], programs: tuple[tuple[str, Program], ...]) -> Iterable[str]:
    """The rules evaluation did not come to, and what it was decided in."""
    tried = {(where.rule, where.file, where.line) for kind, where, *_ in trace if kind == "rule"}
    decided = [where for kind, where, *_ in trace if kind == "stop"]
    because = f"decided in {decided[0]}" if decided else "evaluation was over"
    for _, program in programs:
        for (rule, line), instruction in zip(program.places, program.code, strict=True):
            where = (program.rules[rule], program.files[rule], line)
            if instruction[0] == "rule" and where not in tried:
                name = f'rule "{printable(program.rules[rule])}"' if program.rules[rule] else "rule without a name"
                yield f"{name}, {printable(program.files[rule])}:{line}: not tried: {because}"
