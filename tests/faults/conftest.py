"""What the fault tests share: the stage on which everything is delivered, and the tables at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.report import TABLES
from tests.faults.stage import Stage


@pytest.fixture(scope="session")
def stage(installed: Path, public_directory: Path) -> Stage:
    """The installed program, and room for homes."""
    return Stage(installed.parent, public_directory)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TABLES:
        terminalreporter.section("faults tried")
        for line in TABLES:
            terminalreporter.write_line(line)
