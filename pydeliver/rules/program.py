"""The program: rules compiled to plain data that is loaded in microseconds and evaluated as it stands.

A program is tuples of texts and numbers, so that `marshal` can keep it.  It is
native to no language: a store says whether it cancels the implicit keep,
ending is a STOP in the code, and a comparison names what it compares and how.
Beside the code stand the place each instruction came from, the table of
patterns, each with the literals it requires, and of a long program the index
that says which branches can hold (`index`).

    ("rule", number)                            from here on it is that rule's code
    ("branch", condition, if false, if unknown) else the next instruction
    ("guarded", condition, if false, if unknown, number, number behind the chain, chain's end)
                                                the same, passed over where the index says it cannot hold
    ("jump", to)  ("stop",)
    ("fork", to)  ("end",)                      run on with a copy of the registers; at the end resume there
    ("loop", items, word, to)  ("next",)        a turn for each; afterwards there
    ("loop matches", pattern, value, to)
    ("set", name, value)
    ("act", word, ((argument, value) …), cancels the implicit keep, also)

Conditions and values are tuples whose first item says what they are; a claim's
second is its text as written, for the trace.

Does not know: how rules were written, nor how a program is run.
"""

from __future__ import annotations

from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from pydeliver.rules.packed import Packed

    Instruction: TypeAlias = tuple[Any, ...]
    Condition: TypeAlias = tuple[Any, ...]
    Value: TypeAlias = tuple[Any, ...]
    Index: TypeAlias = tuple[Any, ...]
    Items: TypeAlias = list[Any] | tuple[Any, ...] | Packed


@value
class Pattern:
    """A pattern of the table.

    `dialect` is "re2" (`text` is the regex) or "glob" (`pieces` is the parsed
    glob, folded).  `literals`: one of them is in any folded text that matches;
    none means nothing is known.
    """

    dialect: str
    text: str
    case_sensitive: bool
    literals: tuple[str, ...] = ()
    pieces: tuple[str | int, ...] = ()


@value
class Program:
    """One rule file and those it includes, compiled.

    `places`: for each instruction its rule's number and its line.  `rules`: the
    names, "" where there is none; `files`: for each rule the file it is in.
    `settings`: what the files set, by name.  `lists`: the list files that are
    asked.  `index` is empty where there is none.
    """

    file: str
    settings: tuple[tuple[str, Any], ...]
    code: tuple[Instruction, ...] | Packed
    places: tuple[tuple[int, int], ...] | Packed
    rules: tuple[str, ...]
    files: tuple[str, ...]
    patterns: tuple[Pattern, ...] | Packed
    lists: tuple[str, ...] = ()
    index: Index = ()

    def setting(self, name: str) -> Any:
        return dict(self.settings).get(name)

    def as_data(self) -> tuple[Any, ...]:
        """The program as what `marshal` can keep; of a long one most is loaded only when it is looked at."""
        patterns = [(p.dialect, p.text, p.case_sensitive, p.literals, p.pieces) for p in self.patterns]
        code, places, table = [_packed(items, bool(self.index)) for items in (self.code, self.places, patterns)]
        return (self.file, self.settings, code, places, self.rules, self.files, table, self.lists, self.index)


def _packed(items: Items, is_long: bool) -> tuple[Any, ...]:
    if is_long:
        from pydeliver.rules.packed import pack

        return pack(items)
    return tuple(items)


def from_data(data: tuple[Any, ...]) -> Program:
    """Return the program that `as_data` wrote."""
    file, settings, code, places, rules, files, patterns, lists, index = data
    table: tuple[Pattern, ...] | Packed
    if index:
        from pydeliver.rules.packed import unpack

        code, places, table = unpack(code), unpack(places), unpack(patterns, lambda data: Pattern(*data))
    else:
        table = tuple([Pattern(*pattern) for pattern in patterns])
    return Program(file, settings, code, places, rules, files, table, lists, index)


EMPTY = Program("", (), (), (), (), (), ())
