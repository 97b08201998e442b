"""Rule files that are sound and hardly meant, and the whole of what is said of each.

`NN-name.rules` stands beside `NN-name.txt`; what they include and ask is in
`included/`.  To write the reports anew, run with PYDELIVER_WRITE_REPORTS=1, and
read every one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pydeliver import vocabulary
from pydeliver.cli.check import look_at_list
from pydeliver.delivery.commands import restriction
from pydeliver.rules.lint import lint
from pydeliver.rules.load import read_rules
from pydeliver.rules.source import Source, draw
from tests.wheel import ROOT

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.rules"))
WRITE = os.environ.get("PYDELIVER_WRITE_REPORTS") == "1"


def allowed(word: str, program: str) -> str:
    return ""


def refusal(word: str, program: str) -> str:
    settings: dict[str, str | tuple[str, ...]] = {
        "run": ("/usr/bin/grep", "/home/ann/bin/judge"),
        "rewrite": "refused",
        "redirect": "refused",
    }
    return restriction(settings, "/home/ann", word, (program,))


def report(path: Path) -> str:
    source = Source(path.name, path.read_text(encoding="utf-8"), str(path))
    found = lint(read_rules(source), look_at_list, refusal if "refused" in path.stem else allowed)
    return "".join([f"{draw(one.told.source or source, one.told, f'{one.name}: ')}\n" for one in found])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_said_of_a_file(path: Path) -> None:
    expected = path.with_suffix(".txt")
    told = report(path)
    if WRITE:
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8")


def test_each_lint_has_its_file() -> None:
    told = "".join([path.with_suffix(".txt").read_text(encoding="utf-8") for path in FILES])
    assert set(re.findall(r"^\S+:\d+:\d+: ([a-z-]+): ", told, re.MULTILINE)) == set(vocabulary.LINTS)


@pytest.mark.parametrize("path", sorted([*ROOT.glob("rules/*.rules"), *ROOT.glob("examples/*.rules")]), ids=str)
def test_nothing_is_said_of_what_we_ship(path: Path) -> None:
    """Their list files are the reader's to make."""
    assert lint(read_rules(Source(path.name, path.read_text(encoding="utf-8"), str(path)))) == ()
