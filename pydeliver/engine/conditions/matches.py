"""`matches`: a glob compares whole values, a regex searches the whole field.

The first value and the first pattern that match set the captures; without a
match they are left as they were.  A field that is not there matches nothing.

Does not know: how a pattern matches; see `match`.
"""

from __future__ import annotations

from pydeliver.engine.conditions.compare import look_at
from pydeliver.engine.match import match
from pydeliver.engine.pattern import pattern_of
from pydeliver.engine.values import text_of, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.engine.conditions import Judge, Truth
    from pydeliver.engine.match import Captures
    from pydeliver.engine.run import Run, Scalar
    from pydeliver.rules.program import Condition, Pattern, Value


def _matches(run: Run, condition: Condition) -> Truth:
    _, _, every, whole, searched, wanted = condition
    patterns = [pattern for pattern in [pattern_of(run, value) for value in wanted] if pattern is not None]
    if every:
        return _every(run, whole if _has_glob(patterns) else searched, patterns)
    for values, tried in _compared(run, whole, searched, patterns):
        look_at(run, values)
        captures = _first_match(values, tried)
        if captures is not None:
            run.capture(captures)
            return True
    return False


def _has_glob(patterns: list[Pattern]) -> bool:
    return any([pattern.dialect == "glob" for pattern in patterns])


def _compared(
    run: Run, whole: Value, searched: Value, patterns: list[Pattern]
) -> list[tuple[tuple[Scalar, ...], list[Pattern]]]:
    """Which values are compared with which patterns: addresses with globs, the whole field with regexes.

    Where these are the same, the patterns are tried in the order written, else
    those of the first one's kind before the others.
    """
    if whole == searched:
        return [(texts(run, whole), patterns)]
    globs = [pattern for pattern in patterns if pattern.dialect == "glob"]
    regexes = [pattern for pattern in patterns if pattern.dialect != "glob"]
    groups = [(texts(run, values), tried) for values, tried in ((whole, globs), (searched, regexes)) if tried]
    return groups[::-1] if patterns and patterns[0].dialect != "glob" else groups


def _first_match(values: tuple[Scalar, ...], patterns: list[Pattern]) -> Captures | None:
    for value in values:
        for pattern in patterns:
            captures = match(pattern, text_of(value))
            if captures is not None:
                return captures
    return None


def _every(run: Run, value: Value, patterns: list[Pattern]) -> bool:
    """Every value matches one of the patterns; the first value's captures are set."""
    values = texts(run, value)
    look_at(run, values)
    first: Captures | None = None
    for one in values:
        captures = _first_match((one,), patterns)
        if captures is None:
            return False
        first = first or captures
    if first is not None:
        run.capture(first)
    return bool(values)


JUDGES: dict[str, Judge] = {"matches": _matches}
