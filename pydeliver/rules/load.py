"""Load rules: from the compiled copy if it is of this very text, else compile them.

A rule file can hurt nobody: whatever is wrong with it, loading ends soon and
says what it is, and the caller keeps the message.  A text that does not
compile is remembered, so that Lark is not loaded again for each message; the
program compiled before it serves as the last good one.  What is said of a rule
file holds of each file that it includes: the compiled copy is of all of them.

Does not know: what is done when there are no rules.
"""

from __future__ import annotations

import os
import stat

from pydeliver import limits
from pydeliver.copies import read_copy, store_copy
from pydeliver.rules.program import Program, from_data
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pydeliver.rules import ast
    from pydeliver.rules.source import Source

_FORMAT = 4  # of the compiled copy; raised when programs change shape
_MISSING = "there is no such file"
_READ_ONLY = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Unusable(Exception):
    """A rule file that is not read at all; says why."""


@value
class Loaded:
    """Rules to evaluate.

    `program` is None where there are none to be had.  `problem` is what their
    owner should be told.  `is_last_good`: the file is wrong, and this is what
    it was before.  `included` are the paths of the files that it includes.
    """

    program: Program | None
    problem: str = ""
    is_last_good: bool = False
    included: tuple[str, ...] = ()


@value
class Origin:
    """Where rules come from: the path of their file, and what plans and mistakes call it (its path if empty).

    `home` is the directory that `~/` means in it, "" for none: the system's
    rules are nobody's.  `is_confined`: no file outside of it is included.
    """

    path: str
    name: str = ""
    phase: str = "user"
    home: str = ""
    is_confined: bool = False

    @property
    def called(self) -> str:
        return self.name or self.path

    @property
    def place(self) -> str:
        """The path that what stands beside the file is found by; as `~/…` it is the same if the home moves."""
        path = os.path.abspath(self.path)
        is_at_home = self.home and path.startswith(f"{self.home}/")
        return "~" + path[len(self.home) :] if is_at_home else path


NO_RULES = Loaded(None)


def load_rules(origin: Origin, copy: str = "", may_store: bool = True) -> Loaded:
    """Return the rules of a file; one that is not there is no rules, and no problem.

    `copy` is the path of the compiled copy, "" for none; it is renewed if
    `may_store`.  That it cannot be is no problem either: the next delivery
    compiles again.
    """
    try:
        raw = read_rule_file(origin.path)
    except FileNotFoundError:
        return NO_RULES
    except Unusable as reason:
        return Loaded(None, f"{origin.called}: {reason}; the rules were not used")
    known = _known(copy, origin)
    if known is not None and known["raw"] == raw and _is_current(known["included"], origin.home):
        return _loaded(known, origin.home)
    good = None if known is None else known["program"] or known["good"]
    fresh = _compiled(origin, raw, good)
    if copy and may_store:
        store_copy(copy, fresh, 0o600 if origin.phase == "user" else 0o644)
    return _loaded(fresh, origin.home)


def read_rules(source: Source, files: Files | None = None) -> ast.RuleFile:
    """Parse a rule file and all that it includes; raises RuleError with every mistake of the parser's."""
    from pydeliver.rules.include import read_all

    return read_all(source, files or Files())


def compile_text(source: Source, phase: str = "user", files: Files | None = None) -> Program:
    """Parse, check and compile; raises RuleError with every mistake."""
    from pydeliver.rules.check import check
    from pydeliver.rules.compile import compile_rules

    rules = read_rules(source, files)
    check(rules, phase)
    return compile_rules(rules)


def decode_rules(name: str, raw: bytes, path: str = "") -> Source:
    """Return the text of a rule file; raises RuleError at the first octet that is none."""
    from pydeliver.rules.source import Mistake, RuleError, Source, Span

    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = raw.decode("utf-8", "replace")
        place = len(raw[: error.start].decode("utf-8"))
        mistake = Mistake(Span(place, place + 1), "this is not UTF-8", "save the file as UTF-8")
        raise RuleError(Source(name, text, path), (mistake,)) from None
    source = Source(name, text, path)
    if "\0" in text:
        place = text.index("\0")
        raise RuleError(source, (Mistake(Span(place, place + 1), "a NUL octet: this is not a text file"),))
    return source


# ---------------------------------------------------------------- the rule file


def read_rule_file(path: str) -> bytes:
    """Return what the file holds.

    Raises FileNotFoundError where there is none, Unusable for one that others
    could have written, or that is no plain file of a sane size.  A symbolic
    link is followed if it and what it means belong to us or root (dotfile
    managers make them).
    """
    try:
        link = os.lstat(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unusable(f"it cannot be opened ({os.strerror(error.errno or 0)})") from error
    try:
        _check_file(os.stat(path))  # before it is opened: opening a device can do something
        descriptor = os.open(path, _READ_ONLY)
    except FileNotFoundError:
        raise Unusable("it is a link to nothing") from None
    except OSError as error:
        raise Unusable(f"it cannot be opened ({os.strerror(error.errno or 0)})") from error
    try:
        _check_owner(link, "the link")
        _check_file(os.fstat(descriptor))
        for place in {path, os.path.realpath(path)}:
            _check_directory(os.path.dirname(place) or ".")
        return _read(descriptor)
    except OSError as error:
        raise Unusable(f"it cannot be read ({os.strerror(error.errno or 0)})") from error
    finally:
        os.close(descriptor)


def _check_owner(found: os.stat_result, what: str) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise Unusable(f"{what} belongs to another user (uid {found.st_uid})")


def _check_file(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unusable("it is not a plain file")
    _check_owner(found, "it")
    if found.st_mode & 0o022:
        raise Unusable(f"others can write it (mode {stat.S_IMODE(found.st_mode):04o}); chmod go-w mends that")
    if found.st_size > limits.RULE_FILE_OCTETS:
        raise Unusable(f"it is larger than {limits.RULE_FILE_OCTETS} octets")


def _check_directory(path: str) -> None:
    """In a directory that everybody can write, everybody can put a file in the place of this one."""
    mode = os.stat(path).st_mode
    if mode & 0o002 and not mode & stat.S_ISVTX:
        raise Unusable("everybody can write the directory it is in")


def _read(descriptor: int) -> bytes:
    """Read to the end: a file that is being written may be longer than it was."""
    pieces, octets = [], 0
    while piece := os.read(descriptor, 1 << 16):
        pieces.append(piece)
        octets += len(piece)
        if octets > limits.RULE_FILE_OCTETS:
            raise Unusable(f"it is larger than {limits.RULE_FILE_OCTETS} octets")
    return b"".join(pieces)


# ---------------------------------------------------------------- the files it includes


class Files:
    """The files that rules include, as they were found: of each path its octets, or why there are none.

    `home` is what `~/` means; in the system's rules it means nothing.  `octets`
    are those read so far, for all files together are held to one limit.
    """

    def __init__(self, home: str = "", octets: int = 0, is_confined: bool = False) -> None:
        self.home, self.octets, self._is_confined = home, octets, is_confined
        self.found: dict[str, bytes | str] = {}

    def identity(self, path: str) -> str:
        return os.path.realpath(_absolute(path, self.home))

    def read(self, path: str, name: str) -> Source:
        """Return the text; raises RuleError for what is none, Unreadable for what cannot be read."""
        from pydeliver.rules.include import Unreadable

        if path.startswith("~") and not self.home:
            raise Unreadable("the system's rules belong to no home directory", "write the whole path")
        if self._is_confined and not f"{self.identity(path)}/".startswith(f"{os.path.realpath(self.home)}/"):
            raise Unreadable("it is outside of the home directory")
        found = self.found[path] = _found(_absolute(path, self.home))
        if isinstance(found, str):
            where = "mend the path: it is relative to the file it stands in, unless it begins with / or ~/"
            raise Unreadable(found, where if found == _MISSING else "")
        self.octets += len(found)
        if self.octets > limits.RULE_FILE_OCTETS:
            raise Unreadable(f"with this file the rules are larger than {limits.RULE_FILE_OCTETS} octets")
        return decode_rules(name, found, path)


def _absolute(path: str, home: str) -> str:
    return home + path[1:] if path == "~" or path.startswith("~/") else path


def _found(path: str) -> bytes | str:
    """What an included file holds, or why it cannot be used."""
    try:
        return read_rule_file(path)
    except FileNotFoundError:
        return _MISSING
    except Unusable as reason:
        return str(reason)


def _is_current(included: dict[str, bytes | str], home: str) -> bool:
    """Whether the files are as they were when the copy was made."""
    return all([_found(_absolute(path, home)) == found for path, found in included.items()])


# ---------------------------------------------------------------- the compiled copy


def _compiled(origin: Origin, raw: bytes, good: Any) -> dict[str, Any]:
    """Compile; the mistakes found are kept as text."""
    from pydeliver.rules.source import RuleError

    program, problem, files = None, "", Files(origin.home, len(raw), origin.is_confined)
    try:
        program = compile_text(decode_rules(origin.called, raw, origin.place), origin.phase, files).as_data()
    except RuleError as mistakes:
        problem = str(mistakes)
    return {
        "format": _FORMAT,
        "origin": (origin.place, origin.called, origin.phase, origin.is_confined),
        "raw": raw,
        "included": files.found,
        "program": program,
        "problem": problem,
        "good": None if program else good,
    }


def _loaded(known: dict[str, Any], home: str) -> Loaded:
    if known["program"] is not None:
        return Loaded(
            from_data(known["program"]), included=tuple([_absolute(path, home) for path in known["included"]])
        )
    if known["good"] is not None:
        return Loaded(from_data(known["good"]), known["problem"], True)
    return Loaded(None, known["problem"])


def _known(copy: str, origin: Origin) -> dict[str, Any] | None:
    """The compiled copy, if it is of this file; the system's must be root's."""
    known = read_copy(copy, (0,) if origin.phase != "user" else (0, os.geteuid())) if copy else None
    if known is None or known["format"] != _FORMAT:
        return None
    expected = (origin.place, origin.called, origin.phase, origin.is_confined)
    return known if known["origin"] == expected else None
