"""Mistakes in texts, patterns and numbers: not closed, not quoted, of an unknown unit.

Does not know: the mistakes inside of a text that is closed; texts.py tells those.
"""

from __future__ import annotations

import re

from pydeliver.rules.native.expected import after, wanted
from pydeliver.rules.native.place import Place, line_at, rest_of_line
from pydeliver.rules.native.words import WORDS
from pydeliver.rules.source import Mistake, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lark import Token


__all__ = [
    "bare_address",
    "bare_number",
    "quote_in_line",
    "space_before_unit",
    "unclosed_block",
    "unclosed_regex",
    "unclosed_text",
    "unknown_unit",
    "unquoted",
]


def unclosed_block(place: Place) -> Mistake | None:
    if not place.text.startswith('"""', place.at):
        return None
    rest = line_at(place.text, place.at)[1][place.at - line_at(place.text, place.at)[0] + 3 :]
    span = Span(place.at, place.at + 3)
    if rest.strip():
        return Mistake(span, 'the text after """ begins on the next line', 'end the line after """')
    if re.compile(r'"""[ \t]*\r?\n(?:(?![ \t]*""")[^\n]*\n)*[ \t]*"""').match(place.text, place.at) is None:
        return Mistake(span, "the text opened here is not closed", 'close it by a line of """ alone')
    return None


def unclosed_text(place: Place) -> Mistake | None:
    quote = place.found[:1]
    if quote not in ('"', "'") or (len(place.found) > 1 and place.found.endswith(quote)):
        return None
    if quote == "'" and "RAW" not in place.possible:
        return None
    end = place.at + len(place.found.rstrip())
    start = line_at(place.text, place.at)[0]
    for token in place.before[-8:]:
        if token.type == "STRING" and (token.start_pos or 0) >= start and token[-2:-1].isspace():
            return _missing_quote(token)
    return Mistake(Span(place.at, end), "the text opened here is not closed on its line", f"close it with {quote}")


def quote_in_line(place: Place) -> Mistake | None:
    """A text closed by the quote that should have opened the next one: what follows it is the mistake."""
    if place.last != "STRING" or place.last_end < place.at or not place.is_word:
        return None
    token = place.before[-1]
    if len(re.findall(r'(?<!\\)"', line_at(place.text, place.at)[1])) % 2 == 0:
        return None
    return _missing_quote(token)


def _missing_quote(token: Token) -> Mistake:
    span = Span(token.start_pos or 0, token.end_pos or 0)
    return Mistake(
        span, "a '\"' is missing in this line: this text runs on to the next one", "close the text where it ends"
    )


def unclosed_regex(place: Place) -> Mistake | None:
    if not place.found.startswith("/") or "REGEX" not in place.possible:
        return None
    rest = rest_of_line(place)
    closed = re.match(r"/((?:[^/\\]|\\.)*)/(\w*)", rest)
    if closed is None:
        where = Span(place.at, place.at + len(rest.rstrip()))
        return Mistake(
            where, "the /regex/ opened here is not closed on its line", "close it with '/'; write \\/ for a slash"
        )
    where = Span(place.at, place.at + closed.end())
    if not closed[1]:
        return Mistake(where, "nothing stands between '/' and '/'", "write a pattern; for a slash alone \\/")
    return Mistake(
        where,
        f"unknown letters '{closed[2]}' after a /regex/",
        "leave them out: case does not count, unless a c follows",
    )


def unknown_unit(place: Place) -> Mistake | None:
    number = re.match(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z_]\w*)", place.found)
    if number is None or not place.possible & {"NUMBER", "QUANTITY"}:
        return None
    unit = number[2]
    near = {"k": "K", "kb": "KB", "g": "G", "gb": "GB", "mb": "MB", "kib": "K", "mib": "M", "gib": "G"}.get(
        unit.lower()
    )
    near = near or (unit[0].lower() if unit[0].lower() in "smhdw" and unit.lower() not in ("month", "months") else None)
    hint = f"write {number[1]}{near}" if near else "sizes end in K, M or G, times in s, m, h, d or w"
    return Mistake(place.found_span, f"unknown unit '{unit}'", hint)


def space_before_unit(place: Place) -> Mistake | None:
    if place.last != "NUMBER" or place.is_line_start or not re.fullmatch(r"[KMG]B?|[smhdw]", place.found):
        return None
    number = place.before[-1]
    span = Span(number.start_pos or 0, place.at + len(place.found))
    return Mistake(span, "a unit stands right behind its number", f"write {number}{place.found}")


def bare_number(place: Place) -> Mistake | None:
    if not place.found[:1].isdigit() or "QUANTITY" not in place.possible or "NUMBER" in place.possible:
        return None
    text, hint = wanted(place), "write its unit: K, M or G of a size, s, m, h, d or w of a time"
    return Mistake(place.found_span, f"expected {text}{after(place)}, not '{place.found}'", hint)


def unquoted(place: Place) -> Mistake | None:
    """A text is expected, and something bare was found."""
    if "STRING" not in place.possible or not place.found or place.is_line_start:
        return None
    if place.possible & {"NAME", "FILE", "ADD"} or not (place.found[0].isalnum() or place.found[0] in "_~/\\@*$+-"):
        return None
    bare = re.match(r"[^\s{}\"'\[\],;]+", rest_of_line(place))
    if bare is None or (bare[0].islower() and bare[0].upper() in WORDS):
        return None
    if place.last in ("RULE", "TEST"):
        bare = re.match(r"[^\s{}\"',;]+(?: (?!when\b)[^\s{}\"',;]+)*", rest_of_line(place)) or bare
    span = Span(place.at, place.at + bare.end())
    return Mistake(span, f"expected {wanted(place)}{after(place)}", f'put it in quotes: "{bare[0]}"')


def bare_address(place: Place) -> Mistake | None:
    """An address or a file name without quotes, whose first part was taken for a name."""
    if place.last != "NAME" or place.last_end != place.at or place.found not in ("@", ":", "\\", "~", "#"):
        return None
    start = place.before[-1].start_pos or 0
    bare = re.match(r"[^\s{}\"'\[\],;()]+", place.text[start : start + 200])
    assert bare is not None
    return Mistake(Span(start, start + bare.end()), "this stands without quotes", f'put it in quotes: "{bare[0]}"')
