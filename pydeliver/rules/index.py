"""The key index: which branches of a long program can hold for a message, found from the texts it has.

The compiler asks of each condition for *keys*: texts of which one must be in
the message if the condition holds, a whole value (`is`, the entries of a list)
or a part of one (`contains`, a glob, a regex with a required literal).  Of
`and` the rarest part serves, of `or` all do; a condition that gives none, as
`not` or a fact, is evaluated as ever.  Of a literal only one *gram*, at most
four characters long, is kept: that which the fewest others have.

A condition may be passed over only if evaluating it would do nothing: ask no
fact, set no capture, give no warning.  So in `and` no part behind one that can
do something serves.

Branches of which each is where the one before it leads to when false are a
*chain*; their numbers follow one another, so that evaluation goes on at the
next candidate, or at the chain's end, without a look at those between.

    ("guarded", condition, if false, if unknown, number, number behind the chain, chain's end)

is the instruction, and the index of a program (the addresses of its numbered
branches, tables, late tables), where a table is (value, {whole text: numbers},
((length, {gram: numbers}) …)), and a late one has all its numbers behind that.

Late is what is dear to read and may give a warning, the body and its parts: it
is looked at when evaluation comes to a branch that would look at it, so a
branch has late keys only of the one value that its condition compares first.

Does not know: messages, nor how a text is folded; see `engine/candidates`.
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.rules.patterns import MANY, ONE
from pydeliver.rules.program import Program
from pydeliver.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    from pydeliver.rules.packed import Packed
    from pydeliver.rules.program import Condition, Instruction, Pattern, Value

    Key: TypeAlias = tuple[Value, bool, str]  # of what, whether as a whole, and the text, folded
    Keys: TypeAlias = frozenset[Key]
    Patterns: TypeAlias = tuple[Pattern, ...] | Packed
    Code: TypeAlias = tuple[Instruction, ...] | Packed
    Reader: TypeAlias = Callable[[Condition, Patterns], Keys | None]

_KEYED = ("header", "envelope", "body", "parts")  # values the message or its envelope has, as texts
_LATE = ("body", "parts")
_GRAM = 4
_WHOLE = 1_000  # a whole value is as rare as a literal of this length
_COMMON = " e.taoinsr@cmld-ghup"  # characters of headers, the most frequent first


def with_index(program: Program, fewest: int = limits.INDEXED_BRANCHES) -> Program:
    """Return the program with an index, if it has at least so many branches that can have keys."""
    found = {
        address: keys
        for address, instruction in enumerate(program.code)
        if instruction[0] == "branch" and (keys := _keys(instruction[1], program.patterns)) is not None
    }
    if len(found) < fewest:
        return program
    code, addresses = _chained(program.code, found)
    numbered = [(number, found[address]) for number, address in enumerate(addresses)]
    tables = _tables(numbered)
    late = tuple([(*table, _numbers_of(table)) for table in tables if table[0][0] in _LATE])
    return replace(program, code=code, index=(addresses, tuple([t for t in tables if t[0][0] not in _LATE]), late))


# ---------------------------------------------------------------- keys of a condition


def _keys(condition: Condition, patterns: Patterns) -> Keys | None:
    """Texts one of which is there if the condition holds; None if that cannot be said.

    If none is there, the condition is false, and evaluating it does nothing.
    """
    reader = _READERS.get(condition[0])
    return reader(condition, patterns) if reader is not None else None


def _of_all(condition: Condition, patterns: Patterns) -> Keys | None:
    best: Keys | None = None
    for place, part in enumerate(condition[1:]):
        keys = _keys(part, patterns)
        if place and keys is not None and _are_late(keys):
            keys = None
        if best is None or (keys is not None and _rarity(keys) > _rarity(best)):
            best = keys
        if not _does_nothing(part):
            break
    return best


def _rarity(keys: Keys) -> tuple[int, int]:
    """Of several keys the commonest counts."""
    return min([_WHOLE if whole else len(text) for _, whole, text in keys], default=_WHOLE), -len(keys)


def _of_any(condition: Condition, patterns: Patterns) -> Keys | None:
    first, *others = [_keys(part, patterns) for part in condition[1:]]
    if any([keys is not None and _are_late(keys) for keys in others]):
        return None
    return _union([first, *others])


def _are_late(keys: Keys) -> bool:
    return any([value[0] in _LATE for value, _, _ in keys])


def _union(parts: Iterable[Keys | None]) -> Keys | None:
    found: frozenset[Any] = frozenset()
    for part in parts:
        if part is None:
            return None
        found |= part
    return found


def _of_whole(condition: Condition, patterns: Patterns) -> Keys | None:
    _, _, _, left, texts, others = condition
    return None if others else _known(left, True, texts)


def _of_part(condition: Condition, patterns: Patterns) -> Keys | None:
    _, _, _, left, texts, others = condition
    return None if others else _known(left, False, texts)


def _of_entries(condition: Condition, patterns: Patterns) -> Keys | None:
    _, _, _, left, texts, wild, others = condition
    return None if others else _union([_known(left, True, texts), *[_of_pattern(left, p, patterns) for p in wild]])


def _of_patterns(condition: Condition, patterns: Patterns) -> Keys | None:
    """A glob is of the whole value, a regex of the searched one; with `every` all are of one."""
    _, _, every, whole, searched, wanted = condition
    if any([value[0] != "pattern" for value in wanted]):
        return None
    globs = [patterns[value[1]].dialect == "glob" for value in wanted]
    lefts = [whole if is_glob or (every and any(globs)) else searched for is_glob in globs]
    return _union([_of_pattern(left, value, patterns) for left, value in zip(lefts, wanted, strict=True)])


def _of_pattern(left: Value, value: Value, patterns: Patterns) -> Keys | None:
    if value[0] != "pattern":
        return None
    pattern = patterns[value[1]]
    if pattern.dialect != "glob":
        return _known(left, False, pattern.literals) if pattern.literals else None
    literals = [piece for piece in pattern.pieces if isinstance(piece, str)]
    if ONE not in pattern.pieces and MANY not in pattern.pieces:
        return _known(left, True, ("".join(literals),))
    return _known(left, False, (max(literals, key=len),)) if literals else None


def _known(left: Value, whole: bool, texts: Iterable[str]) -> Keys | None:
    """Keys, if the value can have any; every text has an empty part."""
    if left[0] not in _KEYED or left[-1] == "size" or left[1] == "body.size" or (not whole and "" in texts):
        return None  # numbers compare as such
    return frozenset([(left, whole, text) for text in texts])


_READERS: dict[str, Reader] = {
    "and": _of_all,
    "or": _of_any,
    "is": _of_whole,
    "contains": _of_part,
    "starts with": _of_part,
    "ends with": _of_part,
    "in": _of_entries,
    "matches": _of_patterns,
}


# ---------------------------------------------------------------- conditions that do nothing

_SILENT = ("header", "envelope", "item", "variable", "text", "number", "size", "lines")  # values that warn of nothing


def _does_nothing(condition: Condition) -> bool:
    """Whether evaluating it, whatever comes out, leaves all as it was."""
    kind = condition[0]
    if kind in ("and", "or", "not"):
        return all([_does_nothing(part) for part in condition[1:]])
    if kind == "addressed":
        return True
    if kind in ("is", "contains", "starts with", "ends with"):
        return _are_silent(condition[3], *condition[5])
    if kind == "in":
        return _are_silent(condition[3], *condition[6]) and all([value[0] == "pattern" for value in condition[5]])
    if kind == "exists":
        return _are_silent(condition[3])
    if kind == "order":
        return _are_silent(condition[3], condition[5])
    return kind == "between" and _are_silent(*condition[3:])


def _are_silent(*values: Value) -> bool:
    return all([value[0] in _SILENT for value in values])


# ---------------------------------------------------------------- chains


def _chained(code: Code, found: dict[int, Keys]) -> tuple[tuple[Instruction, ...], tuple[int, ...]]:
    """Return the code with its guarded branches, and their addresses by number."""
    numbers: dict[int, int] = {}
    guarded = list(code)
    for address in found:
        chain, at = [], address
        while at in found and at not in numbers:
            numbers[at] = len(numbers)
            chain.append(at)
            at = _first_of_rule(code, code[at][2])
        for member in chain:
            _, condition, if_false, if_unknown = code[member]
            ends = (numbers[member], len(numbers), code[chain[-1]][2])
            guarded[member] = ("guarded", condition, if_false, if_unknown, *ends)
    return tuple(guarded), tuple(numbers)


def _first_of_rule(code: Code, address: int) -> int:
    """The address behind the marks of rules, which do nothing."""
    while address < len(code) and code[address][0] == "rule":
        address += 1
    return address


# ---------------------------------------------------------------- tables


def _tables(numbered: list[tuple[int, Keys]]) -> tuple[Any, ...]:
    """By value: the numbers of the branches that hang on each whole text, and on each gram by its length."""
    wholes: dict[Value, dict[str, list[int]]] = {}
    parts: dict[Value, dict[str, list[int]]] = {}
    for number, keys in numbered:
        for value, whole, text in keys:
            (wholes if whole else parts).setdefault(value, {}).setdefault(text, []).append(number)
    buckets: dict[tuple[int, ...], tuple[int, ...]] = {}  # the same one where many texts mean the same branches
    return tuple(
        [
            (value, _bucketed(wholes.get(value, {}), buckets), _by_gram(parts.get(value, {}), buckets))
            for value in sorted({*wholes, *parts})
        ]
    )


def _numbers_of(table: tuple[Any, ...]) -> tuple[int, ...]:
    _, wholes, parts = table
    buckets = [*wholes.values(), *[numbers for _, grams in parts for numbers in grams.values()]]
    return tuple(sorted({number for bucket in buckets for number in bucket}))


def _bucketed(
    found: dict[str, list[int]], buckets: dict[tuple[int, ...], tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    bucketed = {}
    for text, numbers in sorted(found.items()):
        bucket = tuple(sorted(set(numbers)))
        bucketed[text] = buckets.setdefault(bucket, bucket)
    return bucketed


def _by_gram(literals: dict[str, list[int]], buckets: dict[tuple[int, ...], tuple[int, ...]]) -> tuple[Any, ...]:
    uses: dict[str, int] = {}
    for literal in literals:
        for gram in _grams(literal):
            uses[gram] = uses.get(gram, 0) + 1
    by_length: dict[int, dict[str, list[int]]] = {}
    for literal, numbers in literals.items():
        gram = min(_grams(literal), key=lambda gram: (uses[gram], _commonness(gram), gram))
        by_length.setdefault(len(gram), {}).setdefault(gram, []).extend(numbers)
    return tuple([(length, _bucketed(found, buckets)) for length, found in sorted(by_length.items())])


def _grams(literal: str) -> set[str]:
    return {literal[at : at + _GRAM] for at in range(max(1, len(literal) - _GRAM + 1))}


def _commonness(gram: str) -> int:
    return sum([len(_COMMON) - _COMMON.index(character) for character in gram if character in _COMMON])
