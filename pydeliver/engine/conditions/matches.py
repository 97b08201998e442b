"""`matches`: a glob compares whole values, a regex searches the whole field.

The first value and the first pattern that match set the captures; without a
match they are left as they were.

Does not know: how a pattern matches; see `match`.
"""

from __future__ import annotations

from pydeliver.engine.match import escape_regex, match
from pydeliver.engine.values import scalar, text_of, texts
from pydeliver.fold import composed, fold_each
from pydeliver.rules.patterns import parse_glob
from pydeliver.rules.program import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.engine.conditions import Judge, Truth
    from pydeliver.engine.match import Captures
    from pydeliver.engine.run import Run, Scalar
    from pydeliver.rules.program import Condition, Value


def pattern_of(run: Run, value: Value) -> Pattern:
    """The pattern of the table, or the one built now: what expands in it is literal."""
    if value[0] == "pattern":
        return run.program.patterns[value[1]]
    if value[0] == "regex":
        pieces = [piece if isinstance(piece, str) else escape_regex(text_of(scalar(run, piece))) for piece in value[1]]
        return Pattern("re2", composed("".join(pieces)), value[2])
    return Pattern("glob", "", False, (), _built_glob(run, value[1]))


def _built_glob(run: Run, template: Value) -> tuple[str | int, ...]:
    from pydeliver.engine.expand import expand

    pieces: list[str | int] = []
    for piece in template[1]:
        parsed = parse_glob(piece) if isinstance(piece, str) else (expand(run, ("template", (piece,), "")),)
        pieces += [fold_each(composed(part)) if isinstance(part, str) else part for part in parsed]
    return tuple(pieces)


def _matches(run: Run, condition: Condition) -> Truth:
    _, _, every, whole, searched, wanted = condition
    patterns = [pattern_of(run, value) for value in wanted]
    fields = texts(run, searched) if any([p.dialect != "glob" for p in patterns]) else ()
    each = texts(run, whole) if any([p.dialect == "glob" for p in patterns]) else ()
    if run.trace is not None:
        run.trace.append(("values", each or fields))
    if every:
        return _every(run, each, fields, patterns)
    captures = _first_match(each, [p for p in patterns if p.dialect == "glob"])
    if captures is None:
        captures = _first_match(fields, [p for p in patterns if p.dialect != "glob"])
    if captures is None:
        return False
    run.capture(captures)
    return True


def _first_match(values: tuple[Scalar, ...], patterns: list[Pattern]) -> Captures | None:
    for value in values:
        for pattern in patterns:
            captures = match(pattern, text_of(value))
            if captures is not None:
                return captures
    return None


def _every(run: Run, each: tuple[Scalar, ...], fields: tuple[Scalar, ...], patterns: list[Pattern]) -> bool:
    """Every value matches one of the patterns; the first value's captures are set."""
    globs, regexes = [p for p in patterns if p.dialect == "glob"], [p for p in patterns if p.dialect != "glob"]
    if globs and regexes:
        found = [_first_match((value,), patterns) for value in each]
    else:
        found = [_first_match((value,), patterns) for value in each or fields]
    if not found or any([captures is None for captures in found]):
        return False
    run.capture(found[0] or {})
    return True


JUDGES: dict[str, Judge] = {"matches": _matches}
