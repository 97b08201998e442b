"""Brackets that do not pair: where one should have been closed, and what closes nothing.

A '}' that is missing is noticed at the next item or at the end of the file, far
too late; the indentation tells which block was meant to end, and where.

Does not know: what stands between brackets.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from pydeliver.rules.native.expected import after
from pydeliver.rules.native.place import Place, kind_of, line_and_column, quoted
from pydeliver.rules.native.words import WORD_GROUPS
from pydeliver.rules.source import Mistake, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lark import Token


__all__ = ["missing_brace", "stray_closer", "unclosed_bracket"]

_OWNERS = frozenset(("RULE", "IF", "ELSE", "FOR", "ALSO", "TEST"))
_OPENERS = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB"}


def missing_brace(place: Place) -> Mistake | None:
    """The file, or the next item, comes while a block is open: find the block by the indentation."""
    if "RBRACE" not in place.possible or not _ends_blocks(place):
        return None
    opened = _open_brackets(place)
    unclosed, end = _outdented(place)
    if unclosed is None:
        if not opened:
            return None
        unclosed, end = opened[-1], place.last_end
    line = place.text.count("\n", 0, unclosed.start_pos) + 1
    span = Span(end, end)
    return Mistake(span, f"expected '}}' here: the '{{' of line {line} is not closed", "close the block with '}'")


def _ends_blocks(place: Place) -> bool:
    """Whether what was found can only be the next item, the end of the file, or the else of an if still open."""
    if place.found == "else":
        return _opener_word(place) == "IF"
    is_item = place.found.upper() in WORD_GROUPS["item"] and place.found.islower()
    return not place.found or (is_item and place.text[place.at - 1] == "\n")


def _opener_word(place: Place) -> str:
    """Return the word whose block is the innermost open one."""
    opened = _open_brackets(place)
    words = [
        kind_of(token) for token in place.before if opened and (token.start_pos or 0) < (opened[-1].start_pos or 0)
    ]
    return next((word for word in reversed(words) if word in _OWNERS), "")


def _outdented(place: Place) -> tuple[Token | None, int]:
    """Return the first '{' whose block has a line that is not further in than its own, and where it should end."""
    stack: list[tuple[Token, int]] = []
    end, seen, owner = 0, -1, 0  # owner: the indentation of the rule, if, … that the next block belongs to
    lines = _Lines(place.text)
    ahead = [*place.before, None]
    for token in ahead:
        at = place.at if token is None else (token.start_pos or 0)
        line, indent = lines.of(at)
        word = "" if token is None else kind_of(token)
        if line != seen and stack and lines.of(stack[-1][0].start_pos or 0)[0] != line:
            outer = stack[-1][1]
            if indent < outer or (indent == outer and word != "RBRACE"):
                return stack[-1][0], end
        seen = line
        if token is None:
            break
        if word in _OWNERS:
            owner = indent
        elif word == "LBRACE":
            stack.append((token, owner))
        elif word == "RBRACE" and stack:
            stack.pop()
        end = token.end_pos or 0
    return None, 0


def _open_brackets(place: Place) -> list[Token]:
    """Return the brackets that are open where the mistake is."""
    stack: list[Token] = []
    for token in place.before:
        word = kind_of(token)
        if word in _OPENERS:
            stack.append(token)
        elif word in _OPENERS.values() and stack:
            stack.pop()
    return stack


def unclosed_bracket(place: Place) -> Mistake | None:
    opened = _open_brackets(place)
    if not opened or kind_of(opened[-1]) == "LBRACE" or _OPENERS[kind_of(opened[-1])] not in place.possible:
        return None
    bracket = opened[-1]
    close = ")" if bracket == "(" else "]"
    if place.is_word and bracket == "(" and not place.is_line_start and place.found not in ("and", "or"):
        return None
    if bracket == "[" and place.last != "COMMA" and (place.found[:1] in "\"'" and place.found):
        return Mistake(
            place.span, f"expected ',' before {quoted(place.found)}", "put a comma between the values of a list"
        )
    line, column = line_and_column(place.text, bracket.start_pos or 0)
    also = "',' or " if bracket == "[" and place.last not in ("COMMA", "LSQB") else ""
    text = f"expected {also}'{close}'{after(place)}: the '{bracket}' of {line}:{column} is not closed"
    return Mistake(place.span, text, f"close it with '{close}'")


def stray_closer(place: Place) -> Mistake | None:
    if place.found not in (")", "]", "}"):
        return None
    opener = {")": "(", "]": "[", "}": "{"}[place.found]
    if any([token == opener for token in _open_brackets(place)]):
        return None
    return Mistake(
        place.found_span, f"this '{place.found}' closes nothing", f"leave it out, or open it with '{opener}'"
    )


class _Lines:
    """Line number and indentation of offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *[match.end() for match in re.finditer("\n", text)]]

    def of(self, at: int) -> tuple[int, int]:
        line = bisect_right(self.starts, at) - 1
        start = self.starts[line]
        content = self.text[start : start + 400]
        return line, len(content) - len(content.lstrip(" \t"))
