"""Whatever the rules and the message: evaluation ends in a plan, the same each time, whose words are rule language."""

from __future__ import annotations

import json
import marshal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pydeliver.engine.evaluate import evaluate
from pydeliver.engine.explain import explain
from pydeliver.engine.facts import Need
from pydeliver.engine.trial import run_tests
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message
from pydeliver.plan import Action, Plan, Where, quote
from pydeliver.rules.check import check
from pydeliver.rules.compile import compile_rules
from pydeliver.rules.index import with_index
from pydeliver.rules.load import compile_text
from pydeliver.rules.native.parse import parse
from pydeliver.rules.program import Program, from_data
from pydeliver.rules.source import RuleError, Source

# ---------------------------------------------------------------- rule files, made as the grammar says

FIELDS = st.sampled_from(
    (
        *("subject", "from", "to.name", "addressee", "addressee.last", "list-id", "header 'X-A'", "date.raw", "n", "v"),
        *("header 'X-A'.detail", "recipient.detail", "envelope.sender", "client.address", "to.first.local"),
    )
)
PLACEHOLDERS = st.sampled_from(
    ["{subject}", "{1}", "{n}", "{g}", "{from|address|lower}", "{to|truncate:3}", "{header 'X-A'|path}", "{list-id}"]
)
WRITTEN = st.text(st.sampled_from("ab/.*?é@-\\_ x"), max_size=6).filter(lambda text: not text.endswith("\\"))
TEXTS = st.lists(st.one_of(WRITTEN, PLACEHOLDERS), max_size=3).map(lambda pieces: '"' + "".join(pieces) + '"')
LITERALS = WRITTEN.map(lambda text: f'"{text}"')
MAILBOXES = st.lists(st.one_of(st.sampled_from(["a", "é", "/b", "INBOX"]), PLACEHOLDERS), min_size=1, max_size=3).map(
    lambda pieces: '"' + "".join(pieces).lstrip("/") + '"'
)
NUMBERS = st.recursive(
    st.sampled_from(
        ["0", "1", "2.5", "10K", "size", "lines", "n", "v", "count of to", "count of /a/ in subject", "7d"]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda operand: f"-{operand}"),
    ),
    max_leaves=4,
)
REGEXES = st.sampled_from(["/a(b)?/", "/(?P<g>.)/", "/^{n}*$/c", "/[{v}]|{subject}{2}/", "/\\w+@/", "/x{1,3}/"])
CLAIMS = st.one_of(
    st.tuples(FIELDS, st.sampled_from(["is", "is not", "contains", "starts with", "ends with"]), TEXTS).map(" ".join),
    st.tuples(FIELDS, st.sampled_from(["is", "in", "not in"]), st.lists(TEXTS, max_size=3)).map(
        lambda t: f"{t[0]} {t[1]} [{', '.join(t[2])}]"
    ),
    st.tuples(FIELDS, st.sampled_from(["in friends", "not in friends", "exists"])).map(" ".join),
    st.tuples(FIELDS, st.just("matches"), st.one_of(TEXTS, REGEXES)).map(" ".join),
    st.tuples(FIELDS, st.lists(st.one_of(TEXTS, REGEXES), min_size=1, max_size=3)).map(
        lambda t: f"{t[0]} matches [{', '.join(t[1])}]"
    ),
    st.tuples(NUMBERS, st.sampled_from(["<", ">=", "is", "is not"]), NUMBERS).map(" ".join),
    st.tuples(FIELDS, NUMBERS, NUMBERS).map(lambda t: f"{t[0]} between {t[1]} and {t[2]}"),
    st.tuples(st.just("every"), FIELDS, st.just("ends with"), TEXTS).map(" ".join),
    st.just("addressed to me"),
    MAILBOXES.map(lambda text: f"mailbox {text} exists"),
)
CONDITIONS = st.recursive(
    CLAIMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' and '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' or '.join(parts)})"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=4,
)
FLAGS = st.lists(
    st.one_of(PLACEHOLDERS.map('"{}"'.format), st.sampled_from(['"\\Seen"', '"work"', '"é{n}"'])), min_size=1
).map(", ".join)
SIMPLE = st.one_of(
    MAILBOXES.map(lambda text: f"file {text}"),
    MAILBOXES.map(lambda text: f"also file {text} create never"),
    MAILBOXES.map(lambda text: f"file maildir {text}"),
    st.sampled_from(["keep", "also keep", "discard", "stop", "continue", 'reject "5.7.1 {subject}"', 'defer "x{n}"']),
    FLAGS.map(lambda flags: f"flag {flags}"),
    FLAGS.map(lambda flags: f"unflag {flags}"),
    TEXTS.map(lambda text: f"log {text}"),
    TEXTS.filter(lambda text: "{" in text).map(lambda text: f"redirect {text}"),
    st.sampled_from(['pipe ["a", "{subject}", n]', 'also pipe header ["a"] timeout 90s', 'also pipe body ["a", "-b"]']),
    st.sampled_from(['also redirect "a@x"', 'redirect "a@x", "b@x" sender me', 'also redirect "{to}" sender null']),
    NUMBERS.map(lambda number: f"set n = {number}"),
    st.one_of(TEXTS, FIELDS).map(lambda text: f"set v = {text}"),
)


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.lists(inner, max_size=3).map(lambda statements: "{ " + "\n".join(statements) + " }")
    return st.one_of(
        st.tuples(CONDITIONS, block).map(lambda t: f"if {t[0]} {t[1]}"),
        st.tuples(CONDITIONS, block, block).map(lambda t: f"if {t[0]} {t[1]} else {t[2]}"),
        st.tuples(CONDITIONS, block, CONDITIONS, block).map(lambda t: f"if {t[0]} {t[1]} else if {t[2]} {t[3]}"),
        block.map(lambda body: f"also {body}"),
        st.tuples(st.sampled_from(["to", "addressee", "subject", "list-id"]), block)
        .map(" ".join)
        .map("for each ".__add__),
        st.tuples(REGEXES, FIELDS, block).map(lambda t: f"for each match of {t[0]} in {t[1]} {t[2]}"),
    )


STATEMENTS = st.recursive(SIMPLE, blocks, max_leaves=8)
RULES = st.lists(
    st.tuples(st.one_of(st.just(""), CONDITIONS.map("when ".__add__)), st.lists(STATEMENTS, max_size=4)).map(
        lambda t: f'rule "R" {t[0]} {{ ' + "\n".join(t[1]) + " }"
    ),
    max_size=3,
)
# What sets every name beforehand, so that most files are sound.
PROLOGUE = """
list friends = ["ann@example.org", "*@lists.example.org"]
rule { set n = 0 set v = "" if subject matches /(?P<g>a?)(b?)/ { } }
"""
FILES = RULES.map(lambda rules: PROLOGUE + "\n".join(rules))

# ---------------------------------------------------------------- messages

LINES = st.sampled_from(
    (
        *(
            b"Subject: ab",
            b"Subject:",
            b"Subject: =?utf-8?q?=C3=A9?=",
            b"Subject: \xff{1}",
            b"Subject: =?utf-7?q?+2AA-?=",
        ),
        *(b"X-A: ../x+y@z", b"X-A: 7", b"To: Ann <ann+d@example.org>, b@lists.example.org", b"From: a@b, , <>, x:;"),
        *(b"From: ann@example.org", b"List-Id: L <l.example>", b"Date: now", b"Cc: c@d", b" folded", b"broken", b""),
    )
)
MESSAGES = st.one_of(
    st.lists(LINES, max_size=8).map(lambda lines: b"\n".join(lines) + b"\n\nbody\n"), st.binary(max_size=60)
)
ADDRESSES = st.sampled_from(["", "ann@example.org", "ann+d@example.org", "<>", "a@b@c", '"x y"@z', "\ud800"])
ENVELOPES = st.builds(Envelope, ADDRESSES, ADDRESSES, st.none() | ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES)

ROUNDS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY_ROUNDS = settings(ROUNDS, max_examples=3_000)


def compiled(text: str) -> Program | None:
    try:
        return compile_text(Source("rules", text))
    except RuleError:
        return None


def decided(program: Program, message: Message, envelope: Envelope, trace: list[Any] | None = None) -> Plan:
    """The plan; every mailbox whose name has an even length exists, and everything is allowed."""
    facts: dict[tuple[str, ...], bool | str] = {}
    while True:
        if trace is not None:
            trace.clear()
        plan = evaluate((("user", program),), message, envelope, facts, trace)
        if not isinstance(plan, Need):
            return plan
        assert plan.question not in facts
        facts[plan.question] = "" if plan.question[0] == "refusal" else len(plan.question[-1]) % 2 == 0


@pytest.mark.long
@given(FILES, MESSAGES, ENVELOPES)
@MANY_ROUNDS
def test_many_evaluations_end_in_a_plan(text: str, raw: bytes, envelope: Envelope) -> None:
    ends_in_a_plan(text, raw, envelope)


@given(FILES, MESSAGES, ENVELOPES)
@ROUNDS
@example('rule { file maildir "x" create never }', b"", Envelope())
@example("rule { set n = subject if to matches /[{n}]/ { } }", b"Subject: ]\n\n", Envelope())
@example("rule { set n = subject if to matches /a{n}*/ { } }", b"Subject:\n\n", Envelope())
def test_every_evaluation_ends_in_a_plan(text: str, raw: bytes, envelope: Envelope) -> None:
    ends_in_a_plan(text, raw, envelope)


def ends_in_a_plan(text: str, raw: bytes, envelope: Envelope) -> None:
    program = compiled(text)
    if program is None:
        return
    trace: list[Any] = []
    plan = decided(program, Message(raw), envelope, trace)
    assert plan == decided(program, Message(raw), envelope)
    assert plan == decided(from_data(marshal.loads(marshal.dumps(program.as_data()))), Message(raw), envelope)
    assert plan == decided(with_index(program, 1), Message(raw), envelope)
    assert json.loads(plan.as_json())["disposition"] == plan.disposition
    decided_words = {action.word for action in plan.actions if not action.also}
    assert plan.stores or plan.disposition in {"redirect", "pipe", "discard", "reject", "defer"} & decided_words
    lines = "\n".join([*explain(trace, (("user", program),), plan, envelope), str(plan)])
    assert all([line.isprintable() for line in lines.split("\n")])
    assert words_read_back(plan) == [action.words for action in plan.actions]


def words_read_back(plan: Plan) -> list[str]:
    """The words of a plan as the `expect` lines of a test, read, checked and told again."""
    expected = "\n".join([f"expect {action.words}" for action in plan.actions])
    rules = parse(Source("rules", f"test 'x' {{ message 'Subject: x'\n{expected} }}"))
    check(rules)
    (trial,) = run_tests(rules, compile_rules(rules))
    return list(trial.expected)


ARGUMENTS = st.text(st.characters(), max_size=20) | st.text(st.sampled_from('\\"{}a\n\x00'), max_size=8)


@given(ARGUMENTS)
@example("\\\x01")
@example("\\")
def test_any_text_in_a_plan_reads_back(text: str) -> None:
    assert quote(text).isprintable()
    plan = Plan("keep", (Action("log", (("text", text),), Where("", "f", 1)), Action("keep")))
    assert words_read_back(plan) == [action.words for action in plan.actions]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Zs", "Co", "Cn"]), max_size=20))
def test_a_printable_text_reads_back_as_itself(text: str) -> None:
    rules = parse(Source("rules", f"test 'x' {{ message 'x' expect log {quote(text)} }}"))
    (trial,) = run_tests(rules, compile_rules(rules))
    assert trial.expected == (f"log {quote(text)}",)
    program = compile_text(Source("rules", f"rule {{ log {quote(text)} }}"))
    plan = decided(program, Message(b""), Envelope())
    assert plan.actions[0].argument("text") == text


def test_half_of_the_generated_files_are_sound() -> None:
    """Else the properties above would hold of nothing."""
    sound: list[bool] = []

    @given(FILES)
    @settings(max_examples=50, deadline=None, database=None, derandomize=True)
    def generate(text: str) -> None:
        sound.append(compiled(text) is not None)

    generate()
    assert sum(sound) > len(sound) / 2
