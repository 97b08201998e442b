"""`pydeliver check` as it is run: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pydeliver.cli import check


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_mistakes_in_included_files_name_the_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "rules").write_text('include "~/part"\n')
    (home / "part").write_text('\nrule { file "a.b" }\n')
    assert check.run(["rules"]) == 1
    assert capsys.readouterr().out.startswith("~/part:2:13: a '.' cannot stand in a mailbox name\n")
    assert check.run(["--json", "rules"]) == 1
    (mistake,) = json.loads(capsys.readouterr().out)["mistakes"]
    assert (mistake["file"], mistake["line"], mistake["column"]) == ("~/part", 2, 13)


def test_rules_of_included_files_count_and_their_tests_do_not_run(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "rules").write_text('include "part"\nrule { keep }\ntest "a" { message "x" expect file "A" }\n')
    (home / "part").write_text('rule { file "A" }\ntest "b" { message "x" expect keep }\n')
    assert check.run(["rules"]) == 0
    assert capsys.readouterr().out == "rules: sound; 2 rules, 1 test passed\n"
    assert check.run(["part"]) == 1
