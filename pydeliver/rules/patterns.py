"""Patterns as rules write them: what a regex or glob captures, and what must be in a text for it to match.

A regex is RE2's: linear time, no back-references, no look-around.  RE2 itself
is loaded only when one of a pattern's required literals occurs in the text, so
most messages never pay for it.  A literal that is left out costs time; one too
many would lose a match: whatever is not surely required is not a literal.

Does not know: where a pattern stands, nor what it is compared with.
References: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import warnings

from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ONE, MANY = 1, 2  # what `?` and `*` are in a parsed glob


class PatternMistake(Exception):
    """A regex RE2 does not take; says why, and what to do."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text, self.hint = text, hint


@value
class Captures:
    """What a successful match sets: numbered groups 0 to `count`, and the named ones."""

    count: int
    names: tuple[str, ...] = ()


def parse_glob(text: str) -> tuple[str | int, ...]:
    """Split a glob into literal texts, ONE (`?`) and MANY (`*`)."""
    pieces: list[str | int] = []
    for character in text:
        if character in "*?":
            pieces.append(MANY if character == "*" else ONE)
        elif pieces and isinstance(pieces[-1], str):
            pieces[-1] += character
        else:
            pieces.append(character)
    return tuple(pieces)


_UNSUPPORTED = (
    ("(?=", "look-ahead", "match what stands there too, and capture the part you need with ( )"),
    ("(?!", "look-ahead", "say it as a second condition with 'not'"),
    ("(?<=", "look-behind", "match what stands there too, and capture the part you need with ( )"),
    ("(?<!", "look-behind", "say it as a second condition with 'not'"),
    ("(?>", "an atomic group", "use ( ) or (?: )"),
    ("\\Z", "\\Z", "use \\z for the end of the text"),
)


def regex_captures(regex: str) -> Captures:
    """Return what the regex captures; raises PatternMistake where RE2 refuses it."""
    import re2

    for written, name, hint in _UNSUPPORTED:
        if written in regex:
            raise PatternMistake(f"{name} is not possible in a pattern", hint)
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(regex.encode(), options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise PatternMistake(
            *_reason(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason))
        ) from None
    return Captures(compiled.groups, tuple([name.decode() for name in compiled.groupindex]))


def _reason(reason: str) -> tuple[str, str]:
    detail = reason.partition(": ")[2]
    if reason.startswith("invalid escape sequence") and detail[1:].isdigit():
        return f"a back-reference ({detail}) is not possible in a pattern", "capture it, and compare the text in a rule"
    hints = {
        "missing )": "close the parenthesis, or write \\( for a parenthesis that is meant",
        "unexpected )": "write \\) for a parenthesis that is meant",
        "missing ]": "close the bracket, or write \\[ for a bracket that is meant",
        "no argument for repetition operator": "write \\* for an asterisk that is meant; .* is any text",
    }
    kind = reason.partition(":")[0]
    return f"this pattern is not valid: {reason}", hints.get(kind, "")


def required_literals(regex: str) -> tuple[str, ...]:
    """Return folded ASCII texts one of which occurs in any text the regex matches; none: nothing is surely required."""
    if "[:" in regex:  # a POSIX class: Python's parser reads it otherwise
        return ()
    import re._parser as parser  # type: ignore[import-not-found, unused-ignore]

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = parser.parse(_as_python(regex))
    except (parser.error, OverflowError, RecursionError, Warning):
        return ()
    return tuple(sorted(_sequence_literals(tree)))


def _as_python(regex: str) -> str:
    pieces = regex.split("(?<")
    return pieces[0] + "".join(
        [("(?P<" if piece[:1].isalpha() or piece[:1] == "_" else "(?<") + piece for piece in pieces[1:]]
    )


def _sequence_literals(sequence: Iterable[Any]) -> frozenset[str]:
    """The best set of alternatives among those each part of a sequence requires."""
    best: frozenset[str] = frozenset()
    run = ""
    for operator, argument in sequence:
        name = str(operator)
        if name == "LITERAL" and argument < 128:
            run += chr(argument).lower()
            continue
        best, run = _better(best, run), ""
        best = _better_set(best, _part_literals(name, argument))
    return _better(best, run)


def _part_literals(name: str, argument: Any) -> frozenset[str]:
    if name == "SUBPATTERN":
        return _sequence_literals(argument[3])
    if name in ("MAX_REPEAT", "MIN_REPEAT") and argument[0] >= 1:
        return _sequence_literals(argument[2])
    if name == "BRANCH":
        branches = [_sequence_literals(branch) for branch in argument[1]]
        return frozenset().union(*branches) if all(branches) else frozenset()
    return frozenset()


def _better(best: frozenset[str], run: str) -> frozenset[str]:
    return _better_set(best, frozenset([run])) if run else best


def _better_set(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """The set whose shortest text is longer: it occurs more rarely."""
    if not other:
        return one
    return other if not one or min(map(len, other)) > min(map(len, one)) else one
