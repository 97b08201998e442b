"""Match a glob or a regex against a text.

Both are linear in the text.  RE2 is loaded once a pattern's required literal
occurs, and a pattern is compiled once a process.

Does not know: where the text comes from, nor what becomes of the captures.
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.fold import fold, fold_each
from pydeliver.rules.patterns import ONE

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
    if pattern.literals:
        folded = fold(text)
        if not any([literal in folded for literal in pattern.literals]):
            return None
    found = _regex(pattern.text, pattern.case_sensitive).search(text.encode("utf-8", "replace"))
    return None if found is None else _captures(found)


def matches_in(pattern: Pattern, text: str) -> Iterator[Captures]:
    """Each match of a regex in turn, from left to right."""
    for found in _regex(pattern.text, pattern.case_sensitive).finditer(text.encode("utf-8", "replace")):
        yield _captures(found)


def _captures(found: Any) -> Captures:
    captures = {str(number): _text(group) for number, group in enumerate((found.group(0), *found.groups()))}
    captures.update({_text(name): _text(group) for name, group in found.groupdict().items()})
    return captures


def _text(group: bytes | str | None) -> str:
    if group is None:
        return ""
    return group.decode("utf-8", "replace") if isinstance(group, bytes) else group


def _regex(regex: str, case_sensitive: bool) -> Any:
    """The compiled pattern; `^` and `$` are line ends.  RE2 took it when it was checked."""
    key = (regex, case_sensitive)
    if key not in _compiled:
        import re2

        options = re2.Options()
        options.log_errors = False  # else it writes to descriptor 2, which the MTA puts in the bounce
        options.case_sensitive = case_sensitive
        options.max_mem = limits.PATTERN_MEMORY
        if len(_compiled) >= _MOST_COMPILED:
            _compiled.clear()
        _compiled[key] = re2.compile(b"(?m)" + regex.encode("utf-8", "replace"), options)
    return _compiled[key]


def escape_regex(text: str) -> str:
    """Return a regex that matches `text` and nothing else."""
    return "".join([c if c.isalnum() or ord(c) > 127 else f"\\x{{{ord(c):x}}}" for c in text])


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
    """The first place from `position` on where the run fits; -1 if there is none."""
    if len(run) == 1 and isinstance(run[0], str):
        return folded.find(run[0], position)
    for start in range(position, len(folded) - _length(run) + 1):
        if _fits(run, folded, start):
            return start
    return -1


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
