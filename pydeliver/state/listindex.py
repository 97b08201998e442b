"""The index of a list file: its entries on the disk, so that one is found without reading the others.

A table of buckets by hash, in the manner of cdb, and in each bucket the lines
whose hash is there: a question reads two places of a few hundred octets,
however long the list is.

An index is taken only if it belongs to one of the `owners` and nobody else can
write it, and if the list file's size, times and number are those it was made
of.  A file that was written less than two seconds before it was read could be
written again without any of them changing: no index is made of it then.  One is
written beside its place, synced, and renamed.  Damage is seen: each bucket
carries a checksum.

Does not know: rules; nor what a list is asked.
References: cdb(5).
"""

from __future__ import annotations

import os
import stat
from binascii import crc32
from marshal import dumps, loads

from pydeliver.state.listfile import Shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydeliver.state.listfile import Entries, Identity

_FORMAT = 1
_READ_ONLY = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OFFSET = 8  # octets of one in the table
_LINES_PER_BUCKET = 16
_JUST_NOW = 2_000_000_000  # ns; FAT keeps the time of a change to two seconds
_LITTER_SECONDS = 3_600  # after which what a killed process left behind is removed


class Damaged(Exception):
    """An index that is not as it was written."""


class Index:
    """An open index.  `contains` raises Damaged."""

    def __init__(self, descriptor: int, path: str, identity: Identity) -> None:
        self._descriptor = descriptor
        head = self._octets(0, 8)
        header = self._octets(8, int.from_bytes(head[4:], "big"))
        if crc32(header) != int.from_bytes(head[:4], "big"):
            raise Damaged
        known = loads(header)
        if known["format"] != _FORMAT or (known["path"], known["identity"]) != (path, identity):
            raise Damaged
        self._bits = known["bits"]
        self._table = len(head) + len(header)
        self.shapes, self.globs = Shapes(*known["shapes"]), list(known["globs"])

    def contains(self, key: bytes) -> bool:
        number = crc32(key) >> (32 - self._bits)
        offsets = self._octets(self._table + number * _OFFSET, 2 * _OFFSET)
        start, end = int.from_bytes(offsets[:_OFFSET], "big"), int.from_bytes(offsets[_OFFSET:], "big")
        bucket = self._octets(start, end - start)
        if crc32(bucket[4:]) != int.from_bytes(bucket[:4], "big"):
            raise Damaged
        return b"\n" + key + b"\n" in bucket

    def _octets(self, start: int, length: int) -> bytes:
        try:
            found = os.pread(self._descriptor, length, start)
        except (OSError, ValueError, OverflowError) as error:
            raise Damaged from error
        if len(found) != length or not length:
            raise Damaged
        return found

    def close(self) -> None:
        os.close(self._descriptor)


def open_index(index: str, owners: tuple[int, ...], path: str, identity: Identity) -> Index | None:
    """Open the index of a list file, if there is one that can be trusted and is of the file as it is."""
    try:
        descriptor = os.open(index, _READ_ONLY)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_uid in owners and not found.st_mode & 0o022:
            return Index(descriptor, path, identity)
    except (Damaged, OSError, EOFError, ValueError, TypeError, KeyError):  # loads raises those in the middle
        pass
    os.close(descriptor)
    return None


def store_index(index: str, entries: Entries, path: str, identity: Identity, read: int, mode: int = 0o600) -> None:
    """Put an index in its place whole, or leave the one that is there; `read` is when the file was read, in ns."""
    if abs(read - identity[2]) < _JUST_NOW:
        return
    temporary = f"{index}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(index), 0o755 if mode & 0o044 else 0o700, exist_ok=True)
        _remove_litter(index, read // 1_000_000_000)
        descriptor = os.open(temporary, _CREATE, mode)
    except OSError:
        return
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            header = _header(entries, path, identity)
            start = len(header) + ((1 << _bits(entries)) + 1) * _OFFSET
            file.write(header)
            file.seek(start)
            offsets = [start]
            for bucket in _buckets(entries):
                file.write(bucket)
                offsets.append(offsets[-1] + len(bucket))
            file.seek(len(header))
            file.write(b"".join([offset.to_bytes(_OFFSET, "big") for offset in offsets]))
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, index)
    except OSError:
        _unlink(temporary)


def _bits(entries: Entries) -> int:
    """How many bits of a hash number the buckets: at least those of the parts that entries come in."""
    return max(8, (entries.count // _LINES_PER_BUCKET).bit_length())


def _header(entries: Entries, path: str, identity: Identity) -> bytes:
    shapes = entries.shapes
    header = dumps(
        {
            "format": _FORMAT,
            "path": path,
            "identity": identity,
            "bits": _bits(entries),
            "shapes": (shapes.domain, shapes.subdomain, shapes.suffix),
            "globs": tuple(dict.fromkeys(entries.globs)),
        }
    )
    return crc32(header).to_bytes(4, "big") + len(header).to_bytes(4, "big") + header


def _buckets(entries: Entries) -> Iterator[bytes]:
    """Each bucket in order: a checksum, and lines between line ends."""
    shift, in_a_part = 32 - _bits(entries), 1 << (_bits(entries) - 8)
    for part in entries.parts:
        buckets: list[list[bytes]] = [[b""] for _ in range(in_a_part)]
        for line in set(bytes(part).split(b"\n")) - {b""}:
            buckets[(crc32(line) >> shift) % in_a_part].append(line)
        for lines in buckets:
            bucket = b"\n".join([*lines, b""])
            yield crc32(bucket).to_bytes(4, "big") + bucket


def _remove_litter(index: str, now: int) -> None:
    """Remove what was not finished long ago."""
    directory, name = os.path.split(index)
    for found in os.listdir(directory):
        path = f"{directory}/{found}"
        if found.startswith(f"{name}.") and os.lstat(path).st_mtime < now - _LITTER_SECONDS:
            _unlink(path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
