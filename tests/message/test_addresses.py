"""Address lists, and what senders break."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver import limits
from pydeliver.address import Address
from pydeliver.message.addresses import parse_addresses, render_address

ROWS = [
    ("address alone", b"ann@example.org", [("", "ann@example.org")]),
    ("address in brackets", b"<ann@example.org>", [("", "ann@example.org")]),
    ("with a name", b"Ann Lee <ann@example.org>", [("Ann Lee", "ann@example.org")]),
    ("quoted name", b'"Lee, Ann" <ann@example.org>', [("Lee, Ann", "ann@example.org")]),
    ("escapes in a quoted name", b'"A \\"x\\" \\\\" <ann@example.org>', [('A "x" \\', "ann@example.org")]),
    ("name in a comment", b"ann@example.org (Ann Lee)", [("Ann Lee", "ann@example.org")]),
    ("comment beside a name", b"Ann (work) <ann@example.org>", [("Ann (work)", "ann@example.org")]),
    ("comments nest", b"ann@example.org (a (b (c)) d)", [("a (b (c)) d", "ann@example.org")]),
    ("comments anywhere", b"<ann(x)@(y)example(z).org>", [("x y z", "ann@example.org")]),
    ("two", b"a@x, b@y", [("", "a@x"), ("", "b@y")]),
    ("semicolons as an old mail program has them", b"a@x; b@y;", [("", "a@x"), ("", "b@y")]),
    ("commas to no end", b",, a@x, ,", [("", "a@x")]),
    ("nothing", b"  ", []),
    ("null address", b"<>", [("", "")]),
    ("null address with a name", b"Ann <>", [("Ann", "")]),
    ("comment alone", b"(nobody)", []),
    ("group", b"Team: a@x, Bob <b@y>; , c@z", [("", "a@x"), ("Bob", "b@y"), ("", "c@z")]),
    ("empty group", b"undisclosed-recipients:;", []),
    ("group never closed", b"Team: a@x", [("", "a@x")]),
    ("local part alone", b"ann", [("", "ann")]),
    ("local part alone in brackets", b"<ann>", [("", "ann")]),
    ("words are a name", b"Undisclosed Recipients", [("Undisclosed Recipients", "")]),
    ("quoted local part", b'"odd local"@example.org', [("", '"odd local"@example.org')]),
    ("needless quotes go", b'"ann"@example.org', [("", "ann@example.org")]),
    ("@ in quotes", b'"a@b"@example.org', [("", '"a@b"@example.org')]),
    ("quoted word and dot", b'"a b".c@example.org', [("", '"a b.c"@example.org')]),
    ("route", b"<@a.example,@b.example:ann@example.org>, b@y", [("", "ann@example.org"), ("", "b@y")]),
    (
        "domain literal",
        b"ann@[192.0.2.1], ann@[IPv6:2001:db8::1]",
        [("", "ann@[192.0.2.1]"), ("", "ann@[IPv6:2001:db8::1]")],
    ),
    ("spaces around dots (RFC 5322 appendix A.6.3)", b"jdoe@test   . example", [("", "jdoe@test.example")]),
    ("spaces around dots in brackets", b"<john . doe @ example . org>", [("", "john.doe@example.org")]),
    ("odd dots of Japanese providers", b"<a..b.@example.org>", [("", "a..b.@example.org")]),
    ("8-bit", "Jürgen <jürgen@exämple.org>".encode(), [("Jürgen", "jürgen@exämple.org")]),
    ("mailto:", b"mailto:ann@example.org", [("", "ann@example.org")]),
    ("encoded name", b"=?utf-8?q?J=C3=BCrgen?= =?utf-8?q?_X?= <j@x>", [("Jürgen X", "j@x")]),
    ("encoded name in quotes", b'"=?utf-8?q?J=C3=BCrgen?=" <j@x>', [("Jürgen", "j@x")]),
    ("address in an encoded name", b"=?utf-8?q?evil=40y=2C_=3Ca=40b=3E?= <j@x>", [("evil@y, <a@b>", "j@x")]),
    ("specials bare in an encoded name", b"=?utf-8?q?Lee,_Ann_<a@b>?= <j@x>", [("Lee, Ann <a@b>", "j@x")]),
    # Broken, and still one mailbox.
    ("last bracket missing", b"Ann <ann@example.org", [("Ann", "ann@example.org")]),
    ("last bracket missing before a comma", b"Ann <ann@x, Bob <bob@y>", [("Ann", "ann@x"), ("Bob", "bob@y")]),
    ("first bracket missing", b"ann@example.org>", [("", "ann@example.org")]),
    ("both brackets missing", b"Ann Lee ann@example.org", [("Ann Lee", "ann@example.org")]),
    ("two brackets in one another", b"<<ann@example.org>>", [("", "ann@example.org")]),
    ("words behind the brackets", b"<ann@example.org> Ann", [("", "ann@example.org")]),
    (
        "address as a name: brackets win",
        b"ann@trusted.example <x@evil.example>",
        [("ann@trusted.example", "x@evil.example")],
    ),
    ("the same without a space", b"ann@trusted.example<x@evil.example>", [("ann@trusted.example", "x@evil.example")]),
]

AMBIGUOUS = [
    b"alice@example.org)bob@example.org",
    b"alice@example.org)<bob@example.org>",
    b"alice@example.org(<bob@example.org>",
    b"alice@example.org:<bob@example.org>",
    b'"a" <b@c> <d@e>',
    b"<a@b>c@d",
    b"<a@b> c@d",
    b"a@b@c",
    b"<a@b@c>",
    b"a@b c@d",
    b"a@b evil.example",
    b"a@b. Ann",
    b"Jr. ann@example.org",
    b"<ann lee@example.org>",
    b'"ann"lee@example.org',
    b"<a@b c>",
    b"<a@b <c@d>",
    b'"unclosed <a@b>',
    b"(unclosed <a@b>",
    b"a@",
    b"@b",
    b"<@>",
    b"a@\x01b",
    b"\0@b",
    b"a@[x",
    b'a@"b"',
]


def read(raw: bytes) -> list[tuple[str, str]]:
    return [(address.name, address.address) for address in parse_addresses(raw)]


@pytest.mark.parametrize(("raw", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_parse_addresses(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert read(raw) == expected


@pytest.mark.parametrize("raw", AMBIGUOUS)
def test_what_could_be_two_addresses_is_none_and_kept_as_a_name(raw: bytes) -> None:
    (address,) = parse_addresses(raw)
    assert (address.address, address.local, address.domain) == ("", "", "")
    assert parse_addresses(b"first@x, " + raw)[0].address == "first@x"


def test_a_quote_never_closed_takes_the_rest_of_the_field_with_it() -> None:
    assert read(b'a@x, "b <b@y>, c@z') == [("", "a@x"), ('"b <b@y>, c@z', "")]


def test_the_name_is_normalised() -> None:
    assert parse_addresses("e\u0301 <a@b>".encode())[0].name == "é"


def test_addresses_over_the_limit_are_not_read() -> None:
    assert len(parse_addresses(b"a@b," * (limits.ADDRESSES + 5))) == limits.ADDRESSES


BOMBS = {
    "a million addresses": b"Ann <a@example.org>, " * 1_000_000,
    "a million open parentheses": b"(" * 1_000_000,
    "a million nested comments": b"(" * 1_000_000 + b")" * 1_000_000 + b" a@b",
    "a million closing parentheses": b")" * 1_000_000,
    "a million open brackets": b"<" * 1_000_000,
    "a million brackets": b"<>" * 500_000,
    "brackets and commas": b"<a," * 300_000,
    "many long entries": (b"<" * 999 + b",") * 1_000,
    "a route without end": b"<@a" + b",@b" * 330_000,
    "literals never closed": b"@[" * 500_000,
    "escapes without end": b'"' + b"\\a" * 500_000,
    "escapes in a quote": b'"' + b"\\a" * 500_000 + b'"',
    "escaped quotes": b'"' + b'\\"' * 500_000,
    "quotes": b'"' * 1_000_000,
    "colons": b":" * 1_000_000,
    "semicolons": b";" * 1_000_000,
    "@": b"@" * 1_000_000,
    "dots": b". " * 500_000,
    "words": b"a " * 500_000,
    "one word": b"a" * 1_000_000,
    "spaces": b" " * 1_000_000,
    "encoded words never closed": b"=?a?q?," * 140_000,
    "comments": b"(a)" * 300_000 + b" a@b",
}


@pytest.mark.parametrize("title", BOMBS)
def test_a_bomb_is_read_in_two_seconds_and_little_memory(title: str) -> None:
    raw = BOMBS[title]
    began = time.process_time()
    addresses = parse_addresses(raw)
    assert time.process_time() - began < 2
    assert len(addresses) <= limits.ADDRESSES
    tracemalloc.start()
    try:
        parse_addresses(raw[: 1 << 17])  # tracing is slow; the octets it takes are in proportion
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 << 20


SPECIALS = [bytes([octet]) for octet in b'<>()"\\,;:@.[] \xe9\0']
PIECES = st.sampled_from([*SPECIALS, b"ann", b"x.org", b"=?utf-8?q?a,b?=", b"=?"])


@given(st.one_of(st.lists(PIECES).map(b"".join), st.binary()))
def test_any_octets_are_an_address_list(raw: bytes) -> None:
    for address in parse_addresses(raw):
        text = address.name + address.local + address.domain
        assert not set(text) & set("\r\n\0")
        assert bool(address.local) or not address.domain


@given(st.one_of(st.lists(PIECES).map(b"".join)))
def test_an_address_read_is_the_same_when_written_and_read_again(raw: bytes) -> None:
    for address in parse_addresses(raw):
        if address.local:
            assert parse_addresses(render_address(address).encode()) == (address,)


ATOM = st.text("abcXYZ019!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=8).filter(lambda text: "=?" not in text)
DOMAIN = st.lists(st.text("abc019-", min_size=1, max_size=5), min_size=1, max_size=3).map(".".join)
NAME = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=30).map(str.strip)


@given(NAME, ATOM, DOMAIN)
def test_an_address_written_and_read_again_is_the_same(name: str, local: str, domain: str) -> None:
    from unicodedata import normalize

    address = Address(normalize("NFC", name).strip(), local, domain)
    assert parse_addresses(render_address(address).encode()) == (address,)
