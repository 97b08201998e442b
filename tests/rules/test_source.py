"""A mistake is drawn on its line, so that a terminal shows only letters and the mark stands where it should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.rules.source import Mistake, RuleError, Source, Span, draw


@pytest.mark.parametrize(
    ("text", "start", "end", "drawn"),
    [
        ("abc", 0, 1, "r:1:1: wrong\nabc\n^"),
        ("abc\ndef", 5, 7, "r:2:2: wrong\ndef\n ^~"),
        ("abc\r\ndef\r\n", 6, 99, "r:2:2: wrong\ndef\n ^~"),
        ("abc", 3, 3, "r:1:4: wrong\nabc\n   ^"),
        ("", 0, 0, "r:1:1: wrong\n\n^"),
        ("\ta\x1bb", 3, 4, "r:1:4: wrong\n\ta\\x1bb\n\t     ^"),
        ("a\x1bb", 1, 2, "r:1:2: wrong\na\\x1bb\n ^~~~"),
        (
            "x" * 150 + "WORD" + "y" * 900,
            150,
            154,
            "r:1:151: wrong\n…" + "x" * 100 + "WORD" + "y" * 96 + "…\n" + " " * 101 + "^~~~",
        ),
        ("x" * 250, 249, 250, "r:1:250: wrong\n…" + "x" * 200 + "\n" + " " * 200 + "^"),
        ("x" * 250, 0, 250, "r:1:1: wrong\n" + "x" * 200 + "…\n" + "^" + "~" * 200),
    ],
)
def test_a_mistake_as_it_is_drawn(text: str, start: int, end: int, drawn: str) -> None:
    assert draw(Source("r", text), Mistake(Span(start, end), "wrong")) == drawn


def test_hint_and_kind() -> None:
    drawn = draw(Source("r", "abc"), Mistake(Span(0, 3), "wrong", "write it right"), "warning: ")
    assert drawn == "r:1:1: warning: wrong\nabc\n^~~\nhint: write it right"


@given(st.text(), st.integers(0, 20), st.integers(0, 20))
def test_whatever_the_text_what_is_drawn_is_printable_and_short(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    drawn = draw(Source("r", text), Mistake(Span(start, min(start + length, len(text))), text[:20]))
    assert all([line.replace("\t", "").isprintable() for line in drawn.split("\n")])


def test_mistakes_are_told_in_the_order_of_the_text() -> None:
    error = RuleError(Source("r", "ab"), (Mistake(Span(1, 2), "second"), Mistake(Span(0, 1), "first")))
    assert [mistake.text for mistake in error.mistakes] == ["first", "second"]
    assert str(error).count("\n") == 5
