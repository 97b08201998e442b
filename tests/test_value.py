"""Values are immutable, equal by what they hold, and told in full."""

from __future__ import annotations

import pytest

from pydeliver.value import replace, value


@value
class Pair:
    """Two things."""

    one: int
    two: str = "b"

    @property
    def both(self) -> str:
        return f"{self.one}{self.two}"


@value
class Other:
    one: int
    two: str = "b"


@value
class Loud:
    one: int

    def __repr__(self) -> str:
        return "LOUD"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loud)


@value
class Nothing:
    pass


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (Pair(1), Pair(1, "b"), True),
        (Pair(1), Pair(one=1, two="b"), True),
        (Pair(1), Pair(2), False),
        (Pair(1), Other(1), False),
        (Pair(1), (1, "b"), False),
        (Loud(1), Loud(2), True),
        (Nothing(), Nothing(), True),
    ],
)
def test_equality(left: object, right: object, equal: bool) -> None:
    assert (left == right) is equal
    assert (left != right) is not equal


def test_equal_values_have_one_hash() -> None:
    assert len({Pair(1), Pair(1, "b"), Pair(2), Other(1)}) == 3


def test_a_field_cannot_be_set_deleted_or_added() -> None:
    pair = Pair(1)
    with pytest.raises(AttributeError, match="immutable: cannot set 'one'"):
        pair.one = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="immutable: cannot delete 'two'"):
        del pair.two
    with pytest.raises(AttributeError, match="immutable: cannot set 'three'"):
        pair.three = 3  # type: ignore[attr-defined]
    assert not hasattr(pair, "__dict__")
    assert pair == Pair(1)


@pytest.mark.parametrize(
    ("positional", "named", "said"),
    [
        ((), {}, "Pair needs 'one'"),
        ((1, "b", 3), {}, "takes 2 fields, 3 were given"),
        ((1,), {"three": 3}, "no field 'three'"),
        ((1,), {"one": 1}, "no field 'one', or it was given twice"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(positional: tuple[object, ...], named: dict[str, object], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        Pair(*positional, **named)  # type: ignore[arg-type]


def test_it_is_told_in_full() -> None:
    assert repr(Pair(1)) == "Pair(one=1, two='b')"
    assert repr(Loud(1)) == "LOUD"
    assert repr(Nothing()) == "Nothing()"
    assert Pair.__doc__ == "Two things."
    assert Pair(1).both == "1b"


def test_it_can_be_taken_apart() -> None:
    match Pair(1):
        case Pair(one, two):
            assert (one, two) == (1, "b")


def test_a_copy_with_a_change_leaves_the_original() -> None:
    pair = Pair(1)
    assert replace(pair, two="c") == Pair(1, "c")
    assert pair == Pair(1)
    with pytest.raises(TypeError, match="no field 'three'"):
        replace(pair, three=3)
