"""Texts as written, read: quotes taken off, escapes undone, placeholders found.

Reads `"…"`, `'…'` and `\"\"\"` blocks in one pass over their characters, and gives
each placeholder its place in the file.  What cannot be read becomes a mistake
in the list handed in; the text is returned all the same, without that part.

Does not know: what a name stands for, or which text is a mailbox or a pattern.
References: the manual's page on the rule language, "Texts".
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from pydeliver.rules.ast import Field, Filter, Group, Placeholder, Text
from pydeliver.rules.source import Mistake, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    Mistakes: TypeAlias = list[Mistake]

__all__ = ["FILTERS", "read_sample", "read_text"]

FILTERS = ("lower", "upper", "first", "domain", "address", "truncate", "header", "path")

_PIECE = re.compile(r"""[^\\{}]+|\\["\\]|\\|\{\{|\}\}|\{|\}""")
_ESCAPE = re.compile(r"""\\(["\\])""")
_BLOCK = re.compile(r'"""[ \t]*\r?\n((?:.*\n)?)[ \t]*"""\Z', re.DOTALL)
_NAME = re.compile(r"[a-z_][a-z0-9_]*(?:-[a-z][a-z0-9_]*)*(?:\.[a-z_][a-z0-9_]*(?:-[a-z][a-z0-9_]*)*)*", re.IGNORECASE)
_HEADER = re.compile(r"header *('[^'\r\n]*')((?:\.[a-z]+)*)(?![\w.])")
_NUMBER = re.compile(r"[0-9]+(?![\w.])")
_FILTER = re.compile(r"\| *([A-Za-z][\w-]*) *(?::([^|}\r\n]+))?")
_FORMAT = re.compile(r":([^|}\r\n]+)")


def read_text(written: str, start: int, mistakes: Mistakes) -> Text:
    """Return the text written at `start`, its placeholders parsed."""
    span = Span(start, start + len(written))
    if written.startswith("'"):
        return Text(span, (written[1:-1],) if len(written) > 2 else (), written)
    parts: list[str | Placeholder] = []
    for line, at, end in _lines(written, start):
        parts.extend(_parts(line, at, mistakes))
        parts.append(end)
    return Text(span, tuple(_joined(parts)), written)


def read_sample(written: str, start: int) -> Text:
    """Return the message of a test: in it nothing is expanded, and in a block no escape is undone."""
    if written.startswith('"""'):
        content = "".join([line + end for line, _, end in _lines(written, start)])
    elif written.startswith('"'):
        content = _ESCAPE.sub(r"\1", written[1:-1])
    else:
        content = written[1:-1]
    return Text(Span(start, start + len(written)), (content,) if content else (), written)


def _lines(written: str, start: int) -> Iterator[tuple[str, int, str]]:
    """Give each line without its indentation, where it stands, and its end; a text in quotes is one line."""
    block = _BLOCK.match(written)
    if block is None:
        yield written[1:-1], start + 1, ""
        return
    lines = block[1].split("\n")[:-1]
    indent = len(_common_indent(lines))
    at = start + block.start(1)
    for line in lines:
        content = line.rstrip("\r")
        yield (content[indent:] if content.strip() else ""), at + indent, "\n"
        at += len(line) + 1


def _common_indent(lines: list[str]) -> str:
    """Return the white space that all lines begin with; blank ones do not count."""
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip()]
    if not indents:
        return ""
    least, most = min(indents), max(indents)
    same = [i for i, (a, b) in enumerate(zip(least, most, strict=False)) if a != b]
    return least[: same[0]] if same else least


def _parts(content: str, start: int, mistakes: Mistakes) -> Iterator[str | Placeholder]:
    at = 0
    while at < len(content):
        piece = _PIECE.match(content, at)
        assert piece is not None
        found = piece[0]
        if found == "{":
            placeholder, at = _placeholder(content, at, start, mistakes)
            if placeholder is not None:
                yield placeholder
            continue
        if found == "}":
            mistakes.append(
                Mistake(Span(start + at, start + at + 1), "this '}' closes nothing", "write }} for a brace")
            )
        at = piece.end()
        yield found[1:] if found in ('\\"', "\\\\", "{{", "}}") else found


def _placeholder(content: str, opened: int, start: int, mistakes: Mistakes) -> tuple[Placeholder | None, int]:
    """Read `{…}` from `opened` on; return it, or None after a mistake, and where the text goes on."""
    try:
        placeholder = _Reading(content, opened, start).placeholder()
    except _Unreadable as unreadable:
        mistakes.append(unreadable.mistake)
        close = content.find("}", opened)
        return None, close + 1 if close >= 0 else len(content)
    return placeholder, placeholder.span.end - start


def _joined(parts: list[str | Placeholder]) -> Iterator[str | Placeholder]:
    """Join neighbouring strings, and drop empty ones."""
    run: list[str] = []
    for part in parts:
        if isinstance(part, str):
            run.append(part)
            continue
        if any(run):
            yield "".join(run)
        run = []
        yield part
    if any(run):
        yield "".join(run)


class _Unreadable(Exception):
    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.text)
        self.mistake = mistake


class _Reading:
    """One placeholder as it is read: the text around it, and how far we are."""

    def __init__(self, content: str, opened: int, start: int) -> None:
        self.content = content
        self.opened = opened
        self.start = start
        self.at = opened + 1

    def placeholder(self) -> Placeholder:
        self._skip()
        of = self._of()
        self._skip()
        form = self._match(_FORMAT)
        self._skip()
        filters = []
        while self.content.startswith("|", self.at):
            filters.append(self._filter())
            self._skip()
        self._close()
        return Placeholder(self._span(self.opened), of, form[1] if form else None, tuple(filters))

    def _of(self) -> Field | Group:
        at = self.at
        if number := self._match(_NUMBER):
            return Group(self._span(at), int(number[0][:9]))
        if header := self._match(_HEADER):
            name = self._span(at, header.start(1), header.end(1))
            text = Text(name, (header[1][1:-1],) if len(header[1]) > 2 else (), header[1])
            return Field(self._span(at), ("header", *header[2].lower().split(".")[1:]), text)
        name_found = _NAME.match(self.content, at)
        if name_found is None or name_found[0].lower() == "header":
            raise self._nothing()
        self.at = name_found.end()
        return Field(self._span(at), tuple(name_found[0].lower().split(".")))

    def _filter(self) -> Filter:
        at = self.at
        found = self._match(_FILTER)
        if found is None:
            raise self._wrong("expected the name of a filter after '|'", "the filters are " + ", ".join(FILTERS))
        name = self._span(at, found.start(1), found.end(1))
        if found[1] not in FILTERS:
            near = get_close_matches(found[1].lower(), FILTERS, 1)
            hint = f"try '{near[0]}'" if near else "use one of " + ", ".join(FILTERS)
            raise _Unreadable(Mistake(name, f"unknown filter '{found[1]}'", hint))
        return Filter(self._span(at), found[1], found[2].strip() if found[2] is not None else None)

    def _close(self) -> None:
        if self.content.startswith("}", self.at):
            self.at += 1
        elif self.at >= len(self.content) or "}" not in self.content[self.at :]:
            self.at = self.opened
            raise self._wrong("this '{' is not closed", "close it with '}', or write {{ for a brace")
        else:
            raise self._wrong(
                f"'{self.content[self.at]}' cannot stand here, between '{{' and '}}'",
                "write a name and its filters, as in {subject|lower}; for a brace itself write {{ or }}",
            )

    def _nothing(self) -> _Unreadable:
        rest = self.content[self.at :]
        if "}" not in rest:
            self.at = self.opened
            return self._wrong("this '{' is not closed", "close it with '}', or write {{ for a brace")
        if rest.startswith("}"):
            span = Span(self.start + self.opened, self.start + self.at + 1)
            hint = "write a name, as in {subject}; for the braces themselves write {{}}"
            return _Unreadable(Mistake(span, "nothing stands between '{' and '}'", hint))
        if rest.startswith("header"):
            return self._wrong("expected the name of a header field", "write {header 'X-Spam-Flag'}, in single quotes")
        return self._wrong("expected a name, a number or header 'Name' after '{'", "for a brace itself write {{ or }}")

    def _wrong(self, text: str, hint: str) -> _Unreadable:
        return _Unreadable(Mistake(Span(self.start + self.at, self.start + self.at + 1), text, hint))

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.content, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def _skip(self) -> None:
        while self.content.startswith(" ", self.at):
            self.at += 1

    def _span(self, at: int, start: int = -1, end: int = -1) -> Span:
        """Return where in the file something stands: from `at` to here, or what is given."""
        return Span(self.start + (at if start < 0 else start), self.start + (self.at if end < 0 else end))
