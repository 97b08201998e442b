"""Long tuples kept as marshalled pieces, each loaded when an item of it is first looked at.

Of ten thousand rules a message meets a few: loading all of them for it would
take as long as the rest of its delivery.

Does not know: what the items are.
"""

from __future__ import annotations

from marshal import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from pydeliver.rules.program import Items

_ITEMS = 32  # of one piece
_FEWEST = 1_024  # items worth packing


def pack(items: Items) -> tuple[Any, ...]:
    """Return the items as pieces if they are many, else as they are; no item may be octets."""
    every = tuple(items)
    if len(every) < _FEWEST:
        return every
    return tuple([dumps(every[start : start + _ITEMS]) for start in range(0, len(every), _ITEMS)])


def unpack(data: tuple[Any, ...], make: Callable[[Any], Any] | None = None) -> Packed | tuple[Any, ...]:
    """Return what `pack` was given, each item as `make` makes it."""
    if data and isinstance(data[0], bytes):
        return Packed(data, make)
    return data if make is None else tuple([make(item) for item in data])


class Packed:
    """The items of pieces that `pack` made."""

    __slots__ = ("_length", "_loaded", "_make", "_pieces")

    def __init__(self, pieces: tuple[bytes, ...], make: Callable[[Any], Any] | None) -> None:
        self._pieces = pieces
        self._make = make
        self._loaded: dict[int, tuple[Any, ...]] = {}
        self._length = (len(pieces) - 1) * _ITEMS + len(self._piece(len(pieces) - 1))

    def _piece(self, number: int) -> tuple[Any, ...]:
        items: tuple[Any, ...] = loads(self._pieces[number])
        if self._make is not None:
            items = tuple([self._make(item) for item in items])
        self._loaded[number] = items
        return items

    def __getitem__(self, at: int) -> Any:
        number, place = divmod(at, _ITEMS)
        piece = self._loaded.get(number)
        return (self._piece(number) if piece is None else piece)[place]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        for number in range(len(self._pieces)):
            yield from self._loaded.get(number) or self._piece(number)
