"""How texts compare: without regard to case, in Unicode's composed form.

Does not know: where the texts come from.
References: Unicode Standard section 3.13 (case folding), UAX #15 (NFC).
"""

from __future__ import annotations


def composed(text: str) -> str:
    """Return `text` in NFC."""
    if text.isascii():
        return text
    from unicodedata import normalize  # a shared object of its own: loaded for the few that need it

    return normalize("NFC", text)


def fold(text: str) -> str:
    """Return what `text` is compared as."""
    return text.lower() if text.isascii() else composed(composed(text).casefold())


def fold_each(text: str) -> str:
    """Fold character by character: as long as `text`, so that a place in the one is the same in the other."""
    if text.isascii():
        return text.lower()
    return "".join([folded if len(folded := character.casefold()) == 1 else character for character in text])
