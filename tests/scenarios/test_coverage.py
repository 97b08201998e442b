"""No word of the language is built without a scenario that shows what it does.

Walks the vocabulary: a field, a part, an operator and a fact must each hold in
one scenario and not hold in another; an action, a filter, a setting and a
statement must occur.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from pydeliver import vocabulary
from pydeliver.rules import ast
from pydeliver.rules.names import is_field, read_field
from pydeliver.rules.native.parse import parse
from pydeliver.rules.source import Source
from tests.scenarios.test_scenarios import SCENARIOS


def nodes(node: Any) -> Iterator[Any]:
    """The node and all that is in it."""
    yield node
    if isinstance(node, tuple):
        for part in node:
            yield from nodes(part)
    elif hasattr(type(node), "__match_args__") and not isinstance(node, Source):
        for name in type(node).__match_args__:
            yield from nodes(getattr(node, name))


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the scenarios say: words that occur, and the outcomes of conditions by word."""

    words: frozenset[str]
    outcomes: dict[str, frozenset[bool]]


@cache
def seen() -> Seen:
    words: set[str] = set()
    outcomes: defaultdict[str, set[bool]] = defaultdict(set)
    for scenario in SCENARIOS:
        if scenario.problem:
            continue  # a million steps make a long trace, and show no word of their own
        for text in (scenario.before, scenario.rules, scenario.after):
            source = Source("", text)
            rules = parse(source)
            words.update([word for node in nodes(rules.items) for word in _words(node)])
            conditions = {
                " ".join(text[node.span.start : node.span.end].split()): node
                for node in nodes(rules.items)
                if isinstance(node, (ast.Claim, ast.Fact))
            }
            trace: list[Any] = []
            scenario.run(trace)
            for kind, *said in trace:
                if kind == "condition" and said[0] in conditions:
                    for word in _conditions(conditions[said[0]]):
                        is_negated = word in ("operator is not", "operator not in")
                        outcomes[word].add(said[1] is not is_negated)
    return Seen(frozenset(words), {word: frozenset(found) for word, found in outcomes.items()})


def _conditions(condition: ast.Claim | ast.Fact) -> Iterator[str]:
    if isinstance(condition, ast.Fact):
        yield f"fact {condition.word}"
        return
    yield f"operator {condition.operator}"
    if condition.every:
        yield f"every {condition.operator}"
    if isinstance(condition.left, ast.Field) and is_field(condition.left.words):
        reading = read_field(condition.left)
        yield f"field {reading.word}"
        yield from [f"part {reading.word}.{part}" for part in (reading.part, reading.pick) if part]


def _words(node: Any) -> Iterator[str]:
    kinds = {
        ast.Rule: "rule", ast.If: "if", ast.ForEach: "for each", ast.ForEachMatch: "for each", ast.Set: "set",
        ast.Also: "also", ast.Stop: "stop", ast.Continue: "continue", ast.AllOf: "and", ast.AnyOf: "or", ast.Not: "not",
    }  # fmt: skip
    if type(node) in kinds:
        yield f"statement {kinds[type(node)]}"
    if isinstance(node, (ast.Rule, ast.If)) and node.condition:
        yield "statement when"
    if isinstance(node, ast.If) and node.otherwise:
        yield "statement else"
    if isinstance(node, ast.Claim) and node.every:
        yield "statement every"
    if isinstance(node, ast.Action):
        yield f"action {node.word}"
        yield from [f"argument {node.word} {argument.name}" for argument in node.arguments]
        if node.also:
            yield f"also {node.word}"
    if isinstance(node, ast.Setting):
        yield f"setting {node.word}"
    if isinstance(node, ast.Filter):
        yield f"filter {node.name}"


BUILT_FIELDS = {name: word for name, word in vocabulary.FIELDS.items() if not word.later}
BUILT_ACTIONS = {name: word for name, word in vocabulary.ACTIONS.items() if not word.later}
CONDITIONS = [
    *[f"field {name}" for name in (*BUILT_FIELDS, "header")],
    *[f"part {name}.{part}" for name, word in BUILT_FIELDS.items() for part in word.parts],
    *[f"part header.{part}" for part in vocabulary.HEADER_FIELD.parts],
    *[f"operator {name}" for name, word in vocabulary.OPERATORS.items() if not word.later],
    *[f"fact {name}" for name, word in vocabulary.FACTS.items() if not word.later],
    *[f"every {name}" for name in ("is", "contains", "ends with", "matches", "exists", ">", "between")],
]
WORDS = [
    *[f"action {name}" for name in BUILT_ACTIONS],
    *[
        f"argument {name} {argument}"
        for name, word in BUILT_ACTIONS.items()
        for argument, _ in word.arguments
        if argument not in dict(word.later_arguments)
    ],
    *[f"also {name}" for name, word in BUILT_ACTIONS.items() if word.also],
    *[f"filter {name}" for name in vocabulary.FILTERS],
    *[f"statement {name}" for name in vocabulary.STATEMENTS],
    *[f"setting {name}" for name in ("inbox", "addresses")],  # the others do not change a plan
]


@pytest.mark.parametrize("word", CONDITIONS)
def test_each_condition_holds_in_one_scenario_and_not_in_another(word: str) -> None:
    assert seen().outcomes[word] == frozenset((True, False))


@pytest.mark.parametrize("word", WORDS)
def test_each_word_occurs_in_a_scenario(word: str) -> None:
    assert word in seen().words


def test_scenarios_have_titles_of_their_own() -> None:
    titles = [(scenario.title, scenario.message, scenario.envelope, scenario.rules) for scenario in SCENARIOS]
    assert len(set(titles)) == len(titles)
