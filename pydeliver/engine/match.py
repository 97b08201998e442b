"""Match a glob or a regex against a text.

Both are linear in the text.  RE2 is loaded once a pattern's required literal
occurs, and a pattern is compiled once a process.

Does not know: where the text comes from, nor what becomes of the captures.
"""

from __future__ import annotations

from pydeliver.fold import fold_each
from pydeliver.rules.patterns import ONE, compile_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    from pydeliver.rules.program import Pattern

    Captures: TypeAlias = dict[str, str]

_compiled: dict[tuple[str, bool], Any] = {}
_MOST_COMPILED = 4096  # a worker that sees patterns built at run time forgets them all now and then


def match(pattern: Pattern, text: str) -> Captures | None:
    """Return what the match captures, groups by number and name; None without a match."""
    if pattern.dialect == "glob":
        return match_glob(pattern.pieces, text)
    octets = text.encode("utf-8", "replace")
    if not _may_match(pattern, octets, text):
        return None
    found = _regex(pattern).search(octets)
    return None if found is None else _captures(found)


def matches_in(pattern: Pattern, text: str) -> Iterator[Captures]:
    """Each match of a regex in turn, from left to right."""
    octets = text.encode("utf-8", "replace")
    if _may_match(pattern, octets, text):
        for found in _regex(pattern).finditer(octets):
            yield _captures(found)


def _may_match(pattern: Pattern, octets: bytes, text: str) -> bool:
    """Whether one of the required literals is there.

    Case is folded without composing: NFC could join a required letter with a
    mark behind it (j and caron), which RE2 sees apart.
    """
    if not pattern.literals:
        return True
    folded = text.lower() if text.isascii() else octets.decode().casefold()
    return any([literal in folded for literal in pattern.literals])


def _captures(found: Any) -> Captures:
    captures = {str(number): _text(group) for number, group in enumerate((found.group(0), *found.groups()))}
    captures.update({_text(name).lower(): _text(group) for name, group in found.groupdict().items()})
    return captures


def _text(group: bytes | None) -> str:
    return "" if group is None else group.decode("utf-8", "replace")


def _regex(pattern: Pattern) -> Any:
    """The compiled pattern; RE2 took it when it was checked, or built.

    Other threads may forget all patterns at any moment.
    """
    key = (pattern.text, pattern.case_sensitive)
    compiled = _compiled.get(key)
    if compiled is None:
        if len(_compiled) >= _MOST_COMPILED:
            _compiled.clear()
        compiled = _compiled[key] = compile_regex(*key)
    return compiled


def escape_regex(text: str) -> str:
    """Return a regex that matches `text`, as one thing, and nothing else."""
    sound = text.encode("utf-8", "replace").decode()
    return "(?:" + "".join([c if c.isalnum() or ord(c) > 127 else f"\\x{{{ord(c):x}}}" for c in sound]) + ")"


def match_glob(pieces: tuple[str | int, ...], text: str) -> Captures | None:
    """Match the whole of `text`; each `*` takes as little as it can, from the left.

    `pieces` is a parsed and folded glob.  A run of literals and `?` between two
    `*` is found at the first place it fits, so no place is looked at twice for
    one run.
    """
    folded = fold_each(text)
    position, groups = 0, [text]
    runs = _runs(pieces)
    for number, run in enumerate(runs):
        if number == 0:
            start = 0 if _fits(run, folded, 0) else -1
        elif number == len(runs) - 1:
            start = len(folded) - _length(run)
            start = start if start >= position and _fits(run, folded, start) else -1
        else:
            start = _find(run, folded, position)
        if start < 0:
            return None
        if number > 0:
            groups.append(text[position:start])
        position = start + _length(run)
        groups += _ones(run, text, start)
    if len(runs) == 1 and position != len(folded):
        return None
    return {str(number): group for number, group in enumerate(groups)}


def _runs(pieces: tuple[str | int, ...]) -> list[list[str | int]]:
    """Split a glob at its `*`."""
    runs: list[list[str | int]] = [[]]
    for piece in pieces:
        if isinstance(piece, str) or piece == ONE:
            runs[-1].append(piece)
        else:
            runs.append([])
    return runs


def _length(run: list[str | int]) -> int:
    return sum([len(piece) if isinstance(piece, str) else 1 for piece in run])


def _fits(run: list[str | int], folded: str, position: int) -> bool:
    for piece in run:
        if isinstance(piece, str):
            if not folded.startswith(piece, position):
                return False
            position += len(piece)
        else:
            position += 1
    return position <= len(folded)


def _find(run: list[str | int], folded: str, position: int) -> int:
    """The first place from `position` on where the run fits; -1 if there is none.

    Looks for the longest literal of the run, so that most places are passed over.
    """
    literal, before = _longest(run)
    start = folded.find(literal, position + before) - before
    while start >= position:
        if _fits(run, folded, start):
            return start
        start = folded.find(literal, start + before + 1) - before
    return -1


def _longest(run: list[str | int]) -> tuple[str, int]:
    """The longest literal of a run, and how many characters stand before it."""
    longest, before, passed = "", 0, 0
    for piece in run:
        if isinstance(piece, str) and len(piece) > len(longest):
            longest, before = piece, passed
        passed += len(piece) if isinstance(piece, str) else 1
    return longest, before


def _ones(run: list[str | int], text: str, position: int) -> list[str]:
    """The characters the `?` of a run stand for."""
    taken = []
    for piece in run:
        if isinstance(piece, str):
            position += len(piece)
        else:
            taken.append(text[position])
            position += 1
    return taken
