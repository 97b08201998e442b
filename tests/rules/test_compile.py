"""The compiled form: plain data, whose literals, lists and jumps are worked out once."""

from __future__ import annotations

import marshal
import time

import pytest

from pydeliver.rules.check import check
from pydeliver.rules.compile import compile_rules
from pydeliver.rules.load import compile_text
from pydeliver.rules.native.parse import parse
from pydeliver.rules.program import EMPTY, Pattern, Program, from_data
from pydeliver.rules.source import Source


def compiled(text: str) -> Program:
    return compile_text(Source("rules", text))


def condition(text: str) -> tuple[object, ...]:
    code = compiled(f"list friends = ['ANN@x', '*@y']\nrule when {text} {{ }}").code
    found: tuple[object, ...] = code[1][1]
    return found


def test_a_program_is_what_marshal_can_keep() -> None:
    program = compiled('maildir "~/M"\nrule "R" when subject matches /a/ and from in ["b", "*c"] { file "A" flag "x" }')
    assert from_data(marshal.loads(marshal.dumps(program.as_data()))) == program
    assert program.setting("maildir") == "~/M"
    assert program.setting("inbox") is None
    assert from_data(EMPTY.as_data()) == EMPTY
    assert compiled("").code == ()


def test_each_instruction_knows_its_rule_and_line() -> None:
    program = compiled('rule "One" {\n    log "a"\n}\n\nset x = 1\nrule "Two"\nwhen x is 1 {\n    keep\n}\n')
    assert program.rules == ("One", "", "Two")
    places = [(instruction[0], *place) for instruction, place in zip(program.code, program.places, strict=True)]
    assert places == [
        ("rule", 0, 1),
        ("act", 0, 2),
        ("rule", 1, 5),
        ("set", 1, 5),
        ("rule", 2, 6),
        ("branch", 2, 7),
        ("act", 2, 8),
        ("stop", 2, 9),
    ]


def test_a_chain_of_ifs_goes_to_the_next_where_false_and_to_its_end_where_unknown() -> None:
    code = compiled('rule { if 1 is 1 { log "a" } else if 2 is 2 { log "b" } else { log "c" } log "d" }').code
    branches = [(address, *instruction[2:]) for address, instruction in enumerate(code) if instruction[0] == "branch"]
    end = len(code) - 1
    assert branches == [(1, 4, end), (4, 7, end)]
    assert [instruction for instruction in code if instruction[0] == "jump"] == [("jump", end), ("jump", end)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('subject is "ABC"', ("is", 'subject is "ABC"', False, ("header", ("subject",), "text", ""), ("abc",), ())),
        (
            'every from is not "A"',
            ("not", ("is", 'every from is not "A"', True, ("header", ("from",), "address", ""), ("a",), ())),
        ),
        (
            "from in friends",
            (
                *("in", "from in friends", False, ("header", ("from",), "address", "")),
                *(frozenset(["ann@x"]), (("pattern", 0),), ()),
            ),
        ),
        ("size   >\n 1K", ("order", "size > 1K", False, ("size",), ">", ("number", 1024))),
    ],
)
def test_a_condition(text: str, expected: tuple[object, ...]) -> None:
    assert condition(text) == expected


def test_a_pattern_stands_once_in_the_table() -> None:
    program = compiled('rule when subject matches [/word|text/, "x?", /word|text/, /word|text/c] { }')
    assert program.patterns == (
        Pattern("re2", "word|text", False, ("text", "word")),
        Pattern("glob", "x?", False, (), ("x", 1)),
        Pattern("re2", "word|text", True, ("text", "word")),
    )


def test_a_long_claim_is_cut_for_the_trace() -> None:
    written = condition(f'subject is "{"a" * 200}"')[1]
    assert isinstance(written, str)
    assert len(written) == 100
    assert written.endswith("…")


def test_ten_thousand_rules_take_time_in_proportion() -> None:
    def seconds(rules: int) -> float:
        text = "".join([f'rule when subject matches /word{n}/ {{ file "m{n}" }}\n' for n in range(rules)])
        tree = parse(Source("rules", text))
        started = time.monotonic()
        check(tree)
        assert len(compile_rules(tree).patterns) == rules
        return time.monotonic() - started

    assert seconds(4_000) < 8 * seconds(1_000) + 0.5
