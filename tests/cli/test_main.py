"""Which command is meant, and what a word that is none ends in."""

from __future__ import annotations

import os
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


def test_a_rule_file_whose_name_is_no_utf8_is_used_as_any_other(installed: Path, tmp_path: Path) -> None:
    rules = bytes(tmp_path) + b"/r\xe9gles"
    Path(os.fsdecode(rules)).write_text('rule when subject is "x" { file "found" }\n')
    command = [bytes(installed / "pydeliver"), b"--maildir", bytes(tmp_path / "Maildir"), b"--rules", rules]
    home = {"HOME": str(tmp_path), "LOGNAME": "ann", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(command, input=b"Subject: x\n\n", capture_output=True, env=home)
    assert (ended.returncode, ended.stdout) == (0, b"")
    assert len(list((tmp_path / "Maildir/.found/new").iterdir())) == 1
