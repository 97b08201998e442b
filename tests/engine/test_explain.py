"""The trace: each rule with the values compared, and why it did or did not match."""

from __future__ import annotations

from typing import Any

from pydeliver.engine.explain import explain
from pydeliver.plan import Plan
from tests.scenarios.scenario import Scenario, fields


def explained(scenario: Scenario) -> list[str]:
    trace: list[Any] = []
    plan = scenario.run(trace)
    assert isinstance(plan, Plan)
    return list(explain(trace, scenario.programs, plan, scenario.envelope))


def test_a_whole_trace() -> None:
    rules = """
rule "No" when subject is "x" { discard }
rule when from matches "*@example.net" and not mailbox "A" exists {
    set n = 1 + 1
    file "A"
}
rule "Late" { keep }
"""
    assert explained(Scenario("", rules, "", facts={("mailbox exists", "A"): False})) == [
        'envelope: sender "bob@example.net", recipient "ann@example.org" (nowhere)',
        'rule "No", user:2',
        '    subject is "x": false ("Hello")',
        "rule without a name, user:3",
        '    from matches "*@example.net": true ("bob@example.net")',
        '    mailbox "A" exists: false (no value)',
        "    set n = 2",
        "    decided, at line 6",
        'rule "Late", user:7: not tried: decided in user:6',
        'fact: mailbox "A" exists is false',
    ]


def test_controls_of_a_message_are_escaped_and_long_values_cut() -> None:
    subject = "Subject: =?utf-8?q?=1B[2J=E2=80=AE" + "a" * 100 + "?="
    lines = "\n".join(explained(Scenario("", 'rule when subject is "x" { }', "", fields(subject))))
    assert all([line.isprintable() for line in lines.split("\n")])
    assert '("\\x1b[2J\\u202eaaa' in lines
    assert "…" in lines


def test_many_values_are_counted() -> None:
    many = fields("To: " + ", ".join([f"a{n}@x" for n in range(9)]))
    assert explained(Scenario("", 'rule when to is "x" { }', "", many))[2].endswith('"a3@x" and 5 more)')
