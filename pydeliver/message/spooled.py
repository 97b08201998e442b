"""Octets of a large message: a view of the file they were spooled to that answers as `bytes` do.

What is looked at comes into memory a piece at a time and is let go again, so
that a message costs little of it however large it is.  Only what is asked of
octets here is answered: finding, counting, slices, begin and end.

Does not know: how the file was filled, nor what the octets mean.
"""

from __future__ import annotations

from mmap import ACCESS_READ, MADV_DONTNEED, PAGESIZE, mmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    class Spooled(bytes):
        descriptor: int
        sizes: tuple[int, int]

        def __new__(cls, descriptor: int, sizes: tuple[int, int]) -> Spooled: ...
        def pieces(self, start: int) -> Iterator[bytes]: ...

else:
    _WINDOW = 256 * PAGESIZE

    class Spooled(mmap):
        """Read-only, of a file that nobody else can write.

        `descriptor` is open as long as this is; `sizes` are the octets there
        are, and how many they are on the wire.
        """

        def __new__(cls, descriptor, sizes):
            built = super().__new__(cls, descriptor, sizes[0], access=ACCESS_READ)
            built.descriptor, built.sizes = descriptor, sizes
            return built

        def startswith(self, prefix, start=0, end=None):
            end = len(self) if end is None else min(end, len(self))
            return start + len(prefix) <= end and self[start : start + len(prefix)] == prefix

        def endswith(self, suffix):
            return self[max(0, len(self) - len(suffix)) :] == suffix

        def find(self, sought, start=0, end=None):
            end = len(self) if end is None else min(end, len(self))
            for window in range(start, end, _WINDOW):
                behind = min(window + _WINDOW + len(sought) - 1, end)
                at = super().find(sought, window, behind)
                if at >= 0:
                    return at
                self._let_go(window, behind)
            return -1

        def count(self, octet, start=0):
            return sum([piece.count(octet) for piece in self.pieces(start)])

        def pieces(self, start):
            """The octets from `start` on, in order, a copy of each piece."""
            for window in range(start, len(self), _WINDOW):
                yield self[window : window + _WINDOW]
                self._let_go(window, window + _WINDOW)

        def _let_go(self, start, end):
            """Whole pages only: of a page that is begun the rest is wanted next."""
            first, behind = -(-start // PAGESIZE) * PAGESIZE, min(end, len(self)) // PAGESIZE * PAGESIZE
            if first < behind:
                try:
                    self.madvise(MADV_DONTNEED, first, behind - first)
                except OSError:
                    return  # it was advice


__all__ = ["Spooled"]
