"""How texts compare: without regard to case, in Unicode's composed form.

Time is linear, whatever the text: it may come from a message.

Does not know: where the texts come from.
References: Unicode Standard section 3.13 (case folding), UAX #15 (NFC).
"""

from __future__ import annotations

_PIECE_CHARACTERS = 128  # composed at once: the sort of combining marks in CPython is quadratic
_CUT_CHARACTERS = 64  # looked back for a character to cut before


def composed(text: str) -> str:
    """Return `text` in NFC.

    Long text is taken in pieces, cut before an ASCII character where there is one, else
    before one that is no mark: 120,000 combining marks in a row cost CPython eleven seconds.
    """
    if text.isascii() or _is_latin(text):
        return text
    from unicodedata import combining, normalize  # a shared object of its own: loaded for the few that need it

    pieces, start = [], 0
    while len(text) - start > _PIECE_CHARACTERS:
        end = start + _PIECE_CHARACTERS
        places = range(end, end - _CUT_CHARACTERS, -1)
        cut = next((at for at in places if text[at] < "\x80"), 0)
        cut = cut or next((at for at in places if not combining(text[at])), end)
        pieces.append(normalize("NFC", text[start:cut]))
        start = cut
    pieces.append(normalize("NFC", text[start:]))
    return "".join(pieces)


def _is_latin(text: str) -> bool:
    """Whether there is nothing to compose: no mark stands among the first 256 characters of Unicode."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


_LONG_CHARACTERS = 2_000
_KEPT_CHARACTERS = 4 << 20
_kept: dict[tuple[str, str], str] = {}  # long texts folded: each of many rules compares the same few fields


def fold(text: str) -> str:
    """Return what `text` is compared as."""
    if text.isascii():
        return text.lower()
    return _fold(text) if len(text) < _LONG_CHARACTERS else _remembered("whole", text)


def _fold(text: str) -> str:
    return composed(composed(text).casefold())


def _remembered(how: str, text: str) -> str:
    folded = _kept.get((how, text))
    if folded is None:
        folded = _fold(text) if how == "whole" else _fold_each(text)
        if sum([len(kept) for kept in _kept.values()]) + len(folded) > _KEPT_CHARACTERS:
            _kept.clear()
        _kept[how, text] = folded
    return folded


def fold_each(text: str) -> str:
    """Fold character by character: as long as `text`, so that a place in the one is the same in the other.

    What folds to more than one character (a sharp s) stays as it is in lower case.
    """
    if text.isascii():
        return text.lower()
    return _fold_each(text) if len(text) < _LONG_CHARACTERS else _remembered("each", text)


def _fold_each(text: str) -> str:
    folded = text.casefold()
    if len(folded) == len(text) and all([len(character.casefold()) == 1 for character in set(text)]):
        return folded
    return "".join([_fold_one(character) for character in text])


def _fold_one(character: str) -> str:
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return folded
    return character
