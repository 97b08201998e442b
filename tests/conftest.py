"""What all tests share; the only place that knows where the shared material lies."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wheel import build_wheel, install_wheel

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


@pytest.fixture(scope="session")
def public_directory() -> Iterator[Path]:
    """A directory below /var/tmp that other users can reach, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="pydeliver-test-", dir="/var/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def installed(public_directory: Path) -> Path:
    """The bin directory of this tree's wheel, installed as a user would, bytecode compiled, open to every user."""
    wheel = build_wheel(public_directory)
    return install_wheel(wheel, public_directory / "installed")
