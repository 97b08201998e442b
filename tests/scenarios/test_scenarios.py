"""Rules, a message and facts give the plan that the manual promises."""

from __future__ import annotations

import pytest

from tests.scenarios import bodies, conditions, edits, evaluation, texts
from tests.scenarios.scenario import Scenario, check_scenario

SCENARIOS = evaluation.SCENARIOS + conditions.SCENARIOS + edits.SCENARIOS + texts.SCENARIOS + bodies.SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_scenario(scenario: Scenario) -> None:
    check_scenario(scenario)
