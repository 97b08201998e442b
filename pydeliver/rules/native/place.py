"""A place where the parser cannot go on: what was read, what was found, what could have followed.

Kinds of tokens are the grammar's names for them, and stay inside; what is
shown to people is their own text, cut short.

Does not know: what is wrong there.
"""

from __future__ import annotations

import re

from pydeliver.rules.source import Span
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lark import Token


__all__ = [
    "LONGEST_QUOTE",
    "Place",
    "kind_of",
    "line_and_column",
    "line_at",
    "place_at",
    "quoted",
    "rest_of_line",
    "shortened",
]

_FOUND = re.compile(
    r'"""|"(?:[^"\\\r\n]|\\.)*"?'
    r"|'[^'\r\n]*'?"
    r"|[^\W\d][\w-]*(?:\.[\w-]+)*"
    r"|[0-9][\w.]*"
    r"|[=!<>]=?|.",
    re.DOTALL,
)


LONGEST_QUOTE = 40  # characters of the user's text repeated in a message


@value
class Place:
    """Where the parser stopped: what was read, what it found, and what it could have gone on with."""

    text: str
    at: int
    before: Sequence[Token]
    possible: frozenset[str]  # terminals, without the underscore that keeps them out of the tree
    found: str

    @property
    def last(self) -> str:
        """The kind of the token before."""
        return kind_of(self.before[-1]) if self.before else ""

    @property
    def last_end(self) -> int:
        end = self.before[-1].end_pos if self.before else 0
        return end or 0

    @property
    def is_line_start(self) -> bool:
        """Whether the token before ended on an earlier line; the end of the file counts as one."""
        return bool(self.before) and (not self.found or "\n" in self.text[self.last_end : self.at])

    @property
    def span(self) -> Span:
        """The thing found; if something is missing before its line, the end of the token before it."""
        if self.is_line_start and (not self.found or not self.is_between):
            return Span(self.last_end, self.last_end)
        return self.found_span

    @property
    def is_between(self) -> bool:
        """Whether something new could begin here, so that what was found is wrong in itself."""
        return bool(self.possible & {"RULE", "FILE", "EXPECT"})

    @property
    def found_span(self) -> Span:
        return Span(self.at, self.at + len(self.found))

    @property
    def is_word(self) -> bool:
        return self.found[:1].isalpha() or self.found[:1] == "_"


def place_at(text: str, position: int, before: Sequence[Token], accepts: frozenset[str]) -> Place:
    """Return the place at `position`, after the tokens `before`, where `accepts` could have followed."""
    found = _FOUND.match(text, position)
    possible = frozenset([terminal.lstrip("_") for terminal in accepts])
    return Place(text, position, before, possible, found[0] if found else "")


def kind_of(token: Token) -> str:
    return token.type.lstrip("_")


def line_at(text: str, at: int) -> tuple[int, str]:
    """Return where the line of an offset begins, and the line."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return start, text[start : end if end >= 0 else len(text)].rstrip("\r")


def rest_of_line(place: Place) -> str:
    start, line = line_at(place.text, place.at)
    return line[place.at - start :]


def line_and_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def quoted(found: str) -> str:
    """Return what was found as it is told: texts in their own quotes, other things in single ones."""
    if found.startswith('"""'):
        return 'the text in """'
    shown = shortened(found.strip())
    return shown if shown[:1] in ("'", '"') else f"'{shown}'"


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
