"""Long tuples are kept in pieces that give the same items, and are loaded one by one."""

from __future__ import annotations

import marshal
from typing import Any

import pytest

from pydeliver.rules import packed
from pydeliver.rules.packed import Packed, pack, unpack


@pytest.mark.parametrize("number", [0, 1, 31, 32, 33, 64, 100])
def test_what_is_packed_comes_out_again(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_FEWEST", 1)
    items = tuple([("item", n) for n in range(number)])
    again = unpack(marshal.loads(marshal.dumps(pack(items))))
    assert tuple(again) == items
    assert len(again) == number
    assert [again[n] for n in reversed(range(number))] == list(reversed(items))
    assert isinstance(again, Packed) == bool(items)


def test_few_items_are_kept_as_they_are() -> None:
    assert pack([1, 2]) == (1, 2)
    assert unpack((1, 2)) == (1, 2)
    assert unpack((1, 2), str) == ("1", "2")


def test_an_item_is_made_once_and_only_when_it_is_looked_at() -> None:
    made: list[Any] = []

    def make(item: Any) -> Any:
        made.append(item)
        return item

    again = unpack(pack(list(range(10_000))), make)
    before = len(made)  # of the last piece, to know how many there are
    assert (again[5_000], again[5_000]) == (5_000, 5_000)
    assert before < len(made) < 100
