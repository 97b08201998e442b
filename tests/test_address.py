"""One address as an MTA hands it over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("ann@example.org", "ann", "example.org"),
        ("<ann+x@example.org>", "ann+x", "example.org"),
        (" <ann@Example.ORG> ", "ann", "Example.ORG"),
        ("ann", "ann", ""),
        ("<ann>", "ann", ""),
        ("", "", ""),
        ("<>", "", ""),
        ("<", "", ""),
        ('"odd local"@x', '"odd local"', "x"),
        ('"ann"@x', "ann", "x"),
        ('"a@b"@x', '"a@b"', "x"),
        ('"a@b"', '"a@b"', ""),
        ('"a\\"b\\\\"@x', '"a\\"b\\\\"', "x"),
        ("<@a,@b:ann@x>", "ann", "x"),
        ("ann@[IPv6:::1]", "ann", "[IPv6:::1]"),
        ("@x", "", "x"),
        ("ann@", "ann", ""),
        ("a@b@c", '"a@b"', "c"),
    ],
)
def test_parse_address(text: str, local: str, domain: str) -> None:
    address = parse_address(text)
    assert address == Address("", local, domain)
    assert parse_address(address.address) == address


@pytest.mark.parametrize(
    ("local", "user", "detail"),
    [
        ("ann", "ann", ""),
        ("ann+lists", "ann", "lists"),
        ("ann+", "ann", ""),
        ("ann+a+b", "ann", "a+b"),
        ("+x", "", "x"),
        ('"an n+x y"', "an n", "x y"),
        ("", "", ""),
    ],
)
def test_detail_begins_at_the_first_plus(local: str, user: str, detail: str) -> None:
    address = Address("", local, "x")
    assert (address.user, address.detail) == (user, detail)


def test_address_joins_what_is_there() -> None:
    assert Address("", "ann", "x").address == "ann@x"
    assert Address("Ann", "ann", "").address == "ann"
    assert Address("Ann", "", "").address == ""


@given(st.text())
def test_any_text_is_an_address_and_stays_the_same_when_read_again(text: str) -> None:
    address = parse_address(text)
    if address.local:
        assert parse_address(f"<{address.address}>") == address
