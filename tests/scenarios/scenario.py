"""A scenario: rules, a message, its envelope and facts, and the plan they give, as `pydeliver --test` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydeliver.engine.evaluate import evaluate
from pydeliver.engine.facts import UNASKED, Need, in_words, quiet_answer
from pydeliver.envelope import Envelope
from pydeliver.message.edit import edited
from pydeliver.message.view import Message
from pydeliver.plan import Plan
from pydeliver.rules.index import with_index
from pydeliver.rules.load import compile_text
from pydeliver.rules.program import Program
from pydeliver.rules.source import Source

if TYPE_CHECKING:
    from pydeliver.engine.facts import Facts

PLAIN = """\
From: Bob Builder <bob@example.net>
To: Ann Lee <ann@example.org>
Subject: Hello
Message-ID: <one@example.net>

Nothing much.
"""
ANN = Envelope("bob@example.net", "ann@example.org")


@dataclass(frozen=True)
class Scenario:
    """`plan` is its lines, or `need: …`; `flags` those of each store; `warning` is part of one, `problem` of that.

    `versions` are the octets that stores put there, of some or all of them.
    """

    title: str
    rules: str
    plan: str
    message: str | bytes = PLAIN
    envelope: Envelope = ANN
    facts: Facts = field(default_factory=dict)
    before: str = ""
    after: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""
    problem: str = ""

    @property
    def received(self) -> Message:
        return Message(self.message if isinstance(self.message, bytes) else self.message.encode())

    @property
    def programs(self) -> tuple[tuple[str, Program], ...]:
        texts = (("before", self.before), ("user", self.rules), ("after", self.after))
        return tuple([(phase, compile_text(Source(phase, text), phase)) for phase, text in texts if text])

    def run(self, trace: list[Any] | None = None, with_an_index: bool = False) -> Plan | Need:
        """The plan; what no rule asks, but evaluation must know, has its quiet answer if it is not given."""
        programs, facts = self.programs, dict(self.facts)
        if with_an_index:
            programs = tuple([(phase, with_index(program, 1)) for phase, program in programs])
        while True:
            if trace is not None:
                trace.clear()
            outcome = evaluate(programs, self.received, self.envelope, facts, trace)
            if not isinstance(outcome, Need) or outcome.question[0] not in UNASKED:
                return outcome
            facts[outcome.question] = quiet_answer(outcome.question)


def check_scenario(scenario: Scenario) -> None:
    outcome = scenario.run()
    if isinstance(outcome, Need):
        assert f"need: {in_words(outcome.question)}" == scenario.plan
        return
    assert "\n".join([action.words for action in outcome.actions]) == scenario.plan
    stores = {action.words: " ".join(action.flags) for action in outcome.stores}
    assert {words: stores[words] for words in scenario.flags} == scenario.flags
    versions = {action.words: edited(scenario.received, action.edits).chunks() for action in outcome.stores}
    assert {words: b"".join(versions[words]).decode() for words in scenario.versions} == scenario.versions
    if scenario.warning:
        assert scenario.warning in "\n".join(outcome.warnings)
    else:
        assert outcome.warnings == ()
    assert bool(outcome.problem) == bool(scenario.problem)
    assert scenario.problem in outcome.problem


def fields(*lines: str) -> str:
    """A message of these header fields."""
    return "\n".join([*lines, "", "body", ""])


def holds(condition: str, *lines: str, **given: Any) -> Scenario:
    """A condition that is true of a message with these fields."""
    return _condition(condition, 'file "yes"', lines, given)


def fails(condition: str, *lines: str, **given: Any) -> Scenario:
    """A condition that is false of a message with these fields."""
    return _condition(condition, "keep", lines, given)


def _condition(condition: str, plan: str, lines: tuple[str, ...], given: dict[str, Any]) -> Scenario:
    outcome = "holds" if plan != "keep" else "does not hold"
    of = f" of {'; '.join(lines)}" if lines else ""
    message = given.pop("message", fields(*lines))
    rules = f'{given.pop("settings", "")}\nrule when {condition} {{ file "yes" }}'
    return Scenario(f"{condition} {outcome}{of}"[:120], rules, plan, message, **given)
