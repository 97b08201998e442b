"""List files: one address or pattern a line, `#` comments; what is in one, ready to be asked.

A line's entry compares as a member of a list in a rule file does: whole and
folded, and with `*` or `?` as a glob.  The globs that lists are made of,
`*@domain`, `*@*.domain` and `*.domain`, are found by the end of a value like any
other entry; the rest are matched one after another.  A line that cannot be an
entry is left out.

A file of a million lines takes a second and as much memory as it has octets.

Does not know: how entries are kept; see `listindex`.
"""

from __future__ import annotations

import os
import stat
from binascii import crc32

from pydeliver import limits
from pydeliver.fold import composed, fold, fold_each
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    # What is the same as long as a file is: its size, its times and its number.
    Identity = tuple[int, int, int, int]

_READ_ONLY = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_PIECE = 1 << 20
_PARTS = 256
_BLANKS = b" \t\r\f\v"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Of lines of these alone nothing needs to be looked at closely; they are folded by then.
_PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789@.-_+=!$%&'^`{|}~"


class ListError(Exception):
    """A list file that cannot be used; says why."""


@value
class Shapes:
    """Which globs a list holds that are found by the end of a value.

    `domain`: `*@domain`.  `subdomain` and `suffix`: `*@*.domain` and `*.domain`,
    by the most labels that the domain of one has; 0 for none.
    """

    domain: bool = False
    subdomain: int = 0
    suffix: int = 0


class Entries:
    """The entries of a list, in memory: what a list's index is made of, and asked in its place."""

    def __init__(self) -> None:
        self.parts = [bytearray(b"\n") for _ in range(_PARTS)]  # lines, by the first octet of their hash
        self.count = 0
        self.globs: list[str] = []  # those that have no shape
        self.shapes = Shapes()

    def contains(self, key: bytes) -> bool:
        return b"\n" + key + b"\n" in self.parts[crc32(key) >> 24]

    def add(self, entry: str) -> None:
        """Add an entry that is no plain line."""
        if "*" not in entry and "?" not in entry:
            self._keep(fold(entry))
            return
        glob = fold_each(composed(entry))
        shapes = _shapes_with(self.shapes, glob)
        if shapes is None:
            self.globs.append(glob)
        else:
            self.shapes = shapes
            self._keep(glob)

    def _keep(self, key: str) -> None:
        line = key.encode()
        self.parts[crc32(line) >> 24] += line + b"\n"
        self.count += 1


def _shapes_with(shapes: Shapes, glob: str) -> Shapes | None:
    """The shapes with this glob's, None if it has none."""
    for beginning, others in (("*@*.", "*?@"), ("*@", "*?@"), ("*.", "*?")):
        rest = glob.removeprefix(beginning)
        if len(rest) in (0, len(glob)) or any([character in rest for character in others]):
            continue
        labels = rest.count(".") + 1
        if beginning == "*@*.":
            return Shapes(shapes.domain, max(shapes.subdomain, labels), shapes.suffix)
        if beginning == "*@":
            return Shapes(True, shapes.subdomain, shapes.suffix)
        return Shapes(shapes.domain, shapes.subdomain, max(shapes.suffix, labels))
    return None


def keys_of(said: str, shapes: Shapes) -> Iterator[bytes]:
    """Every entry by which a list of these shapes can hold a value, but for globs without a shape."""
    yield fold(said).encode("utf-8", "replace")
    folded = fold_each(said)
    _, at, domain = folded.rpartition("@")
    if at and shapes.domain:
        yield f"*@{domain}".encode("utf-8", "replace")
    if at and shapes.subdomain:
        yield from _ends("*@*.", domain, shapes.subdomain)
    if shapes.suffix:
        yield from _ends("*.", folded, shapes.suffix)


def _ends(beginning: str, text: str, labels: int) -> Iterator[bytes]:
    parts = text.rsplit(".", labels)
    for number in range(1, len(parts)):
        yield (beginning + ".".join(parts[-number:])).encode("utf-8", "replace")


# ---------------------------------------------------------------- the file


def open_list(path: str) -> int:
    """Open a list file; raises ListError for what is none.

    Whoever may write it may choose what is in the list, and nothing else:
    whose it is is for the writer of the rules to say.
    """
    try:
        _check(os.stat(path))  # before it is opened: opening a device can do something
        descriptor = os.open(path, _READ_ONLY)
    except FileNotFoundError:
        raise ListError("there is no such file") from None
    except (OSError, ValueError) as error:
        raise ListError(f"it cannot be opened ({_reason(error)})") from error
    try:
        _check(os.fstat(descriptor))
    except ListError:
        os.close(descriptor)
        raise
    return descriptor


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ListError("it is not a plain file")
    if found.st_size > limits.LIST_FILE_OCTETS:
        raise ListError(f"it is larger than {limits.LIST_FILE_OCTETS} octets")


def _reason(error: OSError | ValueError) -> str:
    return os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)


def identity_of(descriptor: int) -> Identity:
    found = os.fstat(descriptor)
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def read_entries(descriptor: int) -> Entries:
    """Return what is in the file; raises ListError if it cannot be read."""
    entries = Entries()
    parts, plain = entries.parts, 0
    for _, line in _lines(descriptor):
        if line and not line.translate(None, _PLAIN):
            parts[crc32(line) >> 24] += line + b"\n"
            plain += 1
        elif entry := entry_of(line)[0]:
            entries.add(entry)
    entries.count += plain
    return entries


def faults_in(descriptor: int) -> Iterator[tuple[int, str, str]]:
    """Each line that is left out or can never be equal to anything: its number, its text, and what is wrong with it."""
    for number, line in _lines(descriptor):
        entry, fault = entry_of(line)
        if fault := fault or _doubt(entry):
            yield number, line.decode("utf-8", "replace"), fault


def _lines(descriptor: int) -> Iterator[tuple[int, bytes]]:
    """Each line by number, ASCII letters small; a line that is far too long may be cut."""
    number, rest, octets = 1, b"", 0
    while piece := _read(descriptor):
        if octets == 0:
            piece = piece.removeprefix(_BYTE_ORDER_MARK)
        octets += len(piece)
        if octets > limits.LIST_FILE_OCTETS:
            raise ListError(f"it is larger than {limits.LIST_FILE_OCTETS} octets")
        *whole, rest = (rest + piece).lower().split(b"\n")
        rest = rest[: limits.LIST_ENTRY_OCTETS * 2]
        yield from enumerate(whole, number)
        number += len(whole)
    if rest:
        yield number, rest


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except OSError as error:
        raise ListError(f"it cannot be read ({_reason(error)})") from error


def entry_of(line: bytes) -> tuple[str, str]:
    """The entry of a line, "" if it has none, and what is wrong with it, "" for nothing."""
    said = _without_comment(line).strip(_BLANKS)
    if len(said) > limits.LIST_ENTRY_OCTETS:
        return "", f"longer than {limits.LIST_ENTRY_OCTETS} octets"
    try:
        entry = said.decode("utf-8")
    except UnicodeDecodeError:
        return "", "this is not UTF-8"
    if any([character < " " or character == "\x7f" for character in entry]):
        return "", "a control character"
    return entry, ""


def _without_comment(line: bytes) -> bytes:
    """A `#` begins a comment at the beginning of a line and behind a blank."""
    at = line.find(b"#")
    while at > 0 and line[at - 1] not in _BLANKS:
        at = line.find(b"#", at + 1)
    return line if at < 0 else line[:at]


def _doubt(entry: str) -> str:
    """Why an entry will hardly ever be equal to what it seems to mean."""
    if entry.startswith("@"):
        return f"a whole domain is written *{entry}"
    if entry.endswith(">") and "@" in entry:
        return f"an address stands without a name: {entry.rpartition('<')[2].removesuffix('>')}"
    if "@" in entry and any([separator in entry for separator in (" ", ",", ";")]):
        return "there is one address a line"
    if len(entry) > 1 and entry.startswith("/") and entry.endswith("/"):
        return "a list holds globs, with * and ?, and no /regex/"
    if len(entry) > 1 and entry[0] == entry[-1] and entry[0] in "\"'":
        return "in a list file entries stand without quotes"
    return ""
