"""Mailbox names: from what a user writes to one directory of a Maildir++ tree, and back.

`lists/dev` is the directory `.lists.dev`, each level in modified UTF-7; `INBOX`
in any case is the root itself.  A name that could leave the tree, be hidden
from an IMAP client or stand for two directories is an error, never repaired:
two literal names are two mailboxes.  What comes from a message goes through
`sanitise` first, which always gives one sound level or nothing.

Does not know: the file system, or which mailboxes exist.
References: RFC 3501 section 5.1.3, Courier's Maildir++.
"""

from __future__ import annotations

import binascii

from pydeliver.fold import composed
from pydeliver.limits import MAILBOX_LEVEL_CHARACTERS, MAILBOX_NAME_OCTETS

__all__ = [
    "MailboxNameError",
    "decode_modified_utf7",
    "directory_name",
    "encode_modified_utf7",
    "is_inbox",
    "mailbox_name",
    "sanitise",
]

RESERVED = ("cur", "new", "tmp")  # a level so called is a Maildir's own directory where levels are nested directories
# Of what a level keeps 64 characters, no more than this is composed.
_COMPOSED_CHARACTERS = 16 * MAILBOX_LEVEL_CHARACTERS
_LEVEL_OCTETS = 2 * MAILBOX_LEVEL_CHARACTERS  # of the directory's name; leaves room for what stands around an expansion
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, bidirectional and other format controls, surrogates, line ends


class MailboxNameError(ValueError):
    """A name that no mailbox can have; the text says why."""


def directory_name(mailbox: str) -> str:
    """The directory beneath the Maildir++ root: "" for INBOX, else `.level.level`."""
    if is_inbox(mailbox):
        return ""
    if mailbox.startswith("~"):
        raise MailboxNameError(f"a mailbox name cannot begin with '~': {mailbox!r}")
    levels = mailbox.split("/")
    for level in levels:
        _check_level(level, mailbox)
    directory = "".join(["." + encode_modified_utf7(level) for level in levels])
    if len(directory) > MAILBOX_NAME_OCTETS:
        raise MailboxNameError(
            f"a mailbox name of {len(directory)} octets; {MAILBOX_NAME_OCTETS} is the most: {mailbox[:40]!r}..."
        )
    return directory


def mailbox_name(directory: str) -> str:
    """The inverse of `directory_name`; a directory it would not have made is an error."""
    if not directory:
        return "INBOX"
    if not directory.startswith("."):
        raise MailboxNameError(f"not a directory of a mailbox: {directory!r}")
    name = "/".join([decode_modified_utf7(level) for level in directory[1:].split(".")])
    if directory_name(name) != directory:  # .INBOX, or a way of writing modified UTF-7 that is not the one way
        raise MailboxNameError(f"not the usual way to write a mailbox name: {directory!r}")
    return name


def is_inbox(mailbox: str) -> bool:
    """Whether this is INBOX, in any case (`isascii`: a dotless i is also I in upper case)."""
    return mailbox.isascii() and mailbox.upper() == "INBOX"


def sanitise(text: str) -> str:
    """What an expansion contributes to a mailbox name: one sound level, or "" if nothing is left.

    Blanks around it go; it is composed (NFC).  `/`, `.`, control and format
    characters, line separators, lone surrogates and a leading `~` each become
    `_`; it is cut after 64 characters, or 128 octets of modified UTF-7; `cur`,
    `new` and `tmp` get a `_` behind them.  Applying it twice changes nothing
    more.
    """
    kept = composed(text.strip()[:_COMPOSED_CHARACTERS]).strip()[:MAILBOX_LEVEL_CHARACTERS]
    level = "".join([character if _is_kept(character) else "_" for character in kept])
    while len(encode_modified_utf7(level)) > _LEVEL_OCTETS:
        level = level[:-1]
    level = level.strip()
    if level.startswith("~"):
        level = "_" + level[1:]
    return level + "_" if level in RESERVED else level


def encode_modified_utf7(text: str) -> str:
    """RFC 3501 section 5.1.3: printable ASCII stands for itself, `&` is `&-`, runs of the rest are `&…-`."""
    if text.isascii() and text.isprintable() and "&" not in text:
        return text
    encoded, start = [], 0
    for index, character in enumerate(text):
        if " " <= character <= "~":
            encoded += [_encode_run(text[start:index]), "&-" if character == "&" else character]
            start = index + 1
    encoded.append(_encode_run(text[start:]))
    return "".join(encoded)


def decode_modified_utf7(encoded: str) -> str:
    """The inverse of `encode_modified_utf7`; `MailboxNameError` for anything it could not have written."""
    first, *shifted = encoded.split("&")
    decoded = [first]
    for part in shifted:
        run, end, rest = part.partition("-")
        if not end:
            raise MailboxNameError(f"modified UTF-7 without its end '-': {encoded!r}")
        decoded += [_decode_run(run) if run else "&", rest]
    text = "".join(decoded)
    if encode_modified_utf7(text) != encoded:
        raise MailboxNameError(f"not modified UTF-7: {encoded!r}")
    return text


def _check_level(level: str, mailbox: str) -> None:
    if not level:
        raise MailboxNameError("a mailbox name cannot be empty" if not mailbox else f"an empty level in {mailbox!r}")
    if "." in level:
        raise MailboxNameError(f"'.' in the mailbox name {mailbox!r}: levels are separated by '/'")
    if any([_is_control(character) for character in level]):
        raise MailboxNameError(f"a control character in the mailbox name {mailbox!r}")
    if level in RESERVED:
        raise MailboxNameError(f"'{level}' in the mailbox name {mailbox!r}: a Maildir has a directory of that name")


def _is_control(character: str) -> bool:
    return (
        character < " "
        or "\x7f" <= character <= "\x9f"
        or character in "\u2028\u2029"
        or "\ud800" <= character <= "\udfff"
    )


def _is_kept(character: str) -> bool:
    if character.isascii():
        return character not in "/." and character.isprintable()
    import unicodedata

    return unicodedata.category(character) not in _UNSEEN


def _encode_run(run: str) -> str:
    if not run:
        return ""
    encoded = binascii.b2a_base64(run.encode("utf-16-be"), newline=False).rstrip(b"=")
    return "&" + encoded.decode("ascii").replace("/", ",") + "-"


def _decode_run(run: str) -> str:
    padded = run.replace(",", "/") + "=" * (-len(run) % 4)
    try:
        return binascii.a2b_base64(padded, strict_mode=True).decode("utf-16-be")
    except (binascii.Error, ValueError) as mistake:
        raise MailboxNameError(f"not modified UTF-7: {run!r}") from mistake
