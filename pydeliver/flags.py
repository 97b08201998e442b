"""Flags and keywords: which names IMAP can say, and a Maildir can keep.

Does not know: how a mailbox keeps them.
References: RFC 3501 sections 2.3.2 and 9.
"""

from __future__ import annotations

from pydeliver.limits import KEYWORD_CHARACTERS

SYSTEM_FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
_ATOM_SPECIALS = frozenset('(){%*"\\]')  # RFC 3501 section 9, besides blanks and controls


def flag_mistake(flag: str) -> str:
    """What is wrong with a flag, in words; empty text if nothing is."""
    if flag.startswith("\\"):
        known = flag.lower() in [system.lower() for system in SYSTEM_FLAGS]
        return "" if known else f"there is no system flag {flag[:KEYWORD_CHARACTERS]} that can be set"
    if not flag:
        return "a flag without a name"
    if len(flag) > KEYWORD_CHARACTERS:
        return f"the keyword {flag[:KEYWORD_CHARACTERS]!r}… is longer than the {KEYWORD_CHARACTERS} that Dovecot takes"
    if not all(["!" <= character <= "~" and character not in _ATOM_SPECIALS for character in flag]):
        return f"{flag!r} cannot be a keyword"
    return ""
