"""One address as an MTA hands it over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.address import Address, address_mistake, parse_address


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


@pytest.mark.parametrize(
    "text",
    [
        *("ann@example.org", "ann+lists@example.org", "ann", "a..b.@docomo.example", "o'brien@x", "a/b@x", "a-@x-y"),
        *(
            "ann@bücher.example",
            "jörg@example.org",
            "{ann}@x",
            "a%b@x",
            "a" * 64 + "@x",
            "a@" + "b." * 126 + "c",
            "_@_x",
        ),
    ],
)
def test_what_can_be_sent_to(text: str) -> None:
    assert address_mistake(text) == ""


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "is empty"),
        ("-oQ/tmp/x", "begins with '-'"),
        ("-ann@x", "begins with '-'"),
        ("--@x", "begins with '-'"),
        ("|cmd", "begins with '|'"),
        ("|cmd@x", "begins with '|'"),
        ("/etc/passwd", "begins with '/'"),
        ("!a@x", "begins with '!'"),
        (":include:/etc/passwd", "not one plain address"),
        ("a\nb@x", "control character"),
        ("a@x\r\nBcc: b@y", "control character"),
        ("a\0@x", "control character"),
        ("a\x7f@x", "control character"),
        ("a\u202e@x", "control character"),
        ("a\ud800@x", "control character"),
        ("a@x\u2028", "control character"),
        ("a@x, b@y", "not one plain address"),
        ("a@x,b@y", "not one plain address"),
        ("a@x b@y", "not one plain address"),
        ("a@x;b@y", "not one plain address"),
        ("<a@x>", "not one plain address"),
        ("Ann <a@x>", "not one plain address"),
        ("a@x (b@y)", "not one plain address"),
        ('"a b"@x', "not one plain address"),
        ('"|cmd"@x', "not one plain address"),
        ("a\\b@x", "not one plain address"),
        ("@a:b@x", "not one plain address"),
        ("@x", "not one plain address"),
        ("a@", "no domain"),
        ("a@x..y", "no domain"),
        ("a@-x", "no domain"),
        ("a@x-", "no domain"),
        ("a@[127.0.0.1]", "no domain"),
        ("a@x y", "no domain"),
        ("a@x,b", "no domain"),
        ("a@x`id`", "no domain"),
        ("a@$(id)", "no domain"),
        ("a" * 65 + "@x", "too long"),
        ("é" * 33 + "@x", "too long"),
        ("a@" + "b" * 256, "too long"),
    ],
)
def test_what_cannot_be_sent_to(text: str, mistake: str) -> None:
    assert mistake in address_mistake(text)


@given(st.text(st.sampled_from('ab@.-|/, <>()"\\\n\0é:;!_[]'), max_size=12))
def test_what_can_be_sent_to_is_one_address_and_no_option(text: str) -> None:
    if address_mistake(text) == "":
        assert text.isprintable()
        assert text[0] not in "-|/!@"
        assert not set(' \t()<>[]:;,\\"') & set(text)
        assert text.count("@") <= 1
        assert parse_address(text).address == text
