"""Real mail, all of it: nothing raises, the octets are the same, and the standard library mostly agrees."""

from __future__ import annotations

import tarfile
from collections import Counter
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import getaddresses
from functools import cache
from pathlib import Path
from unicodedata import normalize

import pytest

from pydeliver.message.edit import Edit, edited
from pydeliver.message.header import Field
from pydeliver.message.view import Message

ADDRESS_FIELDS = frozenset(["from", "to", "cc", "bcc", "reply-to", "sender", "return-path"])


@cache
def messages(shared: Path) -> tuple[tuple[str, bytes], ...]:
    found = [
        (path.name, path.read_bytes()) for path in sorted((shared / "corpus/messages").rglob("*")) if path.is_file()
    ]
    with tarfile.open(shared / "corpus/spamassassin-corpus-dev.tar.xz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                found.append((member.name, content.read()))
    return tuple(found)


def test_nothing_raises_and_the_octets_are_the_same(shared: Path) -> None:
    for name, raw in messages(shared):
        message = Message(raw)
        stored = b"".join(message.chunks())
        assert message.from_line + stored == raw, name
        assert len(stored) == message.size, name
        for field in message.fields:
            assert isinstance(field.text + field.raw_text + field.angle, str), name
            assert isinstance(field.addresses, tuple), name
        assert message.notes == (), name


def test_an_edit_changes_nothing_else(shared: Path) -> None:
    for name, raw in messages(shared)[::7]:
        message = edited(Message(raw), [Edit("add", "X-Pydeliver-Test", "Grüße")])
        assert message.fields[0].text == "Grüße", name
        again = Message(b"".join(message.chunks()))
        assert [f.raw_value for f in again.fields] == [f.raw_value for f in message.fields], name
        assert again.body == Message(raw).body, name
        assert b"".join(edited(message, [Edit("remove", message.fields[0].name, "")]).chunks()) == b"".join(
            Message(raw).chunks()
        )


def test_the_standard_library_finds_the_same_fields_words_and_addresses(shared: Path) -> None:
    """The differences were read one by one; each is a choice that the modules' docstrings explain.

    Fields: broken lines that are stepped over, where `email` ends the header.
    Words: multibyte text broken by its sender is read as Latin-1, not with replacement characters.
    Addresses: `address <address>`, trailing commas and spaces about dots are read here; control
    characters are not.
    """
    differ: Counter[str] = Counter()
    for _, raw in messages(shared):
        message = Message(raw)
        theirs = list(message_from_bytes(raw[len(message.from_line) :]).raw_items())
        if [field.name for field in message.fields] != [name.rstrip(" \t") for name, _ in theirs]:
            differ["fields"] += 1
            continue
        for field in message.fields:
            differ["compared"] += 1
            differ["words"] += not same_words(field)
            differ["addresses"] += not same_addresses(field)
    print(dict(differ))
    assert differ["compared"] > 80_000
    assert differ["fields"] <= 3
    assert differ["words"] <= 3
    assert differ["addresses"] <= 25  # 9 with 3.11; releases of `email` differ in how strict they are


def same_words(field: Field) -> bool:
    if "=?" not in field.raw_text:
        return True
    try:
        pieces = decode_header(field.raw_text)
        text = "".join([p if isinstance(p, str) else p.decode(c or "ascii", "surrogateescape") for p, c in pieces])
    except (HeaderParseError, LookupError, UnicodeError):
        return False
    return normalize("NFC", text.replace("\r", " ").replace("\n", " ")).strip() == field.text


def same_addresses(field: Field) -> bool:
    if field.name.lower() not in ADDRESS_FIELDS:
        return True
    theirs = [address for _, address in getaddresses([field.raw_text]) if address]
    return theirs == [address.address for address in field.addresses if address.address]


def test_the_corpora_are_there(shared: Path) -> None:
    if len(messages(shared)) != 3920:
        pytest.fail(f"{len(messages(shared))} messages instead of 3,920")
