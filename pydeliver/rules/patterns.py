"""Patterns as rules write them: what a regex or glob captures, and what must be in a text for it to match.

A regex is RE2's: linear time, no back-references, no look-around.  RE2 itself
is loaded only when one of a pattern's required literals occurs in the text, so
most messages never pay for it.  A literal that is left out costs time; one too
many would lose a match: whatever is not surely required is not a literal.

Does not know: where a pattern stands, nor what it is compared with.
References: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.fold import composed
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


def unbraced(regex: str) -> list[str]:
    """Split a regex at `{name}`: texts and names in turn, beginning and ending with a text.

    Braces that are RE2's own (`{2,3}`, `\\p{Greek}`, `\\x{41}`) and those between
    `[` and `]` stay in the text.
    """
    pieces, start, at, in_class = [], 0, 0, False
    while at < len(regex):
        end = _token_end(regex, at, in_class)
        if regex[at] == "[" and not in_class:
            in_class = True
        elif regex[at] == "]":
            in_class = False
        elif regex[at] == "{" and not in_class and _is_name(regex[at + 1 : end - 1]):
            pieces += [regex[start:at], regex[at + 1 : end - 1]]
            start = end
        at = end
    return [*pieces, regex[start:]]


def _token_end(regex: str, at: int, in_class: bool) -> int:
    """Where what stands at `at` ends: an escape, the begin of a class, what stands in braces, or one character."""
    character = regex[at]
    if character == "\\":
        if regex[at + 1 : at + 3] in ("p{", "P{", "x{"):
            return (regex.find("}", at) + 1) or len(regex)
        if regex[at + 1 : at + 2] == "Q":
            return (regex.find("\\E", at) + 2) if "\\E" in regex[at:] else len(regex)
        return min(at + 2, len(regex))
    if character == "[":
        if in_class:
            return (regex.find(":]", at) + 2) if regex.startswith("[:", at) and ":]" in regex[at:] else at + 1
        at += 2 if regex.startswith("[^", at) else 1
        return at + 1 if regex.startswith("]", at) else at
    if character == "{" and not in_class:
        return (regex.find("}", at) + 1) or at + 1
    return at + 1


def _is_name(text: str) -> bool:
    parts = text.replace("-", "_").split(".")
    return text.isascii() and all([part.isidentifier() for part in parts])


def compile_regex(regex: str, case_sensitive: bool) -> Any:
    """Return what RE2 makes of it; raises PatternMistake.

    `^` and `$` are line ends.  What compiles here once compiles always.
    """
    import re2

    options = re2.Options()
    options.log_errors = False  # else it writes to descriptor 2, which the MTA puts in the bounce
    options.case_sensitive = case_sensitive
    options.max_mem = limits.PATTERN_MEMORY
    try:
        return re2.compile(b"(?m)" + composed(regex).encode("utf-8", "replace"), options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternMistake(*_reason(said.replace("(?m)", "", 1))) from None


def regex_captures(regex: str, case_sensitive: bool = False) -> Captures:
    """Return what the regex captures, names in lower case; raises PatternMistake where RE2 refuses it."""
    compiled = compile_regex(regex, case_sensitive)
    return Captures(compiled.groups, tuple([name.decode().lower() for name in compiled.groupindex]))


_UNSUPPORTED = (
    ("invalid perl operator: (?=", "look-ahead", "match what stands there too, and capture the part you need with ( )"),
    ("invalid perl operator: (?!", "look-ahead", "say it as a second condition with 'not'"),
    ("invalid perl operator: (?<=", "look-behind", "match what stands there too, and capture what you need with ( )"),
    ("invalid perl operator: (?<!", "look-behind", "say it as a second condition with 'not'"),
    ("invalid perl operator: (?>", "an atomic group", "use ( ) or (?: )"),
    ("invalid escape sequence: \\Z", "\\Z", "use \\z for the end of the text"),
)


_REASONS = (
    ("missing )", "a ( is never closed", "close it, or write \\( for a parenthesis that is meant"),
    ("unexpected )", "a ) closes nothing", "write \\) for a parenthesis that is meant"),
    ("missing ]", "a [ is never closed", "close it, or write \\[ for a bracket that is meant"),
    (
        "no argument",
        "nothing stands before {0} to be repeated",
        "write \\* for an asterisk that is meant; .* is any text",
    ),
    ("bad repetition operator", "{0} repeats what is repeated already", "repeat once, or put the inner one into (?: )"),
    ("invalid repetition size", "{0} is too often", "the smaller number stands first; in all 1000 times is the most"),
    ("invalid character class range", "{0} is no range of characters", "write the smaller end first, as in [a-z]"),
    ("invalid named capture group", "{0} is no name of a group", "use letters, digits and _, as in (?P<number>[0-9]+)"),
    ("invalid perl operator", "{0} means nothing", "groups are ( ), (?: ), (?P<name> ) and (?i: )"),
    ("invalid escape sequence", "{0} means nothing", "write \\\\ for a backslash that is meant"),
    ("trailing \\", "a \\ stands alone at the end", "write \\\\ for a backslash that is meant"),
    ("pattern too large", "there is too much", "make it shorter, or write several patterns in [ ]"),
)


def _reason(reason: str) -> tuple[str, str]:
    """Say RE2's reason in words, and what to do."""
    detail = reason.partition(": ")[2]
    for said, name, hint in _UNSUPPORTED:
        if reason.startswith(said):
            return f"{name} is not possible in a pattern", hint
    if reason.startswith("invalid escape sequence") and detail[1:].isdigit():
        return f"a back-reference ({detail}) is not possible in a pattern", "capture it, and compare the text in a rule"
    for said, text, hint in _REASONS:
        if reason.startswith(said):
            return "in this pattern " + text.format(detail), hint
    return f"this pattern is not valid: {reason}", ""


def required_literals(regex: str) -> tuple[str, ...]:
    """Return folded ASCII texts one of which occurs in any text the regex matches; none: nothing is surely required."""
    if "[:" in regex:  # a POSIX class: Python's parser reads it otherwise
        return ()
    import re._parser as parser  # type: ignore[import-not-found, unused-ignore]
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = parser.parse(_as_python(composed(regex)))
        return tuple(sorted(_sequence_literals(tree)))
    except (parser.error, OverflowError, RecursionError, Warning):
        return ()


def _as_python(regex: str) -> str:
    """Write RE2's `(?<name>` as Python wants it; an escaped parenthesis is no group."""
    written, at = [], 0
    while at < len(regex):
        if regex.startswith("(?<", at):
            written.append("(?P<")
            at += 3
        else:
            written.append(regex[at : at + (2 if regex[at] == "\\" else 1)])
            at += len(written[-1])
    return "".join(written)


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


def plain_regex(regex: str) -> str | None:
    """The one text that a regex stands for; None if it stands for more."""
    said, escaped = "", False
    for character in regex:
        if escaped:
            if character.isalnum():
                return None
            said, escaped = said + character, False
        elif character == "\\":
            escaped = True
        elif character in ".^$*+?|()[]{}":
            return None
        else:
            said += character
    return said
