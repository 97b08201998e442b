"""Include: the items of other files take the place of the `include` that names them.

A file is included once, however often it is named.  One that includes itself,
by whatever way round, is a mistake that shows the way; so is one that is not
there or cannot be read.  Every mistake in reading the files is told at once.

Does not know: how a file is read, nor what its items mean.
"""

from __future__ import annotations

import posixpath

from pydeliver import limits
from pydeliver.rules import ast
from pydeliver.rules.check import literal
from pydeliver.rules.source import Mistake, RuleError, Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Files(Protocol):
        """Where rule files are read from."""

        def identity(self, path: str) -> str:
            """What two paths of one file have in common."""

        def read(self, path: str, name: str) -> Source:
            """The file's text; raises RuleError for what is none, Unreadable for what cannot be read."""


class Unreadable(Exception):
    """An included file that cannot be read; says why, and what to do."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def read_all(source: Source, files: Files) -> ast.RuleFile:
    """Parse a rule file, and all that it includes; raises RuleError with every mistake of the parser's."""
    reading = _Reading(files)
    rules = reading.parsed(source)
    if rules is not None:
        rules = reading.followed(rules, (source,))
    if rules is None or reading.mistakes:
        raise RuleError(source, tuple(reading.mistakes))
    return rules


class _Reading:
    def __init__(self, files: Files) -> None:
        self.files = files
        self.mistakes: list[Mistake] = []
        self.read: set[str] = set()  # the files there are so far, by identity
        self.includes = 0

    def parsed(self, source: Source) -> ast.RuleFile | None:
        from pydeliver.rules.native.parse import parse

        self.read.add(self.files.identity(source.path))
        try:
            return parse(source)
        except RuleError as error:
            self.told(error)
            return None

    def told(self, error: RuleError) -> None:
        self.mistakes += [Mistake(m.span, m.text, m.hint, m.source or error.source) for m in error.mistakes]

    def followed(self, rules: ast.RuleFile, chain: tuple[Source, ...]) -> ast.RuleFile:
        """The rules with every include read; `chain` leads from the first file to this one."""
        items = [self.included(item, chain) if isinstance(item, ast.Include) else item for item in rules.items]
        return ast.RuleFile(rules.source, tuple(items))

    def included(self, include: ast.Include, chain: tuple[Source, ...]) -> ast.Include:
        """The include with its file; with an empty one where that is there already, or there is a mistake."""
        here, rules = chain[-1], None
        path, name = _named(include, here)
        self.includes += 1
        if self.includes <= limits.INCLUDES:
            rules = self.file(include, path, name, chain)
        elif self.includes == limits.INCLUDES + 1:
            self.mistake(include, here, f"more than {limits.INCLUDES} files are included", "join some of them")
        return ast.Include(include.span, include.path, rules or ast.RuleFile(Source(name, "", path), ()))

    def file(self, include: ast.Include, path: str, name: str, chain: tuple[Source, ...]) -> ast.RuleFile | None:
        """What stands in the place of the include; None, with the mistake noted, where there is nothing."""
        here, identity = chain[-1], self.files.identity(path)
        ways = [number for number, source in enumerate(chain) if self.files.identity(source.path) == identity]
        if literal(include.path) is None:
            self.mistake(include, here, "nothing expands in the path of include", "write {{ for a brace that is meant")
        elif not path:
            self.mistake(include, here, "include needs the path of a file", 'as: include "lists.rules"')
        elif ways:
            way = " → ".join([*[source.name for source in chain[ways[0] :]], name])
            self.mistake(include, here, f"this file includes itself: {way}", "leave this include out")
        elif identity in self.read:
            return None
        elif len(chain) > limits.INCLUDE_NESTING:
            self.mistake(
                include,
                here,
                f"more than {limits.INCLUDE_NESTING} includes inside one another",
                "name the file in the first one",
            )
        else:
            return self.opened(include, path, name, chain)
        return None

    def opened(self, include: ast.Include, path: str, name: str, chain: tuple[Source, ...]) -> ast.RuleFile | None:
        try:
            source = self.files.read(path, name)
        except Unreadable as unreadable:
            self.mistake(include, chain[-1], f"{name}: {unreadable.reason}", unreadable.hint)
            return None
        except RuleError as error:
            self.told(error)
            return None
        rules = self.parsed(source)
        return None if rules is None else self.followed(rules, (*chain, source))

    def mistake(self, include: ast.Include, here: Source, text: str, hint: str) -> None:
        self.mistakes.append(Mistake(include.path.span, text, hint, here))


def _named(include: ast.Include, here: Source) -> tuple[str, str]:
    """The path that is meant, which is relative to the file it stands in, and what the file is called."""
    written = literal(include.path) or ""
    return resolved(written, here.path), posixpath.normpath(resolved(written, here.name))


def resolved(written: str, beside: str) -> str:
    """A path as a rule file gives it: relative to that file, which is at `beside`; `~/` stays as it is."""
    if not written or written == "~" or written.startswith(("/", "~/")):
        return written
    return posixpath.join(posixpath.dirname(beside), written)
