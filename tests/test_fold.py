"""How texts compare: linear in time, as Unicode says."""

from __future__ import annotations

import time
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.fold import composed, fold, fold_each

COMBINING = st.text(st.sampled_from("ab é\u0301\u0323\u0308ẛ\u212bßẞİıſK한ㄱ\u1100\u1161"), max_size=50)


def test_long_text_is_composed_as_a_whole_where_it_has_ascii_in_it() -> None:
    assert composed("e\u0301 " * 5_000) == "é " * 5_000


@given(st.one_of(st.text(max_size=200), COMBINING))
def test_short_text_is_composed_as_unicode_says(text: str) -> None:
    assert composed(text) == normalize("NFC", text)


@pytest.mark.parametrize("function", [composed, fold, fold_each])
def test_combining_marks_cost_no_more_than_letters(function: object) -> None:
    assert callable(function)
    started = time.monotonic()
    function("a" + "\u0301\u0323" * 100_000)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ANN", "ann"),
        ("Straße", "STRASSE"),
        ("É", "e\u0301"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("\u212aelvin", "kelvin"),
        ("J\u030c", "ǰ"),
    ],
)
def test_texts_that_are_equal(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(COMBINING)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.one_of(st.text(max_size=50), COMBINING))
def test_folding_each_character_keeps_every_place(text: str) -> None:
    folded = fold_each(text)
    assert len(folded) == len(text)
    assert all([fold_each(character) == folded[at] for at, character in enumerate(text)])


def test_capital_sharp_s_is_the_small_one_where_places_count() -> None:
    assert fold_each("ẞ") == "ß"


def test_a_long_text_is_folded_once_for_many_rules() -> None:
    text = "e\u0301\u0323ß" * 200_000
    started = time.monotonic()
    folded = [fold(text) for _ in range(100)]
    places = [fold_each(text) for _ in range(100)]
    assert time.monotonic() - started < 10
    assert folded[0] == folded[-1] == fold(text[:40]) * 20_000
    assert len(places[0]) == len(text)
