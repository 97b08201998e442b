"""The text of a rule file, and mistakes drawn on it.

A mistake points at its place with file, line and column, shows the line, and
gives at most one hint in the imperative.  Text of the user's that is printed
has its control characters escaped, so that a terminal shows only letters.

Does not know: the language the file is written in.
"""

from __future__ import annotations

from pydeliver.value import value

_SHOWN_CHARACTERS = 200  # of a line
_SHOWN_BEFORE = 100  # of them before the place


@value
class Span:
    """Characters `start` to `end` (exclusive) of a source."""

    start: int
    end: int


@value
class Source:
    """One rule file: the name it is called by, its text, and the path it was read from, "" for none."""

    name: str
    text: str
    path: str = ""

    def line_of(self, offset: int) -> int:
        """Line number from 1."""
        return self.text.count("\n", 0, offset) + 1

    def column_of(self, offset: int) -> int:
        """Column from 1, in characters."""
        return offset - (self.text.rfind("\n", 0, offset) + 1) + 1

    def line_text(self, offset: int) -> str:
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


@value
class Mistake:
    """What is wrong, where, and what to do: one entry of a report.

    `source`: the file it is in, where that is not the one the report is of.
    """

    span: Span
    text: str
    hint: str = ""
    source: Source | None = None


class RuleError(Exception):
    """A rule file that cannot be used; holds every mistake found in it and in those it includes, in order."""

    def __init__(self, source: Source, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__(f"{source.name}: {len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}")
        self.source = source
        files = list(dict.fromkeys([source, *[mistake.source or source for mistake in mistakes]]))
        self.mistakes = tuple(
            sorted(mistakes, key=lambda m: (files.index(m.source or source), m.span.start, m.span.end))
        )

    def __str__(self) -> str:
        return "\n".join([draw(mistake.source or self.source, mistake) for mistake in self.mistakes])


def draw(source: Source, mistake: Mistake, kind: str = "") -> str:
    """Return the mistake as text: place, line, a mark under the place, hint.

    `kind` is put before the text, as in "warning: ".
    """
    start, end = mistake.span.start, mistake.span.end
    column = source.column_of(start)
    line, before = _window(source.line_text(start), column - 1)
    width = max(1, min(end - start, len(line) - before))
    indent = "".join(["\t" if c == "\t" else " " * len(printable(c)) for c in line[:before]])
    mark = "^" + "~" * (sum([len(printable(c)) for c in line[before : before + width]] or [1]) - 1)
    drawn = [
        f"{source.name}:{source.line_of(start)}:{column}: {kind}{printable(mistake.text)}",
        f"{printable(line)}",
        f"{indent}{mark}",
    ]
    if mistake.hint:
        drawn.append(f"hint: {printable(mistake.hint)}")
    return "\n".join(drawn)


def _window(line: str, place: int) -> tuple[str, int]:
    """What is shown of a line, and where in that the place is: a long one is cut around it."""
    if len(line) <= _SHOWN_CHARACTERS:
        return line, place
    start = max(0, min(place - _SHOWN_BEFORE, len(line) - _SHOWN_CHARACTERS))
    end = start + _SHOWN_CHARACTERS
    shown = ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")
    return shown, place - start + (1 if start else 0)


def printable(text: str) -> str:
    """Escape C0, C1 and bidirectional controls; a tab stays."""
    if text.isascii() and text.isprintable():
        return text
    return "".join([c if c == "\t" or c.isprintable() else _escape(c) for c in text])


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
