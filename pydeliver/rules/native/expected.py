"""What could have followed, in words: "expected a mailbox name in quotes after file".

The words before a place say what they ask for (words.py); where they ask for
nothing, the parser's own list is told, gathered into things that have a name.
Lark's `accepts` is the true list: its `expected` is that of merged states.

Does not know: slips, or what was meant.
"""

from __future__ import annotations

import re

from pydeliver.rules.native.place import Place, kind_of, quoted, rest_of_line
from pydeliver.rules.native.words import AFTER, GROUPS, SYMBOLS
from pydeliver.rules.source import Mistake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lark import Token


__all__ = ["after", "asked_by", "expected", "wanted"]

_WEAK = frozenset(("PLUS", "MINUS", "TIMES", "DIVIDE", "PROPERTY", "COMMA"))  # told only if nothing else is possible


def expected(place: Place) -> Mistake:
    """Say what was expected, after what, and what was found instead."""
    text = f"expected {wanted(place)}" + ("" if "RULE" in place.possible else after(place))
    if place.found and (place.is_between or not place.is_line_start):
        text += f", not {quoted(place.found)}"
    return Mistake(place.span, text, _example(place))


def _example(place: Place) -> str:
    """Return the hint that shows how it is written, where there is one."""
    if "RULE" in place.possible:
        is_rule = place.found[:1] == '"' and re.search(r"\bwhen\b|{", rest_of_line(place))
        return f"begin a rule with the word rule: rule {quoted(place.found)}" if is_rule else ""
    if {"IS", "ORDER"} <= place.possible and place.found in ("{", "and", "or", ")"):
        return 'say what of it, as in subject exists, or subject contains "word"'
    shown = _told_after(place).partition(", as in ")[2]
    return f"write, for example, {shown}" if shown else ""


def wanted(place: Place) -> str:
    """Return what could follow, in words."""
    told = _told_after(place)
    if told:
        return told.partition(", as in ")[0]
    names = list(_group_names(place.possible))
    return _listed(names) if names else "nothing more"


def _told_after(place: Place) -> str:
    """Return what the words before it say of what is expected; nothing if they ask for nothing."""
    if _ends_a_thing(place):
        return ""
    if (place.last == "HEADER" and "ADD" in place.possible) or (place.last == "IN" and "STRING" in place.possible):
        return ""
    return asked_by(place.before)


def asked_by(before: Sequence[Token]) -> str:
    """Return what the last two words ask for, or the last."""
    kinds = [kind_of(token) for token in before[-2:]]
    return AFTER.get(" ".join(kinds)) or AFTER.get(kinds[-1] if kinds else "", "")


def _ends_a_thing(place: Place) -> bool:
    """Whether the token before can be the last of something, so that what follows is not its own."""
    return bool(place.possible & {"RBRACE", "RULE"}) and not place.possible & {"STRING", "LSQB"}


def _group_names(possible: frozenset[str]) -> Iterator[str]:
    left = possible - {"END", "$END"}
    told = False
    for needed, covered, name in GROUPS:
        if needed <= left:
            yield name
            told = True
            left -= covered
            if "RULE" in needed:  # options of what stands before are not worth telling
                return
            if needed & {"FILE", "EXPECT"}:
                yield "'}'"
                return
    strong = left - _WEAK or (left if not told else frozenset())
    for terminal in sorted(strong, key=lambda terminal: (terminal not in SYMBOLS, terminal)):
        yield f"'{SYMBOLS.get(terminal, terminal.lower())}'"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def after(place: Place) -> str:
    if not place.before:
        return ""
    token = place.before[-1]
    return f" after {token}" if token[0].isalpha() and token.type != "NAME" else f" after {quoted(str(token))}"
