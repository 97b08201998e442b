"""Comparisons of numbers: < <= > >= and between, which includes both ends.

Text that is no number compares false with any number.

Does not know: units; a size is in octets by now.
"""

from __future__ import annotations

from pydeliver.engine.conditions.compare import quantified
from pydeliver.engine.values import number_of, scalar, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.engine.conditions import Judge, Truth
    from pydeliver.engine.run import Run, Scalar
    from pydeliver.rules.program import Condition

_HOLDS = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def _order(run: Run, condition: Condition) -> Truth:
    _, _, every, left, operator, right = condition
    bound = number_of(scalar(run, right))

    def holds(value: Scalar) -> bool:
        number = number_of(value)
        return number is not None and bound is not None and bool(_HOLDS[operator](number, bound))

    return quantified(run, every, texts(run, left), holds)


def _between(run: Run, condition: Condition) -> Truth:
    _, _, every, left, low, high = condition
    lowest, highest = number_of(scalar(run, low)), number_of(scalar(run, high))

    def holds(value: Scalar) -> bool:
        number = number_of(value)
        return None not in (number, lowest, highest) and lowest <= number <= highest  # type: ignore[operator]

    return quantified(run, every, texts(run, left), holds)


JUDGES: dict[str, Judge] = {"order": _order, "between": _between}
