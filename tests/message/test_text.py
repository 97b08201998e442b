"""Encoded words and charsets."""

from __future__ import annotations

import encodings
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver.fold import composed
from pydeliver.message.text import decode_charset, decode_words, encode_words

WORDS = [
    ("no encoded word", b"plain text", "plain text"),
    ("Q", b"=?utf-8?q?Gr=C3=BC=C3=9Fe_an_dich?=", "Grüße an dich"),
    ("B", b"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
    ("text around it", b"Re: =?utf-8?q?=C3=A9?= (2)", "Re: é (2)"),
    ("space between two words is dropped", b"=?utf-8?q?a?= \t =?utf-8?q?b?=", "ab"),
    ("no space between two words", b"=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
    ("space to other text stays", b"a =?utf-8?q?b?=  c", "a b  c"),
    ("glued to other text", b"a=?utf-8?q?b?=c", "abc"),
    ("two charsets side by side", b"=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=", "éé"),
    ("a character over two words", b"=?utf-8?q?=C3?= =?UTF-8?b?qQ==?=", "é"),
    ("a character over two words, not adjacent", b"=?utf-8?q?a=C3?= x =?utf-8?q?=A9?=", "a\ufffd x ©"),
    ("language tag", b"=?utf-8*de?q?=C3=A9?=", "é"),
    ("Japanese", b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本"),
    ("gb2312 stretched to GBK", b"=?gb2312?b?jEI=?=", "孊"),
    ("windows-1252", b"=?windows-1252?q?=80?=", "€"),
    ("unknown charset read as UTF-8", b"=?x?q?=C3=A9?=", "é"),
    ("unknown charset read as Latin-1", b"=?x?q?=E9?=", "é"),
    ("wrong charset", b"=?us-ascii?q?=C3=A9?=", "é"),
    ("not UTF-8 after all", b"=?utf-8?q?=E9t=E9_a?=", "été a"),
    ("cut within the last character", b"=?utf-8?q?ab=E6=97?=", "ab\ufffd"),
    ("padding missing", b"=?utf-8?b?YWI?=", "ab"),
    ("too much padding", b"=?utf-8?b?YWI=====?=", "ab"),
    ("one digit too many", b"=?utf-8?b?YWJjZ?=", "abc"),
    ("digits that are none", b"=?utf-8?b?Y*W-J j?=", "abc"),
    ("empty words", b"=?utf-8?b??= =?utf-8?q??=x", "x"),
    ("spaces within a word", b"=?utf-8?q?a b?=", "a b"),
    ("question marks within a word", b"=?utf-8?q?a?b?=", "a?b"),
    ("broken hex digits", b"=?utf-8?q?=ZZ=4?=", "=ZZ=4"),
    ("never closed", b"a =?utf-8?q?b", "a =?utf-8?q?b"),
    ("never closed, then a good one", b"=?utf-8?q?a =?utf-8?q?b?=", "=?utf-8?q?a b"),
    ("no charset", b"=??q?a?=", "=??q?a?="),
    ("no such encoding", b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
    ("not decoded twice", b"=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=", "=?utf-8?q?a?="),
    ("line ends and NUL become spaces", b"=?utf-8?q?a=0D=0Ab=00c?=\rd", "a  b c d"),
    ("plain Latin-1", b"caf\xe9", "café"),
    ("plain UTF-8", b"caf\xc3\xa9", "café"),
    ("nothing", b"", ""),
]


@pytest.mark.parametrize(("raw", "text"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_decode_words(raw: bytes, text: str) -> None:
    assert decode_words(raw) == text


NO_CHARSETS = ["base64", "base64_codec", "zip", "zlib", "bz2", "hex", "uu", "quopri", "rot13"]
NO_CHARSETS += ["idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs"]


@pytest.mark.parametrize("charset", NO_CHARSETS)
def test_codecs_that_are_no_charsets_are_never_used(charset: str) -> None:
    assert decode_charset(b"eJw=\\x41", charset) == "eJw=\\x41"


@pytest.mark.parametrize("charset", ["", "\0", "../../etc", "x" * 100_000, "encodings.utf_8", "ü", "utf-8\n"])
def test_a_charset_of_any_name_is_read_as_utf8_or_latin1(charset: str) -> None:
    assert decode_charset(b"\xc3\xa9", charset) == "é"
    assert decode_charset(b"\xe9", charset) == "é"


@pytest.mark.parametrize("charset", ["UTF-8", "utf8", '"utf-8"', " utf-8 ", "UTF_8"])
def test_a_charset_is_known_by_its_usual_spellings(charset: str) -> None:
    assert decode_charset("日本".encode(), charset) == "日本"


def test_unknown_charsets_leave_nothing_behind() -> None:
    """`codecs.lookup` would remember every name: a worker that lives for weeks would grow."""
    cache = encodings._cache
    before = len(cache)
    decode_words(b" ".join([b"=?nonsense-%d?q?a?=" % number for number in range(1000)]))
    assert len(cache) - before <= 1


BOMBS = {
    "32,000 encoded words": b"=?utf-8?q?ab?= " * 32_000,
    "32,000 base64 words": b"=?utf-8?b?YWI=?= " * 32_000,
    "charsets without end": b" ".join([b"=?c%d?q?x?=" % number for number in range(50_000)]),
    "openings without end": b"=?" * 500_000,
    "never closed": b"=?a?q?x" * 150_000,
    "closed once, at the end": b"=?a?q?x" * 150_000 + b"?=",
    "charset without end": b"=?" + b"x" * 1_000_000,
    "hex without end": b"=?utf-8?q?" + b"=" * 1_000_000 + b"?=",
    "question marks": b"=?a?q?" + b"?" * 1_000_000,
    "invalid in every charset": b"=?utf-8?q?" + b"=FF" * 300_000 + b"?=",
    "UTF-7": b"=?utf-7?q?" + b"+AGE-" * 200_000 + b"?=",
    "Japanese shifts": b"=?iso-2022-jp?b?GyRCGyhC?= " * 9_000,
}


@pytest.mark.parametrize("title", BOMBS)
def test_a_bomb_takes_half_a_second_and_memory_in_proportion(title: str) -> None:
    raw = BOMBS[title]
    began = time.process_time()
    decode_words(raw)
    assert time.process_time() - began < 0.5
    tracemalloc.start()
    try:
        decode_words(raw[: 1 << 17])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 << 20


@given(st.binary())
def test_any_octets_decode_to_one_line(raw: bytes) -> None:
    text = decode_words(raw)
    assert not set(text) & set("\r\n\0")


PIECES = st.sampled_from(
    [b"=?", b"?=", b"utf-8", b"?q?", b"?B?", b"=C3", b"=A9", b" ", b"x", b"YWI=", b"?", b"=", b"\xe9"]
)


@given(st.lists(PIECES).map(b"".join))
def test_any_pieces_of_encoded_words_decode_to_one_line(raw: bytes) -> None:
    assert not set(decode_words(raw)) & set("\r\n\0")


@given(st.binary(), st.one_of(st.text(), st.sampled_from(sorted(encodings.aliases.aliases))))
def test_any_octets_in_any_charset_are_text(raw: bytes, charset: str) -> None:
    assert isinstance(decode_charset(raw, charset), str)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1))
def test_what_is_encoded_decodes_to_itself(text: str) -> None:
    words = encode_words(text)
    assert all([len(word) <= 75 and word.isascii() for word in words])
    assert decode_words(" ".join(words).encode("ascii")) == text


def test_long_text_is_normalised_as_a_whole_where_it_has_ascii_in_it() -> None:
    assert composed("e\u0301 " * 5_000) == "é " * 5_000
