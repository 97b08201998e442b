"""Candidates: the guarded branches that can hold for a message, by the program's key index.

Every value the index asks for is looked at once, and each of its grams looked
up.  A branch that is no candidate is false, and evaluating it would do nothing;
one that is may be false all the same.  The candidates are of one program and
one version of the message.

A body is looked at when evaluation comes to the first branch that would; up to
then every branch that hangs on it is a candidate.

Does not know: how an index is made; see `rules/index`.
"""

from __future__ import annotations

from bisect import bisect_left

from pydeliver.engine.values import text_of, texts
from pydeliver.fold import fold, fold_each
from pydeliver.limits import CHARACTERS_PER_STEP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pydeliver.engine.run import Run
    from pydeliver.rules.program import Instruction, Program


class Candidates:
    """The numbers of the candidates so far, in order, and of those the ones that hang on what was not looked at."""

    __slots__ = ("_found", "_late", "numbers", "program")

    def __init__(self, run: Run) -> None:
        self.program: Program = run.program
        _, tables, late = run.program.index
        self._found = {number for table in tables for number in _found(run, table)}
        self._late = {number: table for table in late for number in table[3]}
        self._sort()

    def _sort(self) -> None:
        self.numbers = sorted({*self._found, *self._late})

    def look_at(self, run: Run, number: int) -> None:
        """Evaluation has come to that branch: look at the value it hangs on, if that was not done yet."""
        table = self._late.get(number)
        if table is not None:
            self._found.update(_found(run, table))
            self._late = {late: other for late, other in self._late.items() if other is not table}
            self._sort()


def following(run: Run, instruction: Instruction) -> int:
    """The address of the first candidate of a guarded branch's chain, from that branch on; else the chain's end."""
    candidates = run.version.candidates
    if candidates is None or candidates.program is not run.program:
        candidates = run.version.candidates = Candidates(run)
    number, behind, end = instruction[4:]
    candidates.look_at(run, number)
    numbers = candidates.numbers
    place = bisect_left(numbers, number)
    candidate = numbers[place] if place < len(numbers) else behind
    return int(run.program.index[0][candidate] if candidate < behind else end)


def _found(run: Run, table: tuple[Any, ...]) -> set[int]:
    """The numbers that the texts of one value lead to."""
    found: set[int] = set()
    asked, wholes, parts = table[:3]
    for said in texts(run, asked) or ("",):  # a value that is missing is empty text
        text = text_of(said)
        run.spend(1 + len(text) // CHARACTERS_PER_STEP)
        for folded in _foldings(text):
            found.update(wholes.get(folded, ()))
            for length, grams in parts:
                found.update(*[grams[gram] for gram in _grams_in(folded, length, grams)])
    return found


def _foldings(text: str) -> set[str]:
    """A text as each comparison folds it: whole texts and their parts, globs, and what a regex requires."""
    if text.isascii():
        return {text.lower()}
    return {fold(text), fold_each(text), text.encode("utf-8", "replace").decode().casefold()}


# ---------------------------------------------------------------- grams in a text

_LONG_CHARACTERS = 2_000
_CHARACTERS_A_GRAM = 60  # of long texts looked up one by one cost as much as making a set of one gram
_SET_MEMORY = 64 << 20
_MOST_SETS = 16  # of a worker that has seen many rule files
_looked_up: dict[int, int] = {}  # characters of long texts, by table
_sets: dict[int, tuple[dict[str, Any], GramSet | None]] = {}  # by table, which they keep alive


def _grams_in(text: str, length: int, grams: dict[str, Any]) -> Iterable[str]:
    """The grams that occur in the text.

    Long ones are searched by a set of RE2, sixty times as quick, once enough of
    them have come by to have paid for making it.
    """
    if len(text) < _LONG_CHARACTERS:
        return grams.keys() & _grams(text, length)
    known = _sets.get(id(grams))
    if known is None:
        waited = _looked_up[id(grams)] = _looked_up.get(id(grams), 0) + len(text)
        if waited < _CHARACTERS_A_GRAM * len(grams):
            return grams.keys() & _grams(text, length)
        known = _sets[id(grams)] = (grams, _gram_set(grams))
    found = None if known[1] is None else known[1].found_in(text)
    return grams.keys() & _grams(text, length) if found is None else found


def _grams(text: str, length: int) -> set[str]:
    return {text[at : at + length] for at in range(len(text) - length + 1)}


def _gram_set(grams: Iterable[str]) -> GramSet | None:
    """The grams as one set, None if they are too many for one."""
    import re2

    if len(_sets) >= _MOST_SETS:
        _sets.clear()
    try:
        return GramSet(tuple(grams))
    except re2.error:
        return None


class GramSet:
    """Grams as one RE2 set, which looks at a text once for all of them."""

    __slots__ = ("_grams", "_set")

    def __init__(self, grams: tuple[str, ...]) -> None:
        import re2

        options = re2.Options()
        options.log_errors, options.literal, options.max_mem = False, True, _SET_MEMORY
        options.encoding = re2.Options.Encoding.LATIN1
        self._grams, self._set = grams, re2.Set.SearchSet(options)
        for gram in grams:
            self._set.Add(gram.encode("utf-8", "surrogatepass"))
        self._set.Add(b"")  # is in every text: where it is not found, RE2 ran out of memory and says nothing else
        self._set.Compile()

    def found_in(self, text: str) -> list[str] | None:
        """The grams that occur; None if that could not be found out."""
        places = self._set.Match(text.encode("utf-8", "surrogatepass")) or ()
        if len(self._grams) not in places:
            return None
        return [self._grams[place] for place in places if place < len(self._grams)]
