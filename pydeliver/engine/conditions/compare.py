"""Comparisons of texts: is, contains, starts with, ends with, in, exists.

True if any value compares with any key; with `every`, if all do and there is
one.  Texts compare folded; where one side is a number, both are taken as
numbers, and text that is none compares false.

Does not know: where values come from; see `values`.
"""

from __future__ import annotations

from pydeliver.engine.values import number_of, text_of, texts
from pydeliver.fold import fold
from pydeliver.limits import CHARACTERS_PER_STEP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydeliver.engine.conditions import Judge, Truth
    from pydeliver.engine.run import Run, Scalar
    from pydeliver.rules.program import Condition, Value


def quantified(run: Run, every: bool, values: tuple[Scalar, ...], holds: Callable[[Scalar], bool]) -> bool:
    """Any value, or every one and at least one; a value that is missing is empty text."""
    look_at(run, values)
    if every:
        return bool(values) and all([holds(value) for value in values])
    return any([holds(value) for value in values or ("",)])


def look_at(run: Run, values: tuple[Scalar, ...]) -> None:
    """Tell the trace what is compared, and count the work."""
    if run.trace is not None:
        run.trace.append(("values", values))
    run.spend(len(values) + sum([len(value) for value in values if isinstance(value, str)]) // CHARACTERS_PER_STEP)


def _is(run: Run, condition: Condition) -> Truth:
    _, _, every, left, keys, others = condition
    rights = [right for other in others for right in texts(run, other)]

    def holds(value: Scalar) -> bool:
        return _equals_key(value, keys) or any([_equal(value, right) for right in rights])

    return quantified(run, every, texts(run, left), holds)


def _equals_key(value: Scalar, keys: Iterable[str]) -> bool:
    if isinstance(value, str):
        return fold(value) in keys
    return any([number_of(key) == value for key in keys])


def _equal(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return fold(one) == fold(other)
    left, right = number_of(one), number_of(other)
    return left is not None and left == right


def _comparison(found: Callable[[str, str], bool]) -> Judge:
    """A judge that compares each value's text with each key's."""

    def judge(run: Run, condition: Condition) -> Truth:
        _, _, every, left, keys, others = condition
        wanted = [*keys, *[fold(text_of(right)) for other in others for right in texts(run, other)]]

        def holds(value: Scalar) -> bool:
            text = fold(text_of(value))
            return any([found(text, key) for key in wanted])

        return quantified(run, every, texts(run, left), holds)

    return judge


def _in(run: Run, condition: Condition) -> Truth:
    _, _, every, left, exact, wild, others = condition
    fits = _fits_any(run, wild) if wild else None
    rights = [right for other in others for right in texts(run, other)]

    def holds(value: Scalar) -> bool:
        if _equals_key(value, exact) or any([_equal(value, right) for right in rights]):
            return True
        return fits is not None and fits(text_of(value))

    return quantified(run, every, texts(run, left), holds)


def _fits_any(run: Run, wild: tuple[Value, ...]) -> Callable[[str], bool]:
    """Whether a text fits one of the globs; only where there are any is what matches them loaded."""
    from pydeliver.engine.match import match
    from pydeliver.engine.pattern import pattern_of

    globs = [glob for glob in [pattern_of(run, value) for value in wild] if glob is not None]
    return lambda text: any([match(glob, text) is not None for glob in globs])


def _exists(run: Run, condition: Condition) -> Truth:
    _, _, every, left = condition
    return quantified(run, every, texts(run, left), lambda value: text_of(value) != "")


JUDGES: dict[str, Judge] = {
    "is": _is,
    "contains": _comparison(lambda text, key: key in text),
    "starts with": _comparison(lambda text, key: text.startswith(key)),
    "ends with": _comparison(lambda text, key: text.endswith(key)),
    "in": _in,
    "exists": _exists,
}
