"""Every slip is known by its example."""

from __future__ import annotations

import re

import pytest

from pydeliver.rules.native import hints
from pydeliver.rules.native.hints import SLIPS, Slip
from pydeliver.rules.native.parse import parse
from pydeliver.rules.source import RuleError, Source


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.example.split("\n")[0])
def test_a_slip_is_told_by_its_example(slip: Slip) -> None:
    with pytest.raises(RuleError) as raised:
        parse(Source("example", slip.example))
    (mistake,) = raised.value.mistakes
    assert re.fullmatch(_filled(slip.text), mistake.text)
    assert re.fullmatch(_filled(slip.hint), mistake.hint)


def _filled(template: str) -> str:
    """Return a pattern of a text with its groups filled in."""
    parts = re.split(r"(\{\w+\}|\{\{|\}\})", template)
    return "".join(
        [
            ".*" if re.fullmatch(r"\{\w+\}", part) else re.escape(part[:1] if part in ("{{", "}}") else part)
            for part in parts
        ]
    )


@pytest.mark.parametrize("table", ["_PROCMAIL", "_SIEVE", "_MAILDROP", "_GENERAL"])
def test_each_language_has_its_habits(table: str) -> None:
    assert len(getattr(hints, table)) >= 4
