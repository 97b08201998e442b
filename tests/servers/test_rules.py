"""Rules are kept ready while their files stay as they are, and no longer."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pydeliver.config import load_settings
from pydeliver.servers.rules import Rules
from pydeliver.servers.users import User

OLD = time.time() - 60


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)
    os.utime(path, (OLD, OLD))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose files seem to be of long ago: the time of their last change cannot be set."""
    monkeypatch.setattr("pydeliver.servers.rules._SETTLED", -1e9)
    write(tmp_path / "more", 'rule { log "more" }\n')
    write(tmp_path / ".pydeliverrc", 'include "more"\nrule { file "A" }\n')
    return tmp_path


def test_what_has_not_changed_is_not_read_again(home: Path) -> None:
    rules, user = Rules(load_settings()), User("ann", str(home))
    assert rules.of(user) is rules.of(user)


@pytest.mark.parametrize("change", ["the file", "an included file", "the file is gone", "a file of the system's"])
def test_a_change_is_seen(home: Path, change: str) -> None:
    settings = {**load_settings(), "after_rules": str(home / "after.rules")}
    rules, user = Rules(settings), User("ann", str(home))
    before = rules.of(user)
    if change == "the file":
        write(home / ".pydeliverrc", 'include "more"\nrule { file "B" }\n')  # as long, and of the same time
    elif change == "an included file":
        write(home / "more", 'rule { log "else" }\n')
    elif change == "the file is gone":
        (home / ".pydeliverrc").unlink()
    else:
        write(home / "after.rules", 'rule { log "after" }\n')
    after = rules.of(user)
    assert after.programs != before.programs
    assert rules.of(user) is after


def test_what_was_changed_a_moment_ago_is_used_once(tmp_path: Path) -> None:
    write(tmp_path / ".pydeliverrc", 'rule { file "A" }\n')
    rules, user = Rules(load_settings()), User("ann", str(tmp_path))
    assert rules.of(user) is not rules.of(user)


def test_rules_with_a_mistake_are_used_once(home: Path) -> None:
    write(home / ".pydeliverrc", "rule {")
    rules, user = Rules(load_settings()), User("ann", str(home))
    assert rules.of(user).problems
    assert rules.of(user) is not rules.of(user)
