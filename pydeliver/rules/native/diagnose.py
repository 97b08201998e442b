"""What to say of a place where the parser cannot go on.

Given the text, the place, the tokens before it and what could follow, returns
one mistake: a known slip (hints.py), one of the cases below, or "expected this
after that".  Never names a terminal of the grammar, never raises.

Does not know: the tree, or what stands after the mistake's own line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from difflib import get_close_matches

from pydeliver.rules.native.hints import SLIPS
from pydeliver.rules.native.words import AFTER, GROUPS, SYMBOLS, SYNONYMS, WORD_GROUPS, WORDS
from pydeliver.rules.source import Mistake, Span
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lark import Token

__all__ = ["diagnose"]

_FOUND = re.compile(
    r'"""|"(?:[^"\\\r\n]|\\.)*"?'
    r"|'[^'\r\n]*'?"
    r"|[^\W\d][\w-]*(?:\.[\w-]+)*"
    r"|[0-9][\w.]*"
    r"|[=!<>]=?|.",
    re.DOTALL,
)
_BEFORE_CONDITIONS = frozenset(("WHEN", "IF", "AND", "OR", "NOT", "LPAR", "ASSUME", "EVERY"))
_FIELD_HINT = 'write a field, as in subject contains "word"'
_COMPARED = re.compile(r"[\w.-]+ +(?:is|contains|matches|starts|ends|in|exists|within|between|not in|[<>]=?)(?![\w-])")
_OPENERS = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB"}
_WEAK = frozenset(("PLUS", "MINUS", "TIMES", "DIVIDE", "PROPERTY", "COMMA"))  # told only if nothing else is possible
_LONGEST_QUOTE = 40  # characters of the user's text repeated in a message


@value
class Place:
    """Where the parser stopped: what was read, what it found, and what it could have gone on with."""

    text: str
    at: int
    before: Sequence[Token]
    possible: frozenset[str]  # terminals, without the underscore that keeps them out of the tree
    found: str

    @property
    def last(self) -> str:
        """The kind of the token before."""
        return _kind(self.before[-1]) if self.before else ""

    @property
    def last_end(self) -> int:
        end = self.before[-1].end_pos if self.before else 0
        return end or 0

    @property
    def is_line_start(self) -> bool:
        """Whether the token before ended on an earlier line; the end of the file counts as one."""
        return bool(self.before) and (not self.found or "\n" in self.text[self.last_end : self.at])

    @property
    def span(self) -> Span:
        """The thing found; if something is missing before its line, the end of the token before it."""
        if self.is_line_start and (not self.found or not self.is_between):
            return Span(self.last_end, self.last_end)
        return self.found_span

    @property
    def is_between(self) -> bool:
        """Whether something new could begin here, so that what was found is wrong in itself."""
        return bool(self.possible & {"RULE", "FILE", "EXPECT"})

    @property
    def found_span(self) -> Span:
        return Span(self.at, self.at + len(self.found))

    @property
    def is_word(self) -> bool:
        return self.found[:1].isalpha() or self.found[:1] == "_"


def diagnose(text: str, position: int, before: Sequence[Token], accepts: frozenset[str]) -> Mistake:
    """Return what is wrong at `position`, after the tokens `before`, where `accepts` could have followed."""
    found = _FOUND.match(text, position)
    possible = frozenset([terminal.lstrip("_") for terminal in accepts])
    place = Place(text, position, before, possible, found[0] if found else "")
    for case in _CASES:
        mistake = case(place)
        if mistake is not None:
            return mistake
    return _expected(place)


# ---------------------------------------------------------------- cases, tried in order


def _unclosed_block(place: Place) -> Mistake | None:
    if not place.text.startswith('"""', place.at):
        return None
    rest = _line(place.text, place.at)[1][place.at - _line(place.text, place.at)[0] + 3 :]
    span = Span(place.at, place.at + 3)
    if rest.strip():
        return Mistake(span, 'the text after """ begins on the next line', 'end the line after """')
    if re.compile(r'"""[ \t]*\r?\n(?:(?![ \t]*""")[^\n]*\n)*[ \t]*"""').match(place.text, place.at) is None:
        return Mistake(span, "the text opened here is not closed", 'close it by a line of """ alone')
    return None


def _slip(place: Place) -> Mistake | None:
    """Find a known slip in the line of the mistake; of one that could stand anywhere, where the mistake is."""
    start, line = _line(place.text, place.at)
    column = place.at - start
    for slip in SLIPS:
        if slip.needs and slip.needs.lstrip("_") not in place.possible:
            continue
        for match in re.finditer(slip.pattern, line):
            if match.start() <= column < max(match.end(), match.start() + 1):
                groups = {name: group or "" for name, group in match.groupdict().items()}
                span = Span(start + match.start() + len(match[0]) - len(match[0].lstrip()), start + match.end())
                return Mistake(span, slip.text.format(**groups), slip.hint.format(**groups))
    return None


def _unclosed_text(place: Place) -> Mistake | None:
    quote = place.found[:1]
    if quote not in ('"', "'") or (len(place.found) > 1 and place.found.endswith(quote)):
        return None
    if quote == "'" and "RAW" not in place.possible:
        return None
    end = place.at + len(place.found.rstrip())
    opened = _odd_quote(place)
    hint = f'close it with {quote}; a text of several lines stands between lines of """'
    if opened is not None and opened < place.at:
        return _missing_quote(place, opened)
    return Mistake(Span(place.at, end), "the text opened here is not closed on its line", hint)


def _missing_quote(place: Place, opened: int) -> Mistake:
    return Mistake(Span(opened, place.at + 1), "a '\"' is missing in this line", "put each text between two quotes")


def _quote_in_line(place: Place) -> Mistake | None:
    """A text closed by the quote that should have opened the next one: what follows it is the mistake."""
    opened = _odd_quote(place)
    if opened is None or place.last != "STRING" or place.is_line_start or place.last_end < place.at:
        return None
    return _missing_quote(place, opened)


def _odd_quote(place: Place) -> int | None:
    """Return where the last text before the mistake in its line begins, if the line's quotes do not pair."""
    start, line = _line(place.text, place.at)
    if len(re.findall(r'(?<!\\)"', line)) % 2 == 0:
        return None
    texts = [token for token in place.before[-8:] if token.type == "STRING" and (token.start_pos or 0) >= start]
    return texts[-1].start_pos if texts else None


def _regex(place: Place) -> Mistake | None:
    if not place.found.startswith("/") or "REGEX" not in place.possible:
        return None
    rest = _rest(place)
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


def _unit(place: Place) -> Mistake | None:
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


def _space_before_unit(place: Place) -> Mistake | None:
    if place.last != "NUMBER" or place.is_line_start or not re.fullmatch(r"[KMG]B?|[smhdw]", place.found):
        return None
    number = place.before[-1]
    span = Span(number.start_pos or 0, place.at + len(place.found))
    return Mistake(span, "a unit stands right behind its number", f"write {number}{place.found}")


def _bare_number(place: Place) -> Mistake | None:
    if not place.found[:1].isdigit() or "QUANTITY" not in place.possible or "NUMBER" in place.possible:
        return None
    text, hint = _wanted(place), "write its unit: K, M or G of a size, s, m, h, d or w of a time"
    return Mistake(place.found_span, f"expected {text}{_after(place)}, not '{place.found}'", hint)


def _missing_brace(place: Place) -> Mistake | None:
    """The file, or the next item, comes while a block is open: find the block by the indentation."""
    if "RBRACE" not in place.possible or place.found == "}":
        return None
    opened = _open_brackets(place)
    unclosed, end = _outdented(place)
    if unclosed is None:
        if not opened or not _ends_blocks(place):
            return None
        unclosed, end = opened[-1], place.last_end
    line = place.text.count("\n", 0, unclosed.start_pos) + 1
    span = Span(end, end)
    return Mistake(span, f"expected '}}' here: the '{{' of line {line} is not closed", "close the block with '}'")


def _ends_blocks(place: Place) -> bool:
    """Whether what was found can only be the next item, the end of the file, or an else."""
    items, _, _ = GROUPS[0][1], GROUPS[0][0], GROUPS[0][2]
    return not place.found or (place.found.upper() in items and place.found.islower()) or place.found == "else"


def _outdented(place: Place) -> tuple[Token | None, int]:
    """Return the first '{' whose block has a line that is not further in than its own, and where it should end."""
    stack: list[tuple[Token, int]] = []
    end, seen = 0, -1
    lines = _Lines(place.text)
    ahead = [*place.before, None]
    for token in ahead:
        at = place.at if token is None else (token.start_pos or 0)
        line, indent = lines.of(at)
        kind = "" if token is None else _kind(token)
        if line != seen and stack and lines.of(stack[-1][0].start_pos or 0)[0] != line:
            outer = stack[-1][1]
            if indent < outer or (indent == outer and kind != "RBRACE"):
                return stack[-1][0], end
        seen = line
        if token is None:
            break
        if kind == "LBRACE":
            stack.append((token, indent))
        elif kind == "RBRACE" and stack:
            stack.pop()
        end = token.end_pos or 0
    return None, 0


def _open_brackets(place: Place) -> list[Token]:
    """Return the brackets that are open where the mistake is."""
    stack: list[Token] = []
    for token in place.before:
        kind = _kind(token)
        if kind in _OPENERS:
            stack.append(token)
        elif kind in _OPENERS.values() and stack:
            stack.pop()
    return stack


def _unclosed_bracket(place: Place) -> Mistake | None:
    opened = _open_brackets(place)
    if not opened or _kind(opened[-1]) == "LBRACE" or _OPENERS[_kind(opened[-1])] not in place.possible:
        return None
    bracket = opened[-1]
    close = ")" if bracket == "(" else "]"
    if place.is_word and bracket == "(" and not place.is_line_start and place.found not in ("and", "or"):
        return None
    if bracket == "[" and place.last != "COMMA" and (place.found[:1] in "\"'" and place.found):
        return Mistake(
            place.span, f"expected ',' before {_quoted(place.found)}", "put a comma between the values of a list"
        )
    line, column = _line_column(place.text, bracket.start_pos or 0)
    also = "',' or " if bracket == "[" and place.last not in ("COMMA", "LSQB") else ""
    text = f"expected {also}'{close}'{_after(place)}: the '{bracket}' of {line}:{column} is not closed"
    return Mistake(place.span, text, f"close it with '{close}'")


def _stray_closer(place: Place) -> Mistake | None:
    if place.found not in (")", "]", "}"):
        return None
    opener = {")": "(", "]": "[", "}": "{"}[place.found]
    if any([token == opener for token in _open_brackets(place)]):
        return None
    return Mistake(
        place.found_span, f"this '{place.found}' closes nothing", f"leave it out, or open it with '{opener}'"
    )


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
    if not is_item and not joins and not (begins and (is_next_line or _kind(previous) in AFTER)):
        return None
    earlier = Place(place.text, start, place.before[:-1], place.possible | {"RSQB", "RPAR"}, str(word))
    where = Span(end, end) if is_next_line else Span(start, word.end_pos or 0)
    if upper in WORD_GROUPS["comparison"] and _kind(previous) in _BEFORE_CONDITIONS:
        return Mistake(where, f"expected what to compare before {word}", 'write a field, as in subject contains "word"')
    wanted = (_asked_by(earlier.before) or "a value").partition(", as in ")[0]
    return _unclosed_bracket(earlier) or Mistake(where, f"expected {wanted}{_after(earlier)}")


def _unquoted(place: Place) -> Mistake | None:
    """A text is expected, and something bare was found."""
    if "STRING" not in place.possible or not place.found or place.is_line_start:
        return None
    if place.possible & {"NAME", "FILE", "ADD"} or not (place.found[0].isalnum() or place.found[0] in "_~/\\@*$+-"):
        return None
    bare = re.match(r"[^\s{}\"'\[\],;]+", _rest(place))
    if bare is None or (bare[0].islower() and bare[0].upper() in WORDS):
        return None
    if place.last in ("RULE", "TEST"):
        bare = re.match(r"[^\s{}\"',;]+(?: (?!when\b)[^\s{}\"',;]+)*", _rest(place)) or bare
    span = Span(place.at, place.at + bare.end())
    return Mistake(span, f"expected {_wanted(place)}{_after(place)}", f'put it in quotes: "{bare[0]}"')


def _bare_address(place: Place) -> Mistake | None:
    """An address or a file name without quotes, whose first part was taken for a name."""
    if place.last != "NAME" or place.last_end != place.at or place.found not in ("@", ":", "\\", "~", "#"):
        return None
    start = place.before[-1].start_pos or 0
    bare = re.match(r"[^\s{}\"'\[\],;()]+", place.text[start : start + 200])
    assert bare is not None
    return Mistake(Span(start, start + bare.end()), "this stands without quotes", f'put it in quotes: "{bare[0]}"')


def _comma(place: Place) -> Mistake | None:
    if place.found == "," and "COMMA" not in place.possible:
        return Mistake(place.found_span, f"expected {_wanted(place)}{_after(place)}, not ','", "leave the ',' out")
    if place.last == "COMMA" and not place.is_word and (place.is_line_start or place.found in ("}", "{", ")", "]")):
        at = place.before[-1].start_pos or 0
        return Mistake(
            Span(at, at + 1), f"expected {_wanted(place)} after ','", "leave the ',' out, or write what is missing"
        )
    if place.last == "COMMA" and place.is_line_start:
        at = place.before[-1].start_pos or 0
        return Mistake(
            Span(at, at + 1), f"expected {_wanted(place)} after ','", "leave the ',' out: nothing ends with one"
        )
    return None


def _property(place: Place) -> Mistake | None:
    if place.found != "." or "PROPERTY" not in place.possible:
        return None
    word = re.match(r"\.[\w-]*", _rest(place))
    assert word is not None
    parts = ("raw", "text", "address", "local", "domain", "user", "detail", "name", "first", "last")
    near = get_close_matches(word[0][1:], parts, 1)
    hint = f"try '.{near[0]}'" if near else "the parts are " + ", ".join(parts)
    return Mistake(Span(place.at, place.at + word.end()), f"a header field has no part '{word[0][1:]}'", hint)


def _outside_rule(place: Place) -> Mistake | None:
    if "RULE" not in place.possible or place.found.upper() not in WORD_GROUPS["action"]:
        return None
    rest = _rest(place).split("#")[0].strip()
    shown = rest if len(rest) <= _LONGEST_QUOTE else place.found + " …"
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
    if "STOP" not in place.possible or not place.is_word or _COMPARED.match(_rest(place)) is None:
        return None
    return Mistake(place.found_span, f"expected if before {_quoted(place.found)}", "write if before a condition")


def _missing_when(place: Place) -> Mistake | None:
    if "WHEN" not in place.possible or not place.is_word:
        return None
    if place.found.upper() in WORD_GROUPS["action"] - {"HEADER"} or place.found[0].isupper() or place.is_line_start:
        return None
    return Mistake(place.found_span, f"expected when before {_quoted(place.found)}", "write when before the condition")


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
    hint = f"try '{near[0]}'" if near else f"write {_wanted(place)} here"
    return Mistake(place.found_span, f"unknown {kind} '{_shortened(place.found)}'", hint)


_CASES = (
    _unclosed_block,
    _unclosed_text,
    _slip,
    _missing_brace,
    _quote_in_line,
    _regex,
    _unit,
    _space_before_unit,
    _bare_number,
    _mixed,
    _else,
    _empty_condition,
    _word_as_value,
    _stray_closer,
    _bare_address,
    _missing_if,
    _missing_when,
    _before_brace,
    _unclosed_bracket,
    _comma,
    _unquoted,
    _property,
    _upper_case,
    _outside_rule,
    _item_inside,
    _unknown_word,
)


# ---------------------------------------------------------------- what was expected


def _expected(place: Place) -> Mistake:
    """Say what was expected, after what, and what was found instead."""
    text = f"expected {_wanted(place)}" + ("" if "RULE" in place.possible else _after(place))
    if place.found and (place.is_between or not place.is_line_start):
        text += f", not {_quoted(place.found)}"
    return Mistake(place.span, text, _example(place))


def _example(place: Place) -> str:
    """Return the hint that shows how it is written, where there is one."""
    if "RULE" in place.possible:
        is_rule = place.found[:1] == '"' and re.search(r"\bwhen\b|{", _rest(place))
        return f"begin a rule with the word rule: rule {_quoted(place.found)}" if is_rule else ""
    shown = _told_after(place).partition(", as in ")[2]
    return f"write, for example, {shown}" if shown else ""


def _wanted(place: Place) -> str:
    """Return what could follow, in words."""
    told = _told_after(place)
    if told:
        return told.partition(", as in ")[0]
    names = list(_group_names(place.possible))
    return _listed(names) if names else "nothing more"


def _told_after(place: Place) -> str:
    """Return what the words before it say of what is expected; nothing if they ask for nothing."""
    if _ends_a_thing(place):
        return ""
    if (place.last == "HEADER" and "ADD" in place.possible) or (place.last == "IN" and "STRING" in place.possible):
        return ""
    return _asked_by(place.before)


def _asked_by(before: Sequence[Token]) -> str:
    """Return what the last two words ask for, or the last."""
    kinds = [_kind(token) for token in before[-2:]]
    return AFTER.get(" ".join(kinds)) or AFTER.get(kinds[-1] if kinds else "", "")


def _ends_a_thing(place: Place) -> bool:
    """Whether the token before can be the last of something, so that what follows is not its own."""
    return bool(place.possible & {"RBRACE", "RULE"}) and not place.possible & {"STRING", "LSQB"}


def _group_names(possible: frozenset[str]) -> Iterator[str]:
    left = possible - {"END", "$END"}
    told = False
    for needed, covered, name in GROUPS:
        if needed <= left:
            yield name
            told = True
            left -= covered
            if "RULE" in needed:  # options of what stands before are not worth telling
                return
            if needed & {"FILE", "EXPECT"}:
                yield "'}'"
                return
    strong = left - _WEAK or (left if not told else frozenset())
    for terminal in sorted(strong, key=lambda terminal: (terminal not in SYMBOLS, terminal)):
        yield f"'{SYMBOLS.get(terminal, terminal.lower())}'"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _after(place: Place) -> str:
    if not place.before:
        return ""
    token = place.before[-1]
    return f" after {token}" if token[0].isalpha() and token.type != "NAME" else f" after {_quoted(str(token))}"


def _quoted(found: str) -> str:
    """Return what was found as it is told: texts in their own quotes, other things in single ones."""
    if found.startswith('"""'):
        return 'the text in """'
    shown = _shortened(found.strip())
    return shown if shown[:1] in ("'", '"') else f"'{shown}'"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


# ---------------------------------------------------------------- text


def _kind(token: Token) -> str:
    return token.type.lstrip("_")


def _line(text: str, at: int) -> tuple[int, str]:
    """Return where the line of an offset begins, and the line."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return start, text[start : end if end >= 0 else len(text)].rstrip("\r")


def _rest(place: Place) -> str:
    start, line = _line(place.text, place.at)
    return line[place.at - start :]


def _line_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


class _Lines:
    """Line number and indentation of offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *[match.end() for match in re.finditer("\n", text)]]

    def of(self, at: int) -> tuple[int, int]:
        line = bisect_right(self.starts, at) - 1
        start = self.starts[line]
        content = self.text[start : start + 400]
        return line, len(content) - len(content.lstrip(" \t"))
