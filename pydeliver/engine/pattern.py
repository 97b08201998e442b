"""The pattern a condition means: one of the program's table, or one built now of what its names stand for.

Whatever a name brings is literal.  A pattern that cannot be built of what a
message brought (it is too large) is none, and a note says so.

Does not know: how a pattern matches; see `match`.
"""

from __future__ import annotations

from pydeliver.engine.match import escape_regex
from pydeliver.engine.values import scalar, text_of, truncated
from pydeliver.fold import composed, fold_each
from pydeliver.rules.patterns import PatternMistake, compile_regex, parse_glob
from pydeliver.rules.program import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.engine.run import Run
    from pydeliver.rules.program import Value


def pattern_of(run: Run, value: Value) -> Pattern | None:
    """Return the pattern; None if it cannot be built."""
    if value[0] == "pattern":
        return run.program.patterns[value[1]]
    if value[0] == "glob":
        return Pattern("glob", "", False, (), _built_glob(run, value[1]))
    return _built_regex(run, value)


def _built_regex(run: Run, value: Value) -> Pattern | None:
    _, pieces, case_sensitive = value
    built = [p if isinstance(p, str) else escape_regex(truncated(run, text_of(scalar(run, p)))) for p in pieces]
    pattern = Pattern("re2", composed("".join(built)), case_sensitive)
    try:
        compile_regex(pattern.text, case_sensitive)
    except PatternMistake as mistake:
        run.note(f"a pattern with names in it did not match: {mistake.text[:200]}")
        return None
    return pattern


def _built_glob(run: Run, template: Value) -> tuple[str | int, ...]:
    from pydeliver.engine.expand import expand

    pieces: list[str | int] = []
    for piece in template[1]:
        parsed = parse_glob(piece) if isinstance(piece, str) else (expand(run, ("template", (piece,), "")),)
        pieces += [fold_each(composed(part)) if isinstance(part, str) else part for part in parsed]
    return tuple(pieces)
