"""What is in a part: transfer encodings, charsets, HTML as a reader sees it, and the type octets begin as."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydeliver import limits
from pydeliver.message import magic
from pydeliver.message.html import html_text
from pydeliver.message.transfer import decode_transfer, decoded_size
from pydeliver.message.view import Message

ENCODED = {
    "base64": ("base64", b"aGVsbG8gd29ybGQ=\n", b"hello world"),
    "base64 over lines with blanks": ("base64", b"aGVs\r\n bG8g\t\nd29y bGQ=\r\n", b"hello world"),
    "base64 without padding": ("base64", b"aGVsbG8gd29ybGQ", b"hello world"),
    "base64 with junk": ("base64", b"aG!VsbG8*gd29y\xffbGQ=", b"hello world"),
    "base64 in two pieces": ("base64", b"aGVsbG8=\nIHdvcmxk\n", b"hello world"),
    "base64 with six bits too many": ("base64", b"aGVsbG8gd29ybGQA=A", b"hello world\0"),
    "no base64 at all": ("base64", b"?!*\n", b""),
    "quoted-printable": ("quoted-printable", b"caf=C3=A9 =\r\nau lait=\n!", b"caf\xc3\xa9 au lait!"),
    "quoted-printable in small letters": ("quoted-printable", b"=c3=a9", b"\xc3\xa9"),
    "a broken escape": ("quoted-printable", b"100=% =ZZ =", b"100=% =ZZ "),
    "signs that were not encoded": ("quoted-printable", b"====\nx", b"====\nx"),
    "blanks at the end of a line": ("quoted-printable", b"one  \ntwo = \t\nthree", b"one\ntwo three"),
    "uuencode": ("uuencode", b"begin 644 x\n+:&5L;&\\@=V]R;&0\n`\nend\nno more\n", b"hello world"),
    "uuencode with a line too long": ("uuencode", b"begin 644 x\n+:&5L;&\\@=V]R;&0!!!!\nend\n", b"hello world"),
    "no uuencode at all": ("uuencode", b"hello\n", b""),
    "none": ("", b"as it is=41", b"as it is=41"),
}


@pytest.mark.parametrize("title", ENCODED)
def test_an_encoding_is_read(title: str) -> None:
    encoding, raw, expected = ENCODED[title]
    source = b"before" + raw + b"behind"
    end = 6 + len(raw)
    assert decode_transfer(source, 6, end, encoding, 1_000) == expected
    assert decode_transfer(source, 6, end, encoding, 5) == expected[:5]
    assert abs(decoded_size(source, 6, end, encoding) - len(expected)) <= 1  # padding in the middle is not looked for


@given(st.binary(max_size=200), st.sampled_from(["base64", "quoted-printable", "uuencode", ""]), st.integers(0, 200))
@settings(max_examples=500, deadline=None)
def test_any_octets_decode(raw: bytes, encoding: str, octets: int) -> None:
    whole = decode_transfer(raw, 0, len(raw), encoding, 1_000)
    beginning = decode_transfer(raw, 0, len(raw), encoding, octets)
    assert whole.startswith(beginning)
    if encoding != "base64" or b"=" not in raw:  # padding in the middle stands for fewer octets than were asked for
        assert beginning == whole[:octets]
    assert decoded_size(raw, 0, len(raw), encoding) >= len(whole) - 1


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_long_parts_decode_as_short_ones(encoding: str) -> None:
    from base64 import encodebytes
    from quopri import encodestring

    octets = bytes(range(256)) * 4_000 + b"the end"
    raw = encodebytes(octets) if encoding == "base64" else encodestring(octets)
    assert decode_transfer(raw, 0, len(raw), encoding, 1 << 30) == octets
    assert decoded_size(raw, 0, len(raw), encoding) == len(octets)


FIELDS = {
    "declared": (b"Content-Transfer-Encoding: base64", "base64"),
    "in capitals": (b"CONTENT-TRANSFER-ENCODING: BASE64", "base64"),
    "with a comment": (b"Content-Transfer-Encoding: (now) base64 (really)", "base64"),
    "with a parameter": (b"Content-Transfer-Encoding: base64; x=y", "base64"),
    "in quotes": (b'Content-Transfer-Encoding: "base64"', "base64"),
    "twice": (b"Content-Transfer-Encoding: x-new\nContent-Transfer-Encoding: quoted-printable", "quoted-printable"),
    "unknown": (b"Content-Transfer-Encoding: x-new", ""),
    "7bit": (b"Content-Transfer-Encoding: 7bit", ""),
    "empty": (b"Content-Transfer-Encoding:", ""),
}


@pytest.mark.parametrize("title", FIELDS)
def test_which_encoding_is_declared(title: str) -> None:
    fields, expected = FIELDS[title]
    assert Message(fields + b"\n\n").parts.all[0].encoding == expected


# ---------------------------------------------------------------- text

TEXTS = {
    "declared": (
        b"Content-Type: text/plain; charset=koi8-r",
        "\u0447\u0430\u0439".encode("koi8-r"),
        "\u0447\u0430\u0439",
    ),
    "not declared, UTF-8": (b"X: y", "caf\u00e9".encode(), "caf\u00e9"),
    "not declared, no UTF-8": (b"X: y", b"caf\xe9", "caf\u00e9"),
    "declared wrong": (b"Content-Type: text/plain; charset=us-ascii", "caf\u00e9".encode(), "caf\u00e9"),
    "declared unknown": (b"Content-Type: text/plain; charset=x-klingon", b"caf\xe9", "caf\u00e9"),
    "a mark of the byte order": (b"X: y", b"\xef\xbb\xbftext", "text"),
    "decomposed": (b"X: y", "cafe\u0301".encode(), "caf\u00e9"),
    "CRLF": (b"X: y", b"one\r\ntwo\rthree", "one\ntwo\rthree"),
    "no text": (b"Content-Type: application/pdf", b"text", ""),
    "a delivery report": (b"Content-Type: message/delivery-status", b"Action: failed", "Action: failed"),
    "XHTML": (b"Content-Type: application/xhtml+xml", b"<p>one", "one"),
}


@pytest.mark.parametrize("title", TEXTS)
def test_a_text_is_read(title: str) -> None:
    fields, octets, expected = TEXTS[title]
    assert Message(fields + b"\n\n" + octets).parts.all[0].text == expected


def test_text_is_bounded_and_that_is_noted() -> None:
    parts = Message(b"\n" + b"x" * (limits.PART_TEXT_OCTETS + 1)).parts
    assert len(parts.all[0].text) == limits.PART_TEXT_OCTETS
    assert parts.notes == (f"text: not more than {limits.PART_TEXT_OCTETS} octets of a part are read",)
    parts = Message(b"\n" + b"x" * limits.PART_TEXT_OCTETS).parts
    assert len(parts.all[0].text) == limits.PART_TEXT_OCTETS
    assert parts.notes == ()


def test_text_of_all_parts_is_bounded_in_their_order() -> None:
    each = b"--b\n\n" + b"x" * (limits.PART_TEXT_OCTETS - 1) + b"\n"
    count = limits.MESSAGE_TEXT_OCTETS // limits.PART_TEXT_OCTETS + 2
    parts = Message(b"Content-Type: multipart/mixed; boundary=b\n\n" + each * count).parts
    assert [len(part.text) for part in reversed(parts.all[1:])][:3] == [0, 10, limits.PART_TEXT_OCTETS - 1]
    assert parts.notes == (f"text: not more than {limits.MESSAGE_TEXT_OCTETS} octets of all parts are read",)


HTML = {
    "inline tags join": ("vi<b>ag</b>ra <i>now</i>", "viagra now"),
    "blocks are lines": ("<p>one<p>two<div>three</div>four<br>five", "one\ntwo\nthree\nfour\nfive"),
    "cells are words": ("<table><tr><td>a</td><td>b</td></tr><tr><th>c</table>", "a b\nc"),
    "blanks and line ends are one blank": ("one \r\n\t two", "one two"),
    "references": ("caf&eacute; &amp; &#x74;&#101;a &lt;p&gt; &nope; &copy2", "caf\u00e9 & tea <p> &nope; \u00a92"),
    "scripts and styles": ("a<style>p{x:y}</style>b<SCRIPT>if (a<b) x='</p>'</SCRIPT >c", "abc"),
    "a script never closed": ("a<script>b", "a"),
    "comments": ("a<!-- <p>x</p> -->b<!-->c<!--->d<!--x", "abcd"),
    "a doctype and instructions": ("<!DOCTYPE html><?xml version='1'?><html>a", "a"),
    "attributes with the sign that ends a tag": ("<a title=\"x > y\" alt='>'>link</a>", "link"),
    "an apostrophe in a value": ('<a title="it\'s">link</a> more', "link more"),
    "a value with the sign that opens a tag": ('<a title="x<b">link', "link"),
    "a quote never closed": ('<a title="x>link</a>', "link"),
    "no tag": ("1 < 2 and 3 <4 </> <", "1 < 2 and 3 <4 <"),
    "a tag never closed": ("text <a href=", "text"),
    "names in capitals": ("<P>one<BR>two", "one\ntwo"),
    "nothing": ("", ""),
    "the title": ("<head><title>Tea</title></head><body>now", "Tea\nnow"),
}


@pytest.mark.parametrize("title", HTML)
def test_html_is_read_as_a_reader_sees_it(title: str) -> None:
    html, expected = HTML[title]
    assert html_text(html) == (expected, True)


@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "a", "<p>", "</p>", "<!--", "-->", "<script>", "</script>", '"', "'", "&amp;", "&", " "]
        )
    )
)
@settings(max_examples=500, deadline=None)
def test_any_html_has_a_text(pieces: list[str]) -> None:
    text, is_complete = html_text("".join(pieces))
    assert is_complete
    assert "\r" not in text


def test_tags_are_bounded_and_that_is_noted() -> None:
    parts = Message(b"Content-Type: text/html\n\n" + b"<b>x" * (limits.HTML_TAGS + 1)).parts
    assert parts.all[0].text == "x" * limits.HTML_TAGS
    assert parts.notes == (f"text: of HTML not more than {limits.HTML_TAGS} tags are read",)


# ---------------------------------------------------------------- types


@pytest.mark.parametrize(("offset", "octets", "name"), magic.TYPES)
def test_a_type_is_known_by_its_beginning(offset: int, octets: bytes, name: str) -> None:
    assert magic.sniff(b"\x01" * offset + octets + b"\x01 and more") == name
    assert offset + len(octets) <= magic.SNIFFED_OCTETS
    message = b"Content-Transfer-Encoding: base64\n\n"
    from base64 import encodebytes

    assert Message(message + encodebytes(b"\x01" * offset + octets)).parts.all[0].magic == name


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        (b"", ""),
        (b"plain words\n", "text/plain"),
        ("caf\u00e9".encode("latin-1"), "text/plain"),
        (b" \n<!DOCTYPE HTML><p>", "text/html"),
        (b"<ScRiPt>x", "text/html"),
        (b"<?xml version='1.0'?>", "text/xml"),
        (b"\n\n%PDF-1.4", "application/pdf"),
        (b"\x00\x01\x02\x03", "application/octet-stream"),
        (b"M", "text/plain"),
    ],
)
def test_what_begins_as_nothing_known(octets: bytes, name: str) -> None:
    assert magic.sniff(octets) == name


def test_types_are_named_as_file_names_them() -> None:
    """The names of what an administrator refuses first; Debian's file knows the rest by the same names."""
    names = {name for _, _, name in magic.TYPES}
    assert len(names) >= 30
    assert {"application/x-dosexec", "application/zip", "application/pdf", "application/x-rar"} <= names
