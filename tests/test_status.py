"""A status ends in one of four exit statuses, and in one line that no message can break."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.status import DELIVERED, NO_SUCH_USER, UNEXPECTED, DeliveryError, Status, parse_status


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [
        (DELIVERED, 0),
        (NO_SUCH_USER, 67),
        (UNEXPECTED, 75),
        (Status("4.2.2", "full"), 75),
        (Status("5.7.1", "no"), 77),
        (Status("5.1.1", "a rule says so"), 77),
        (Status("3.0.0", "?"), 75),
        (Status("", ""), 75),
    ],
)
def test_the_exit_status(status: Status, exit_status: int) -> None:
    assert status.exit_status == exit_status


@given(st.text(), st.text())
def test_every_status_is_temporary_a_success_or_permanent(code: str, text: str) -> None:
    status = Status(code, text)
    assert status.exit_status in (0, 67, 75, 77)
    assert status.is_success + status.is_temporary + code.startswith("5") == 1


@given(st.text())
def test_a_line_is_one_line_of_printable_ascii(text: str) -> None:
    line = Status("5.7.1", text).line
    assert all([" " <= character <= "~" for character in line])
    assert len(line) <= 500


@pytest.mark.parametrize(
    ("text", "default", "status"),
    [
        ("5.7.1 not here", "5.7.0", Status("5.7.1", "not here")),
        ("  5.7.1   not here ", "5.7.0", Status("5.7.1", "not here")),
        ("not here", "5.7.1", Status("5.7.1", "not here")),
        ("4.7.1 later", "5.7.1", Status("5.7.1", "4.7.1 later")),
        ("2.0.0 ok", "4.7.1", Status("4.7.1", "2.0.0 ok")),
        ("5.7 x", "5.7.1", Status("5.7.1", "5.7 x")),
        ("5.7.1000 x", "5.7.1", Status("5.7.1", "5.7.1000 x")),
        ("5.7.¹ x", "5.7.1", Status("5.7.1", "5.7.¹ x")),
        ("55.7.1 x", "5.7.1", Status("5.7.1", "55.7.1 x")),
        ("", "5.7.1", Status("5.7.1", "")),
    ],
)
def test_a_rules_text_is_code_and_text(text: str, default: str, status: Status) -> None:
    assert parse_status(text, default) == status


def test_an_error_carries_its_status() -> None:
    assert DeliveryError(UNEXPECTED).status == UNEXPECTED
    assert str(DeliveryError(UNEXPECTED)) == UNEXPECTED.line
