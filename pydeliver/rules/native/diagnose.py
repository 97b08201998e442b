"""What to say of a place where the parser cannot go on.

Given the text, the place, the tokens before it and what could follow, returns
one mistake: a known slip (hints.py), one of the cases of this module and of
brackets.py and literals.py, or what was expected (expected.py).  Never names a
terminal of the grammar, never raises.

Does not know: the tree, or what stands after the mistake's own line.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from pydeliver.rules.native.brackets import missing_brace, stray_closer, unclosed_bracket
from pydeliver.rules.native.expected import after, asked_by, expected, wanted
from pydeliver.rules.native.hints import SLIPS
from pydeliver.rules.native.literals import (
    bare_address,
    bare_number,
    quote_in_line,
    space_before_unit,
    unclosed_block,
    unclosed_regex,
    unclosed_text,
    unknown_unit,
    unquoted,
)
from pydeliver.rules.native.place import (
    LONGEST_QUOTE,
    Place,
    kind_of,
    line_at,
    place_at,
    quoted,
    rest_of_line,
    shortened,
)
from pydeliver.rules.native.words import AFTER, CHOICES, SYMBOLS, SYNONYMS, WORD_GROUPS, WORDS
from pydeliver.rules.source import Mistake, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lark import Token


__all__ = ["diagnose"]

_BEFORE_CONDITIONS = frozenset(("WHEN", "IF", "AND", "OR", "NOT", "LPAR", "ASSUME", "EVERY"))


_FIELD_HINT = 'write a field, as in subject contains "word"'


_COMPARED = re.compile(r"[\w.-]+ +(?:is|contains|matches|starts|ends|in|exists|within|between|not in|[<>]=?)(?![\w-])")


def diagnose(text: str, position: int, before: Sequence[Token], accepts: frozenset[str]) -> Mistake:
    """Return what is wrong at `position`, after the tokens `before`, where `accepts` could have followed."""
    place = place_at(text, position, before, accepts)
    for case in _CASES:
        mistake = case(place)
        if mistake is not None:
            return mistake
    return expected(place)


def _slip(place: Place) -> Mistake | None:
    """Find a known slip in the line of the mistake; of one that could stand anywhere, where the mistake is."""
    start, line = line_at(place.text, place.at)
    column = place.at - start
    for slip in SLIPS:
        if slip.needs and slip.needs.lstrip("_") not in place.possible:
            continue
        for match in re.finditer(slip.pattern, line):
            if match.start() <= column < max(match.end(), match.start() + 1):
                groups = {name: group or "…" for name, group in match.groupdict().items()}
                begin, end = match.span("here" if "here" in groups else 0)
                begin += len(line[begin:end]) - len(line[begin:end].lstrip())
                span = Span(start + begin, start + end)
                return Mistake(span, slip.text.format(**groups), slip.hint.format(**groups))
    return None


def _mixed(place: Place) -> Mistake | None:
    other = {"and": "OR", "or": "AND"}.get(place.found)
    if other is None or other not in place.possible or place.found.upper() in place.possible:
        return None
    text = "and and or are mixed without parentheses"
    return Mistake(place.found_span, text, "put one of them in parentheses, as in (a or b) and c")


def _else(place: Place) -> Mistake | None:
    if place.found != "else" or "ELSE" in place.possible:
        return None
    if place.last == "RBRACE" and "RULE" in place.possible:
        return Mistake(
            place.found_span, "a rule has no else", "use if and else inside a rule: rule { if … { … } else { … } }"
        )
    return Mistake(place.found_span, "this else has no if before it", "put it right behind the '}' of its if")


def _empty_condition(place: Place) -> Mistake | None:
    if place.last not in ("WHEN", "IF") or place.found != "{":
        return None
    word = str(place.before[-1])
    hint = (
        "leave when out and the rule always runs" if word == "when" else 'write one, as in if subject contains "word"'
    )
    return Mistake(place.found_span, f"expected a condition after {word}", hint)


def _upper_case(place: Place) -> Mistake | None:
    small = place.found.lower()
    if not place.is_word or small == place.found or small.upper() not in place.possible or small == "name":
        return None
    return Mistake(place.found_span, f"unknown word '{place.found}'", f"words are written small: {small}")


def _next_line_as_value(place: Place) -> Mistake | None:
    """A value is missing at the end of a line, and the first word of the next was taken for it."""
    if len(place.before) < 2 or "\n" not in place.text[place.before[-2].end_pos or 0 : place.before[-1].start_pos or 0]:
        return None
    if str(place.before[-1]).upper() in WORD_GROUPS["comparison"]:
        return None
    return _word_as_value(place)


def _word_as_value(place: Place) -> Mistake | None:
    """A value is missing, and the word that should follow it was taken for it."""
    if len(place.before) < 2 or place.last != "NAME":
        return None
    word, previous = place.before[-1], place.before[-2]
    upper, end, start = str(word).upper(), previous.end_pos or 0, word.start_pos or 0
    if not str(word).islower() or upper not in WORDS:
        return None
    is_next_line = "\n" in place.text[end:start]
    begins = upper in WORD_GROUPS["action"] or upper in WORD_GROUPS["test line"]
    is_item = upper in WORD_GROUPS["item"] and is_next_line and place.text[start - 1] == "\n"
    joins = upper in ("AND", "OR") or upper in WORD_GROUPS["comparison"]
    if not is_item and not joins and not (begins and (is_next_line or kind_of(previous) in AFTER)):
        return None
    earlier = Place(place.text, start, place.before[:-1], place.possible | {"RSQB", "RPAR"}, str(word))
    where = Span(end, end) if is_next_line else Span(start, word.end_pos or 0)
    if upper in WORD_GROUPS["comparison"] and kind_of(previous) in _BEFORE_CONDITIONS:
        return Mistake(where, f"expected what to compare before {word}", 'write a field, as in subject contains "word"')
    asked = (asked_by(earlier.before) or "a value").partition(", as in ")[0]
    return unclosed_bracket(earlier) or Mistake(where, f"expected {asked}{after(earlier)}")


def _comma(place: Place) -> Mistake | None:
    if place.found == "," and "COMMA" not in place.possible:
        return Mistake(place.found_span, f"expected {wanted(place)}{after(place)}, not ','", "leave the ',' out")
    if place.last == "COMMA" and not place.is_word and (place.is_line_start or place.found in ("}", "{", ")", "]")):
        at = place.before[-1].start_pos or 0
        return Mistake(
            Span(at, at + 1), f"expected {wanted(place)} after ','", "leave the ',' out, or write what is missing"
        )
    if place.last == "COMMA" and place.is_line_start:
        at = place.before[-1].start_pos or 0
        return Mistake(
            Span(at, at + 1), f"expected {wanted(place)} after ','", "leave the ',' out: nothing ends with one"
        )
    return None


def _property(place: Place) -> Mistake | None:
    if place.found != "." or "PROPERTY" not in place.possible:
        return None
    word = re.match(r"\.[\w-]*", rest_of_line(place))
    assert word is not None
    parts = ("raw", "text", "address", "local", "domain", "user", "detail", "name", "first", "last")
    near = get_close_matches(word[0][1:], parts, 1)
    hint = f"try '.{near[0]}'" if near else "the parts are " + ", ".join(parts)
    return Mistake(Span(place.at, place.at + word.end()), f"a header field has no part '{word[0][1:]}'", hint)


def _outside_rule(place: Place) -> Mistake | None:
    if "RULE" not in place.possible or place.found.upper() not in WORD_GROUPS["action"]:
        return None
    rest = rest_of_line(place).split("#")[0].strip()
    shown = rest if len(rest) <= LONGEST_QUOTE else place.found + " …"
    return Mistake(
        place.found_span, f"{place.found} stands outside of any rule", f'put it into one: rule "Name" {{ {shown} }}'
    )


def _item_inside(place: Place) -> Mistake | None:
    if "RBRACE" not in place.possible or "FILE" not in place.possible or not place.found.islower():
        return None
    if place.found not in ("rule", "list", "check", "test", "include", "maildir", "addresses", "timezone", "inbox"):
        return None
    return Mistake(
        place.found_span, f"{place.found} stands inside of a block", "put it outside, before the rule or after it"
    )


def _missing_if(place: Place) -> Mistake | None:
    """A condition stands where an action is expected."""
    if "STOP" not in place.possible or not place.is_word or _COMPARED.match(rest_of_line(place)) is None:
        return None
    return Mistake(place.found_span, f"expected if before {quoted(place.found)}", "write if before a condition")


def _missing_when(place: Place) -> Mistake | None:
    if "WHEN" not in place.possible or not place.is_word:
        return None
    if place.found.upper() in WORD_GROUPS["action"] - {"HEADER"} or place.found[0].isupper() or place.is_line_start:
        return None
    return Mistake(place.found_span, f"expected when before {quoted(place.found)}", "write when before the condition")


def _before_brace(place: Place) -> Mistake | None:
    """The condition is over, and what is done follows without a brace."""
    if "LBRACE" not in place.possible or place.found.upper() not in WORD_GROUPS["action"] or "RULE" in place.possible:
        return None
    if "FILE" in place.possible:
        return None
    span = Span(place.last_end, place.last_end) if place.is_line_start else place.found_span
    return Mistake(span, f"expected '{{' before {place.found}", "put what is done between '{' and '}'")


def _unknown_word(place: Place) -> Mistake | None:
    """A word that is none of those possible here: name its kind, and the nearest."""
    if not place.is_word or "NAME" in place.possible or (place.found.islower() and place.found.upper() in WORDS):
        return None
    kind = "action" if "STOP" in place.possible else "comparison" if "IS" in place.possible else "word"
    if "RULE" in place.possible:
        kind = "word"
    words = [word.lower() for word in place.possible if word not in SYMBOLS and word not in ("ORDER", "STRING", "RAW")]
    synonym = SYNONYMS.get(place.found.lower())
    near = [synonym] if synonym and kind != "word" else get_close_matches(place.found.lower(), words, 1, 0.7)
    if not near and kind == "word" and "RULE" not in place.possible:
        return None
    hint = f"try '{near[0]}'" if near else f"use one of {CHOICES[kind]}" if kind in CHOICES else ""
    return Mistake(place.found_span, f"unknown {kind} '{shortened(place.found)}'", hint)


_CASES = (
    unclosed_block,
    unclosed_text,
    _next_line_as_value,
    _slip,
    missing_brace,
    quote_in_line,
    unclosed_regex,
    unknown_unit,
    space_before_unit,
    bare_number,
    _mixed,
    _else,
    _empty_condition,
    _word_as_value,
    stray_closer,
    bare_address,
    _missing_if,
    _missing_when,
    _before_brace,
    unclosed_bracket,
    _comma,
    unquoted,
    _property,
    _upper_case,
    _outside_rule,
    _item_inside,
    _unknown_word,
)
