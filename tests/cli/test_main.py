"""Which command is meant, and what a word that is none ends in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.mark.parametrize("word", ["lists", "deliver", "x"])
def test_an_unknown_command_is_temporary_and_says_which_there_are(installed: Path, word: str) -> None:
    """A mail server that was configured with a wrong word must not bounce."""
    ended = subprocess.run([installed / "pydeliver", word], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert ended.returncode == 75
    assert f"there is no command '{word}'" in ended.stderr
    assert "check" in ended.stderr
