"""The text of HTML: what a reader sees, one line for each block.

Tags are taken out here, in one linear scan; only what is left, text and its
character references, is given to lexbor.  Its tree is not for strangers' octets:
37 KB of `<b a=1><p><b a=2><p>…` cost it 1.6 GB, a tag of 100,000 attributes or a
megabyte of `<div>` half a minute and more (lexbor 3.1 in selectolax 1.0.2, measured).

Never raises.  Scripts, styles and comments are no text.  After `limits.HTML_TAGS`
tags the rest is not read.

Does not know: what is hidden by a style, nor where a link goes.
References: WHATWG HTML, section 13.2.5 (tokenization), as far as text depends on it.
"""

from __future__ import annotations

from pydeliver import limits

__all__ = ["html_text"]

_LINES = frozenset(  # elements that stand on lines of their own
    (
        *("address", "article", "aside", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "fieldset"),
        *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "li", "main", "nav", "ol"),
        *("option", "p", "pre", "section", "table", "title", "tr", "ul"),
    )
)
_CELLS = frozenset(("td", "th"))
_NO_TEXT = frozenset(("script", "style"))
_NAME_CHARACTERS = 12  # longer than any of these
_COMMENT = "-->"


def html_text(html: str) -> tuple[str, bool]:
    """Return the text, and whether all of it was read."""
    first, *pieces = html.replace("\r", " ").replace("\n", " ").split("<", limits.HTML_TAGS + 1)
    kept, until = [first], ""  # `until`: what ends the comment, script or style we are in
    for piece in pieces[: limits.HTML_TAGS]:
        name = _name(piece)
        if until:
            until, text = _inside(until, name, piece)
        elif piece.startswith("!--"):
            until, text = _inside(_COMMENT, "", piece[1:])
        elif name or piece[:1] in ("!", "?", "/"):
            until, text = name if name in _NO_TEXT else "", _place(name) + _behind(piece)
        else:
            text = f"&lt;{piece}"
        kept.append("" if until else text)
    return _lines(_resolved("".join(kept))), len(pieces) <= limits.HTML_TAGS


def _name(piece: str) -> str:
    """The name of a tag, with a slash before it where it ends an element; empty if this is no tag."""
    word = piece[: _NAME_CHARACTERS + 1].partition(">")[0].partition(" ")[0]
    name = word[1:] if word.startswith("/") else word
    if not name[:1].isalpha():
        return ""
    if not name.isalnum():
        word = word[: next(at for at in range(1, len(word)) if not word[at].isalnum())]
    return word.lower()


def _inside(until: str, name: str, piece: str) -> tuple[str, str]:
    """In a comment, script or style: what ends it, and the text behind its end."""
    if until == _COMMENT:
        _, found, behind = piece.partition(_COMMENT)
        return ("" if found else until), behind
    return ("", _behind(piece)) if name == f"/{until}" else (until, "")


def _place(name: str) -> str:
    """What stands in the text for a tag."""
    element = name.removeprefix("/")
    return "\n" if element in _LINES else " " if element in _CELLS else ""


def _behind(piece: str) -> str:
    """The text behind a tag: behind the first `>` that stands in no quotes, if there is one, else the first."""
    first = end = piece.find(">")
    start = single = double = 0
    while end >= 0:
        single, double = single + piece.count("'", start, end), double + piece.count('"', start, end)
        if not (single % 2 or double % 2):
            return piece[end + 1 :]
        start, end = end, piece.find(">", end + 1)
    return piece[first + 1 :] if first >= 0 else ""


def _resolved(text: str) -> str:
    """The text with its character references read."""
    if "&" not in text:
        return text
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(text.encode("utf-8", "replace")).body
    return body.text() if body is not None else ""


def _lines(text: str) -> str:
    """One blank for many, no empty lines."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return "\n".join([line for line in lines if line])
