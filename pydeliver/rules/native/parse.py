"""The native front end: the text of a rule file in, its syntax tree out.

Reports every mistake of the file in one run, at most one for each construct:
after a mistake it goes on at the next line that starts in column 1 with a word
that begins an item.  Takes time linear in the text, raises nothing but
`RuleError`, and never recurses by what is written.

Does not know: whether names, types or patterns make sense, or where the text came from.
"""

from __future__ import annotations

import gc
import re
from functools import cache

from pydeliver import limits
from pydeliver.rules.ast import RuleFile
from pydeliver.rules.native.build import build
from pydeliver.rules.native.grammar import load_parser
from pydeliver.rules.source import Mistake, RuleError, Source, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lark import Lark, Token, Tree

    from pydeliver.rules.ast import Item

__all__ = ["parse"]

# What may hold a brace or a line that looks like the start of an item, and such lines.
_LANDMARK = re.compile(
    r'"""[ \t]*\r?\n(?:(?![ \t]*""")[^\n]*\n)*[ \t]*"""'
    r'|"(?:[^"\\\r\n]|\\.)*"?'
    r"|'[^'\r\n]*'?"
    r"|#[^\r\n]*"
    r"|[{}]"
    r"|^(?:rule|list|check|test|include|if|set|maildir|inbox|addresses|timezone)(?![\w-]|\.[a-zA-Z_])",
    re.MULTILINE,
)
_ALSO_STATEMENTS = ("if", "set")  # a line of them in column 1 may still be inside a rule


def parse(source: Source) -> RuleFile:
    """Return the file's items in order; raise RuleError with every mistake in it.

    Trees are made by the million and hold no cycles worth looking for: without
    the collector a large file takes half the time.
    """
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        return _parse(source)
    finally:
        if was_collecting:
            gc.enable()


def _parse(source: Source) -> RuleFile:
    text = " " + source.text[1:] if source.text.startswith("\ufeff") else source.text
    parser = _parser()
    items: list[Item] = []
    mistakes: list[Mistake] = []
    start: int | None = 0
    while start is not None:
        if len(mistakes) >= limits.MISTAKES:
            mistakes.append(_too_many(start))
            break
        tree, mistake, start = _attempt(parser, text, start)
        if tree is not None:
            built, more = build(tree)
            items.extend(built)
            mistakes.extend(more)
        if mistake is not None:
            mistakes.append(mistake)
    if mistakes:
        raise RuleError(source, tuple(mistakes))
    return RuleFile(source, tuple(items))


@cache
def _parser() -> Lark:
    return load_parser()


def _attempt(parser: Lark, text: str, start: int) -> tuple[Tree[Token] | None, Mistake | None, int | None]:
    """Parse from `start` on; return what is sound before the first mistake, the mistake, and where to go on."""
    from lark import TextSlice
    from lark.exceptions import UnexpectedInput

    from pydeliver.rules.native.diagnose import diagnose

    try:
        return parser.parse(TextSlice(text, start, len(text))), None, None
    except UnexpectedInput as error:
        position = _position(error, text)
    reading = parser.parse_interactive(TextSlice(text, start, position))
    before = reading.exhaust_lexer()
    mistake = diagnose(text, position, before, frozenset(reading.accepts()))  # type: ignore[no-untyped-call]  # Lark's is untyped
    begin, go_on = _landmarks(text, start, min(position, mistake.span.end))
    try:
        sound = parser.parse(TextSlice(text, start, begin)) if begin > start else None
    except UnexpectedInput:  # `begin` was in the middle of something
        sound = None
    return sound, mistake, go_on


def _position(error: Exception, text: str) -> int:
    """Return the offset of the mistake; the end of the text if that came too early."""
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return len(text)
    position: int = token.start_pos if token is not None else getattr(error, "pos_in_stream", len(text))
    return position


def _landmarks(text: str, start: int, position: int) -> tuple[int, int | None]:
    """Return where the construct that holds the mistake begins, and where the next one does."""
    begin, depth = start, 0
    for landmark in _LANDMARK.finditer(text, start):
        word = landmark[0]
        if word == "{":
            depth += 1
        elif word == "}":
            depth = max(0, depth - 1)
        elif word[0].isalpha() and landmark.start() > start and not (depth and word in _ALSO_STATEMENTS):
            if landmark.start() >= position:
                return begin, landmark.start()
            begin, depth = landmark.start(), 0
    return begin, None


def _too_many(at: int) -> Mistake:
    return Mistake(
        Span(at, at),
        f"{limits.MISTAKES} mistakes up to here; what follows was not looked at",
        "mend the first ones and check again: one mistake can be the cause of others",
    )
