"""Candidates: the guarded branches that can hold for a message, by the program's key index.

Every value the index asks for is looked at once, and each of its grams looked
up.  A branch that is no candidate is false, and evaluating it would do nothing;
one that is may be false all the same.  The candidates are of one program and
one version of the message.

Does not know: how an index is made; see `rules/index`.
"""

from __future__ import annotations

from bisect import bisect_left

from pydeliver.engine.values import text_of, texts
from pydeliver.fold import fold, fold_each
from pydeliver.limits import CHARACTERS_PER_STEP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.engine.run import Run
    from pydeliver.rules.program import Instruction


def following(run: Run, instruction: Instruction) -> int:
    """The address of the first candidate of a guarded branch's chain, from that branch on; else the chain's end."""
    version = run.version
    if version.candidates is None or version.candidates[0] is not run.program:
        version.candidates = (run.program, _found(run))
    found = version.candidates[1]
    number, behind, end = instruction[4:]
    place = bisect_left(found, number)
    candidate = found[place] if place < len(found) else behind
    return int(run.program.index[0][candidate] if candidate < behind else end)


def _found(run: Run) -> list[int]:
    """The numbers of the candidates, in order."""
    found: set[int] = set()
    _, tables = run.program.index
    for asked, wholes, parts in tables:
        for said in texts(run, asked) or ("",):  # a value that is missing is empty text
            text = text_of(said)
            run.spend(1 + len(text) // CHARACTERS_PER_STEP)
            for folded in _foldings(text):
                found.update(wholes.get(folded, ()))
                for length, grams in parts:
                    found.update(*[grams[gram] for gram in grams.keys() & _grams(folded, length)])
    return sorted(found)


def _foldings(text: str) -> set[str]:
    """A text as each comparison folds it: whole texts and their parts, globs, and what a regex requires."""
    if text.isascii():
        return {text.lower()}
    return {fold(text), fold_each(text), text.encode("utf-8", "replace").decode().casefold()}


def _grams(text: str, length: int) -> set[str]:
    return {text[at : at + length] for at in range(len(text) - length + 1)}
