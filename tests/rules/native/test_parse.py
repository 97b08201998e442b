"""Rule files read: the tree and its spans, texts, numbers, and what no text can do to the parser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydeliver import limits
from pydeliver.rules import ast
from pydeliver.rules.native.parse import parse
from pydeliver.rules.source import Mistake, RuleError, Source, Span

FILES = sorted((Path(__file__).parent / "files").glob("*.rules"))


def read(text: str) -> tuple[Any, ...]:
    return parse(Source("rules", text)).items


def only_action(text: str) -> Any:
    (rule,) = read("rule { " + text + " }")
    (action,) = rule.block.statements
    return action


def only_text(written: str) -> Any:
    return only_action(f"log {written}").arguments[0].value


def only_condition(text: str) -> Any:
    (rule,) = read("rule when " + text + " { keep }")
    return rule.condition


def mistakes(text: str) -> tuple[Mistake, ...]:
    with pytest.raises(RuleError) as raised:
        parse(Source("rules", text))
    return raised.value.mistakes


def shown(part: Any) -> Any:
    """A placeholder as a short text, a string as it is."""
    if isinstance(part, str):
        return part
    of = part.of.number if isinstance(part.of, ast.Group) else ".".join(part.of.words)
    form = f":{part.time_format}" if part.time_format is not None else ""
    filters = "".join([f"|{f.name}" + (f":{f.argument}" if f.argument is not None else "") for f in part.filters])
    return (f"{of}{form}{filters}",)


# ------------------------------------------------------------ texts

TEXTS = [
    ('""', []),
    ("''", []),
    ('"a"', ["a"]),
    (r'"\Seen"', [r"\Seen"]),
    (r'"\\Seen"', [r"\Seen"]),
    (r'"say \"hi\" {{name}}"', ['say "hi" {name}']),
    (r"'\\ {x} \"'", [r"\\ {x} \""]),
    ('"{name}"', [("name",)]),
    ('"a{1}b"', ["a", ("1",), "b"]),
    ('"{ subject | lower |truncate:40}"', [("subject|lower|truncate:40",)]),
    ('"{now:%Y-%m} {now:%H:%M}"', [("now:%Y-%m",), " ", ("now:%H:%M",)]),
    ("\"{header 'X-Foo'.first|upper}\"", [("header.first|upper",)]),
    ('"{recipient.detail|lower|path}/x"', [("recipient.detail|lower|path",), "/x"]),
    ('"{List-Id}"', [("list-id",)]),
    ('"é{x}ß"', ["é", ("x",), "ß"]),
]


@pytest.mark.parametrize(("written", "parts"), TEXTS, ids=[row[0] for row in TEXTS])
def test_the_parts_of_a_text(written: str, parts: list[object]) -> None:
    text = only_text(written)
    assert [shown(part) for part in text.parts] == parts
    assert text.written == written


BLOCKS = [
    ('"""\n"""', ""),
    ('"""\n    one\n      two\n\n    three\n    """', "one\n  two\n\nthree\n"),
    ('"""  \n\tone\n\t\ttwo\n"""', "one\n\ttwo\n"),
    ('"""\n    say "hi" and """ too\n    """', 'say "hi" and """ too\n'),
    ('"""\r\n    one\r\n    two\r\n    """', "one\ntwo\n"),
    ('"""\n  one\n two\n    """', " one\ntwo\n"),
    ('"""\n  one\n \n  two\n  """', "one\n\ntwo\n"),
    ('"""\n  {{x}} \\" \\d\n  """', '{x} " \\d\n'),
]


@pytest.mark.parametrize(("written", "expected"), BLOCKS)
def test_a_block_is_dedented_and_keeps_its_last_newline(written: str, expected: str) -> None:
    assert "".join(only_text(written).parts) == expected


def test_a_placeholder_of_a_block_knows_its_place() -> None:
    text = 'rule {\n  log """\n    one\n      {subject|lower} {1}\n    """\n}\n'
    (rule,) = read(text)
    parts = rule.block.statements[0].arguments[0].value.parts
    spans = [text[part.span.start : part.span.end] for part in parts if not isinstance(part, str)]
    assert spans == ["{subject|lower}", "{1}"]
    assert [part for part in parts if isinstance(part, str)] == ["one\n  ", " ", "\n"]


def test_the_message_of_a_test_expands_nothing() -> None:
    (test,) = read(
        'test "t" {\n message """\n  Subject: {x} {{y}} \\" }\n\n  a\n  """\n message "\\"{x}"\n expect keep\n}'
    )
    assert test.lines[0].arguments[0].parts == ('Subject: {x} {{y}} \\" }\n\na\n',)
    assert test.lines[1].arguments[0].parts == ('"{x}',)


def test_braces_in_a_regex_stay_text() -> None:
    claim = only_condition(r"subject matches /^a{1,3}\/{name}\/$/c")
    assert claim.right == (ast.Pattern(claim.right[0].span, "^a{1,3}/{name}/$", True),)


# ------------------------------------------------------------ numbers

NUMBERS = [
    ("0", 0, ""),
    ("1.5", 1.5, ""),
    ("2K", 2048, "size"),
    ("2KB", 2048, "size"),
    ("10MB", 10 << 20, "size"),
    ("1G", 1 << 30, "size"),
    ("1.5M", 3 << 19, "size"),
    ("90s", 90, "time"),
    ("2m", 120, "time"),
    ("1h", 3600, "time"),
    ("2d", 172_800, "time"),
    ("1w", 604_800, "time"),
]


@pytest.mark.parametrize(("written", "number", "unit"), NUMBERS)
def test_sizes_are_octets_and_times_are_seconds(written: str, number: float, unit: str) -> None:
    found = only_condition(f"size > {written}").right[0]
    assert (found.number, type(found.number), found.unit) == (number, type(number), unit)


def test_a_number_of_ten_thousand_digits_is_a_number_beyond_the_bound() -> None:
    assert only_condition(f"size > {'9' * 10_000}").right[0].number > limits.NUMBER_MAGNITUDE


# ------------------------------------------------------------ the tree


ACTIONS = [
    ("keep", "keep", []),
    ("discard", "discard", []),
    ('file "a" create never', "file", [("mailbox", '"a"'), ("create", "never")]),
    ('file mbox "a", create never', "file", [("mbox", '"a"'), ("create", "never")]),
    ('file maildir "a"', "file", [("maildir", '"a"')]),
    ('file mh "a"', "file", [("mh", '"a"')]),
    ('redirect "a", "b", sender srs', "redirect", [("addresses", '"a", "b"'), ("sender", "srs")]),
    ('pipe body ["a", "b"] timeout 30s', "pipe", [("portion", "body"), ("argv", '["a", "b"]'), ("timeout", "30s")]),
    ('rewrite ["a"], on error defer', "rewrite", [("argv", '["a"]'), ("on_error", "defer")]),
    ('quarantine "a"', "quarantine", [("reason", '"a"')]),
    ('reject "5.7.1 a"', "reject", [("status", '"5.7.1 a"')]),
    ('defer "4.7.0 a"', "defer", [("status", '"4.7.0 a"')]),
    ('flag "a", "b"', "flag", [("flags", '"a", "b"')]),
    ('unflag "a"', "unflag", [("flags", '"a"')]),
    ('header add "A" "b"', "header add", [("name", '"A"'), ("value", '"b"')]),
    ('header  set "A" "b"', "header set", [("name", '"A"'), ("value", '"b"')]),
    ('header remove "A"', "header remove", [("name", '"A"')]),
    ('log "a"', "log", [("text", '"a"')]),
    ('notify "a" "b"', "notify", [("target", '"a"'), ("text", '"b"')]),
    (
        'reply from "f", once per 7d subject "s" to "t" "x"',
        "reply",
        [("from", '"f"'), ("once_per", "7d"), ("subject", '"s"'), ("to", '"t"'), ("text", '"x"')],
    ),
]


@pytest.mark.parametrize(("text", "word", "arguments"), ACTIONS, ids=[row[0] for row in ACTIONS])
def test_an_action_and_its_arguments(text: str, word: str, arguments: list[tuple[str, str]]) -> None:
    action = only_action(text)
    file = "rule { " + text + " }"
    found = [
        (a.name, a.value if isinstance(a.value, str) else file[a.value.span.start : a.value.span.end])
        for a in action.arguments
    ]
    assert (action.word, found, action.also) == (word, arguments, False)
    assert file[action.span.start : action.span.end] == text
    assert file[action.word_span.start : action.word_span.end].split() == word.split()


def test_also_before_an_action_and_before_a_block() -> None:
    also = only_action('also file "a"')
    assert (also.also, also.word, also.span, also.word_span) == (True, "file", Span(7, 20), Span(12, 16))
    block = only_action("also { keep }")
    assert isinstance(block, ast.Also)
    assert block.block.span == Span(12, 20)


CLAIMS = [
    ('subject is "a"', False, "is", 1),
    ('subject is  not ["a", "b"]', False, "is not", 1),
    ('every to starts with "a"', True, "starts with", 1),
    ('from ends with "a"', False, "ends with", 1),
    ('from matches ["*.a", /b/]', False, "matches", 1),
    ("from in friends", False, "in", 1),
    ('from not in ["a"]', False, "not in", 1),
    ('header "X-A".first exists', False, "exists", 0),
    ('now within "Mon-Fri 09:00-18:00"', False, "within", 1),
    ('now between "a" and "b"', False, "between", 2),
    ("size <= 2K + 1", False, "<=", 1),
    ("(size + 1) * 2 > -3", False, ">", 1),
    ("count of /a/ in body.raw > 1", False, ">", 1),
]


@pytest.mark.parametrize(("text", "every", "operator", "operands"), CLAIMS, ids=[row[0] for row in CLAIMS])
def test_a_comparison(text: str, every: bool, operator: str, operands: int) -> None:
    claim = only_condition(text)
    file = "rule when " + text + " { keep }"
    assert (claim.every, claim.operator, len(claim.right)) == (every, operator, operands)
    assert file[claim.span.start : claim.span.end] == text
    assert file[claim.operator_span.start : claim.operator_span.end].split() == operator.split()


FACTS = [
    ('mailbox "a" exists', "mailbox exists", ["mailbox"]),
    ("addressed to me", "addressed to me", []),
    ('authenticated as "a"', "authenticated as", ["domain"]),
    ("duplicate", "duplicate", []),
    ("duplicate on message-id within 2d", "duplicate", ["on", "within"]),
    ("rate of envelope.sender over 20 per 1h", "rate", ["of", "over", "per"]),
    ('run header ["a"] succeeds', "run succeeds", ["portion", "argv"]),
    ('run ["a"] exits 3', "run exits", ["argv", "status"]),
    ('run ["a"] outputs /b/', "run outputs", ["argv", "pattern"]),
]


@pytest.mark.parametrize(("text", "word", "names"), FACTS, ids=[row[0] for row in FACTS])
def test_a_condition_with_a_word_of_its_own(text: str, word: str, names: list[str]) -> None:
    fact = only_condition(text)
    assert (fact.word, [argument.name for argument in fact.arguments]) == (word, names)


def test_and_or_not_and_parentheses() -> None:
    condition: Any = only_condition("not (a exists or b exists) and c exists and (d exists)")
    first, second, third = condition.conditions
    assert [type(node) for node in (condition, first, first.condition)] == [ast.AllOf, ast.Not, ast.AnyOf]
    assert [claim.left.words for claim in (second, third)] == [("c",), ("d",)]


def test_arithmetic_binds_as_in_school() -> None:
    (item,) = read("set a = 1 - 2 * 3 - -x")
    assert (item.value.operator, item.value.left.operator, item.value.left.right.operator) == ("-", "-", "*")
    assert item.value.right.operand.words == ("x",)


def test_names_are_in_lower_case_and_split_at_dots() -> None:
    claim = only_condition("From.Domain is List-Id")
    assert (claim.left.words, claim.right[0].words) == (("from", "domain"), ("list-id",))


def test_settings_and_definitions() -> None:
    maildir, inbox, items, file, table, check, include = read(
        'maildir "~/M"\ninbox mbox "i"\nlist a = ["x"]\nlist b from "f"\nlist c from table "t"\n'
        'check v with command ["c"], timeout 3s on error quarantine\ninclude "other.rules"\n'
    )
    assert (maildir.word, maildir.arguments[0].name) == ("maildir", "path")
    assert (inbox.word, inbox.arguments[0].name) == ("inbox", "mbox")
    assert [definition.arguments[0].name for definition in (items, file, table)] == ["items", "file", "table"]
    assert [(a.name, a.value) for a in check.arguments if isinstance(a.value, str)] == [
        ("checker", "command"),
        ("on_error", "quarantine"),
    ]
    assert include.path.parts == ("other.rules",)


def test_else_if_is_an_if_in_the_else() -> None:
    (item,) = read("if a exists { keep } else if b exists { stop } else { continue }")
    assert isinstance(item.otherwise, ast.If)
    assert isinstance(item.otherwise.otherwise, ast.Block)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_text_under_a_span_reads_the_same(path: Path) -> None:
    """Every item and statement, cut out by its span, is read as the same thing."""
    text = path.read_text(encoding="utf-8")
    for item in read(text):
        cut = text[item.span.start : item.span.end]
        assert _unplaced(read(cut)[0]) == _unplaced(item)
        for statement in _statements(item):
            cut = text[statement.span.start : statement.span.end]
            (rule,) = read("rule { " + cut + " }")
            assert _unplaced(rule.block.statements[0]) == _unplaced(statement)


def _statements(node: Any) -> list[Any]:
    """The actions and ifs inside of a node."""
    if isinstance(node, tuple):
        return [found for child in node for found in _statements(child)]
    if not hasattr(node, "__match_args__") or isinstance(node, ast.Test):
        return []
    inside = [found for name in node.__match_args__ for found in _statements(getattr(node, name))]
    return [node, *inside] if isinstance(node, ast.Action | ast.If | ast.ForEach | ast.Set) else inside


def _unplaced(node: Any) -> Any:
    """A node without its spans, and without the indentation of its texts."""
    if isinstance(node, tuple):
        return tuple([_unplaced(child) for child in node])
    if isinstance(node, Span):
        return None
    if hasattr(node, "__match_args__"):
        return (type(node).__name__, *[_unplaced(getattr(node, name)) for name in node.__match_args__])
    return node


# ------------------------------------------------------------ every mistake, once


def test_every_mistake_of_a_file_is_told_once() -> None:
    text = 'rule "a" { fle "x" }\nlist b = [\nrule "c" { log "{x|nope}"\n    keep }\ncheck d spamd\nrule "e" { keep }\n'
    assert [mistake.span.start for mistake in mistakes(text)] == [
        text.index("fle"),
        text.index("[\n") + 1,
        text.index("nope"),
        text.index("spamd"),
    ]


def test_a_mistake_in_a_text_is_told_beside_one_in_the_words() -> None:
    text = 'rule "a" { log "{}" }\nrule "b" { fle "x" }\nrule "c" { log "{" }\n'
    assert [mistake.span.start for mistake in mistakes(text)] == [
        text.index("{}"),
        text.index("fle"),
        text.index('{" }'),
    ]


def test_a_text_that_looks_like_an_item_is_not_one() -> None:
    text = 'rule "a" { fle\nreply """\nrule "b" { fle }\n    """\n}\nrule "c" { fle }\n'
    assert [mistake.span.start for mistake in mistakes(text)] == [text.index("fle"), text.rindex("fle")]


def test_a_hundred_mistakes_are_told_and_the_report_says_so() -> None:
    found = mistakes('rule { fle "x" }\n' * 500)
    assert len(found) == limits.MISTAKES + 1
    assert "what follows was not looked at" in found[-1].text


# ------------------------------------------------------------ line ends and other oddities


@pytest.mark.parametrize(
    "text",
    [
        'rule "a" {\r\n    keep # why\r\n}\r\n',
        'rule "a" {\n\tkeep\n}',
        '\ufeffrule "a" { keep }\n',
        'rule "a"\f{ keep }\n\f\n',
        'rule "a" { keep }\n# the end',
        'rule "a" {\rkeep\r}\r',
    ],
)
def test_line_ends_tabs_form_feeds_and_a_byte_order_mark_mean_nothing(text: str) -> None:
    (rule,) = read(text)
    assert rule.name.parts == ("a",)
    assert len(rule.block.statements) == 1


def test_an_empty_file_has_no_items() -> None:
    assert read("") == read("\n# nothing\n") == read("\ufeff") == ()


NESTED = [
    "rule when " + "(" * 10_000 + "a exists" + ")" * 10_000 + " { keep }",
    "rule when " + "(" * 10_000,
    "rule " + "{ also " * 10_000 + "{" + "}" * 10_001,
    "rule { " + "if a exists { " * 10_000,
    "if a exists { keep } " + "else if a exists { keep } " * 10_000,
    "set a = " + "- " * 10_000 + "1",
    "set a = " + "1 + " * 10_000 + "1",
    "set a = " + "[" * 10_000,
    "rule when " + "not " * 10_000 + "a exists { keep }",
]


@pytest.mark.parametrize("text", NESTED, ids=[text[:30] for text in NESTED])
def test_ten_thousand_levels_are_a_mistake_and_not_a_recursion(text: str) -> None:
    started = time.process_time()
    assert len(mistakes(text)) == 1
    assert time.process_time() - started < 1.5


def test_as_many_levels_as_the_limit_says() -> None:
    depth = limits.NESTING - 1
    read("rule when " + "(" * depth + "a exists" + ")" * depth + " { keep }")
    assert len(mistakes("rule when " + "(" * 65 + "a exists" + ")" * 65 + " { keep }")) == 1


def test_time_is_linear_in_the_text() -> None:
    """Half a megabyte takes about eight times as long as an eighth of it."""
    text = FILES[0].read_text(encoding="utf-8")
    unit = text * (limits.RULE_FILE_OCTETS // 16 // len(text))

    def seconds(content: str) -> float:
        started = time.process_time()
        read(content)
        return time.process_time() - started

    assert seconds(unit * 8) < 16 * seconds(unit) + 1


@pytest.mark.parametrize("piece", ['"', '"""\n', "'", "/", "{", "# x\n", "rule ", "\\", "a.", "rule { fle }\n", '"{'])
def test_time_is_linear_in_wrong_texts_too(piece: str) -> None:
    started = time.process_time()
    with pytest.raises(RuleError) if piece != "# x\n" else _nothing():
        read(piece * (200_000 // len(piece)))
    assert time.process_time() - started < 4


class _nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


# ------------------------------------------------------------ any text

_SYMBOLS = "( ) [ ] { } , = + - * / < >= ; : | ! $ @ . \\ #"
_WORDS = """list check test include if set rule when and or not is in exists else keep file redirect also
    for each match of header add from subject size"""
PIECES = [
    *_SYMBOLS.split(),
    *_WORDS.split(),
    *['"a"', "2K", "3d", "7", "é", "/x/", "“", '"', "'", '"""', '"{x', '"{x|lower}"', "'r'"],
]
PIECES += ["\n", "\nrule ", "\r\n", "\x00", "\ud800"]


def _told(source: Source) -> tuple[str, tuple[Mistake, ...]]:
    """The report on a text, and its mistakes; empty if it is sound."""
    try:
        parse(source)
    except RuleError as error:
        return str(error), error.mistakes
    return "", ()


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)))
def test_any_text_is_read_or_has_a_mistake_within_it(text: str) -> None:
    source = Source("any", text)
    told, found = _told(source)
    assert bool(told) == bool(found)
    for mistake in found:
        assert 0 <= mistake.span.start <= mistake.span.end <= len(text)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_a_file_cut_anywhere_is_read_or_has_a_mistake(path: Path, data: st.DataObject) -> None:
    text = path.read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    told, found = _told(Source("cut", text[:start] + text[end:]))
    assert bool(told) == bool(found)
