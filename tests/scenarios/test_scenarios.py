"""Rules, a message and facts give the plan that the manual promises."""

from __future__ import annotations

import pytest

from tests.scenarios import bodies, conditions, edits, evaluation, programs, redirects, texts
from tests.scenarios.scenario import Scenario, check_scenario

SCENARIOS = [
    scenario
    for module in (evaluation, conditions, edits, programs, redirects, texts, bodies)
    for scenario in module.SCENARIOS
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_scenario(scenario: Scenario) -> None:
    check_scenario(scenario)


def test_an_index_changes_no_scenario() -> None:
    """As a program of many rules has one."""
    differ = [scenario.title for scenario in SCENARIOS if scenario.run() != scenario.run(with_an_index=True)]
    assert differ == []
