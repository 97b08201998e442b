"""What all tests share; the only place that knows where the shared material lies."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.users import User, plain_users
from tests.wheel import build_wheel, install_wheel

ROOT = Path(__file__).resolve().parent.parent
PEERS_REQUIRED = os.environ.get("PYDELIVER_REQUIRE_PEERS") == "1"


def skip_or_fail(reason: str) -> None:
    """Skip a test for want of something outside the project; in CI that is a failure."""
    if PEERS_REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def skip_unless_root(why: str) -> None:
    """Skip what nobody else can do; CI runs the suite as root too, so it is skipped in one run only."""
    if os.geteuid() != 0:
        pytest.skip(f"needs root: {why}")


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


@pytest.fixture
def users() -> Iterator[tuple[User, User]]:
    """Two plain users with empty homes."""
    skip_unless_root("to act as two other users")
    with plain_users() as both:
        yield both


@pytest.fixture
def plain_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """Somebody who is not root and has an empty home: a user made for tests or, without root, whoever runs them."""
    if os.geteuid() == 0:
        with plain_users() as (first, _):
            yield first
    else:
        yield User(pwd.getpwuid(os.geteuid()).pw_name, tmp_path_factory.mktemp("home"))
