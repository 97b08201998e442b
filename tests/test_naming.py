"""Mailbox names become one directory each, and nothing a message says leaves the tree."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pydeliver.limits import MAILBOX_LEVEL_CHARACTERS, MAILBOX_NAME_OCTETS
from pydeliver.naming import (
    MailboxNameError,
    decode_modified_utf7,
    directory_name,
    encode_modified_utf7,
    mailbox_name,
    sanitise,
)

DIRECTORIES = [
    ("INBOX", ""),
    ("inbox", ""),
    ("InBox", ""),
    ("Junk", ".Junk"),
    ("lists/dev", ".lists.dev"),
    ("INBOX/sub", ".INBOX.sub"),
    ("a b/ c ", ".a b. c "),
    ("R&D", ".R&-D"),
    ("Entwürfe", ".Entw&APw-rfe"),
    ("Отправленные/2026", ".&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-.2026"),
    ("台北", ".&U,BTFw-"),
    ("😀", ".&2D3eAA-"),
    ("~ann"[1:], ".ann"),
    ("a/~b", ".a.~b"),
    ("$HOME;rm", ".$HOME;rm"),
    ("curfew/newer/tmp2", ".curfew.newer.tmp2"),
]

REFUSED = [
    ("", "empty"),
    ("/", "empty level"),
    ("a//b", "empty level"),
    ("/etc", "empty level"),
    ("lists/", "empty level"),
    (".", "'.'"),
    ("..", "'.'"),
    ("../../etc", "'.'"),
    ("a.b", "'.'"),
    ("a/..", "'.'"),
    ("a\nb", "control"),
    ("a\0b", "control"),
    ("\x7f", "control"),
    ("\x85", "control"),
    ("a\u2028b", "control"),
    ("\udc80", "control"),
    ("~root", "'~'"),
    ("~", "'~'"),
    ("cur", "'cur'"),
    ("a/new", "'new'"),
    ("tmp/a", "'tmp'"),
    ("x" * MAILBOX_NAME_OCTETS, "201 octets"),
    ("ü" * 80, "octets"),
    ("ınbox/\0", "control"),
]

# What `List-Id`, `Subject` or a detail may try.
HOSTILE = [
    "../../../../tmp/x",
    "..",
    ".",
    "...",
    "/etc/passwd",
    "/",
    "//",
    "a/../../b",
    "..\\..\\x",
    "~root",
    "~",
    "\0",
    "a\0b",
    "\n",
    "a\r\nX-Evil: 1",
    "\x1b[2J",
    "\x7f",
    "\x85\x9f",
    "\u202e\u2066cod.exe",
    "\u200b",
    "\u2028",
    "\ufeff",
    "\udcff\udc80",
    "cur",
    "new",
    "tmp",
    "x" * 5000,
    "ü" * 5000,
    "😀" * 5000,
    " . ",
    "&AC4ALg-",  # modified UTF-7 that spells ".."
    "&AC8-etc",
    "a" + "\u0315\u0300" * 5000,
    "INBOX",
    "$(touch x)`id`",
    "\uff0e\uff0e\uff0f",  # full-width dots and slash
]

SANITISED = [
    ("Hello", "Hello"),
    ("  two words ", "two words"),
    ("dev.example.org", "dev_example_org"),
    ("../x", "___x"),
    ("a/b", "a_b"),
    ("a\r\nb", "a__b"),
    ("~ann", "_ann"),
    ("new", "new_"),
    ("", ""),
    (" \t ", ""),
    ("e\u0301", "é"),
    ("a\u202eb", "a_b"),
    ("x" * 65, "x" * 64),
    ("a" * 63 + " b", "a" * 63),
    ("台北", "台北"),
]


@pytest.mark.parametrize(("mailbox", "directory"), DIRECTORIES)
def test_a_name_is_one_directory(mailbox: str, directory: str) -> None:
    assert directory_name(mailbox) == directory


@pytest.mark.parametrize(("mailbox", "directory"), DIRECTORIES)
def test_a_directory_is_one_name(mailbox: str, directory: str) -> None:
    assert mailbox_name(directory) == (mailbox if directory else "INBOX")


@pytest.mark.parametrize(("mailbox", "reason"), REFUSED)
def test_an_unsound_name_is_refused_with_its_reason(mailbox: str, reason: str) -> None:
    with pytest.raises(MailboxNameError) as refusal:
        directory_name(mailbox)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    "directory",
    [".", "..", ".a.", ".a..b", "a", "cur", ".INBOX", ".inbox", ".R&D", ".&APw", ".&AGE-", ".&AC4-", ".&AC8-",
     ".&!!!-", ".&2D0-", ".&-&", ".a\n", ".ü", ".&APw-&APw-", ".&AA-", ".cur", ".~x"],
)  # fmt: skip
def test_a_directory_no_name_stands_for_is_refused(directory: str) -> None:
    with pytest.raises(MailboxNameError):
        mailbox_name(directory)


@pytest.mark.parametrize("encoded", ["&", "&AGE-", "&APw", "&APw-&APw-", "ü", "a\n", "&!-", "&2D0-", "&AP=-", "&AP-"])
def test_what_modified_utf7_never_looks_like_is_refused(encoded: str) -> None:
    with pytest.raises(MailboxNameError):
        decode_modified_utf7(encoded)


def test_a_dotless_i_is_not_the_inbox() -> None:
    """`"ınbox".upper()` is "INBOX" to Python."""
    assert directory_name("ınbox") == ".&ATE-nbox"


@pytest.mark.parametrize(("text", "level"), SANITISED)
def test_what_an_expansion_becomes(text: str, level: str) -> None:
    assert sanitise(text) == level


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:40])
def test_no_hostile_text_leaves_the_tree(text: str) -> None:
    """One level, directly beneath the root, whatever the text; and a path beneath it stays there."""
    level = sanitise(text)
    for mailbox in (level, f"lists/{level}", f"x{level}y"):
        if mailbox and not mailbox.endswith("/"):
            directory = directory_name(mailbox)
            assert "/" not in directory
            assert "\0" not in directory
            assert posixpath.dirname(posixpath.normpath(f"/home/Maildir/{directory}/new")) in (
                "/home/Maildir" + (f"/{directory}" if directory else ""),
            )


def test_names_that_sanitising_would_make_equal_are_not_merged_when_literal() -> None:
    """A literal name is an error where sanitising would change it, or a mailbox of its own."""
    assert len({directory_name(name) for name in ("a_b", "a b", " a_b", "a_b ", "a\u200db", "A_b")}) == 6
    for name in ("a.b", "a\nb"):
        with pytest.raises(MailboxNameError):
            directory_name(name)


levels = st.text(st.characters(exclude_characters="/."), min_size=1, max_size=20)


@given(st.lists(levels, min_size=1, max_size=4).map("/".join))
def test_a_name_survives_the_way_to_its_directory_and_back(mailbox: str) -> None:
    try:
        directory = directory_name(mailbox)
    except MailboxNameError:
        return
    assert mailbox_name(directory) == ("INBOX" if not directory else mailbox)
    assert directory.isascii()
    assert len(directory) <= MAILBOX_NAME_OCTETS


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_names_are_two_directories(one: str, other: str) -> None:
    try:
        same = directory_name(one) == directory_name(other)
    except MailboxNameError:
        return
    assert same == (one == other or one.upper() == other.upper() == "INBOX")


@given(st.text(alphabet=".&-ab+,AP/0123 ü\u2028", max_size=20))
def test_a_directory_name_that_is_taken_is_the_only_one_for_its_mailbox(directory: str) -> None:
    try:
        name = mailbox_name(directory)
    except MailboxNameError:
        return
    assert directory_name(name) == directory


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_modified_utf7_round_trip(text: str) -> None:
    assert decode_modified_utf7(encode_modified_utf7(text)) == text


@given(st.text(st.characters(), max_size=100))
@example("\u0344" * 64)  # composed it is longer
@example(" \u0301x")
@example("~~")
@example("\u2000" * 3 + "x")
@example("😀" * 64)
@example("x" * 63 + "\u2000y")
def test_sanitising_gives_one_sound_level_and_is_idempotent(text: str) -> None:
    level = sanitise(text)
    assert sanitise(level) == level
    assert len(level) <= MAILBOX_LEVEL_CHARACTERS + 1
    if level:
        assert "/" not in directory_name(level)
        assert directory_name(level) in ("", "." + encode_modified_utf7(level))
