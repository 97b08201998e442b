"""What all tests share; the only place that knows where the shared material lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PEERS_REQUIRED = os.environ.get("PYDELIVER_REQUIRE_PEERS") == "1"


def skip_or_fail(reason: str) -> None:
    """Skip a test for want of something outside the project; in CI that is a failure."""
    if PEERS_REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora and conformance suites that stand beside the project."""
    path = Path(os.environ.get("PYDELIVER_SHARED", ROOT.parent / "shared"))
    if not path.is_dir():
        skip_or_fail("the shared corpora are not here (PYDELIVER_SHARED)")
    return path
