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
    (home / "rules").write_text('include "part"\nrule { keep }\ntest "a" { message "x" expect log "A" expect keep }\n')
    (home / "part").write_text('rule { log "A" }\ntest "b" { message "x" expect keep }\n')
    assert check.run(["rules"]) == 0
    assert capsys.readouterr().out == "rules: sound; 2 rules, 1 test passed\n"
    assert check.run(["part"]) == 1


def test_what_is_hardly_meant_is_a_warning_that_changes_no_status(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "rules").write_text('list foes from "foes.txt"\nrule when from in foes { discard flag "x" }\n')
    (home / "foes.txt").write_text("a@example.org\n@example.org\n")
    assert check.run(["rules"]) == 0
    assert capsys.readouterr().out == (
        "rules:2:34: warning: no store follows this flag: it changes nothing [late-flag]\n"
        'rule when from in foes { discard flag "x" }\n'
        "                                 ^~~~\n"
        "hint: put it before the store\n"
        "foes.txt:2:1: warning: a whole domain is written *@example.org [list-line]\n"
        "@example.org\n"
        "^~~~~~~~~~~~\n"
        "rules: sound; 1 rule\n"
    )
    assert check.run(["--json", "rules"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert [(warning["lint"], warning["file"], warning["line"], warning["column"]) for warning in warnings] == [
        ("late-flag", "rules", 2, 34),
        ("list-line", "foes.txt", 2, 1),
    ]


def test_so_many_lines_of_a_list_file_are_told_and_no_more(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "rules").write_text('list foes from "foes.txt"\nrule when from in foes { discard }\n')
    (home / "foes.txt").write_text("\n@example.org\n" * 100_000)
    assert check.run(["--json", "rules"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert [warning["line"] for warning in warnings] == [*range(2, 202, 2), 201]
    assert warnings[-1]["text"].startswith("no more lines were looked at")


def test_a_list_in_a_home_directory_is_not_looked_for_in_the_systems_rules(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "rules").write_text('list foes from "~/foes.txt"\nrule when from in foes { discard }\n')
    assert check.run(["--json", "--phase", "before", "rules"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []
    assert check.run(["--json", "rules"]) == 0
    assert [found["lint"] for found in json.loads(capsys.readouterr().out)["warnings"]] == ["list-file"]


def test_what_the_administrator_does_not_allow_is_a_warning(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pydeliver.config.CONFIG_FILE", str(home / "pydeliver.toml"))
    (home / "pydeliver.toml").write_text('run = ["/usr/bin/grep"]\n')
    (home / "rules").write_text('rule when run ["judge"] succeeds { keep }\n')
    assert check.run(["rules"]) == 0
    assert capsys.readouterr().out == (
        "rules:1:11: warning: the administrator allows run for /usr/bin/grep only [refused]\n"
        'rule when run ["judge"] succeeds { keep }\n'
        "          ^~~~~~~~~~~~~~~~~~~~~~\n"
        "hint: a rule that comes here keeps the message in the inbox\n"
        "rules: sound; 1 rule\n"
    )
