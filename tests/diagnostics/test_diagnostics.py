"""Wrong rule files, and the whole of what is said of each.

`NN-name.rules` stands beside `NN-name.txt`, its report; what they include is in
`included/`.  To write the reports
anew, run with PYDELIVER_WRITE_REPORTS=1, and read every one: a report is good
when somebody who has never seen the language knows what to change.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pydeliver.rules.check import check
from pydeliver.rules.load import read_rules
from pydeliver.rules.source import RuleError, Source

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.rules"))
WRITE = os.environ.get("PYDELIVER_WRITE_REPORTS") == "1"


def report(path: Path) -> str:
    """Return what is said of a wrong file, by the parser or, if it has nothing to say, by check."""
    source = Source(path.name, path.read_bytes().decode("utf-8"), str(path))
    try:
        check(read_rules(source), "after" if path.stem.endswith("-after-rules") else "user")
    except RuleError as error:
        return f"{error}\n"
    return "nothing is wrong\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_report_of_a_wrong_file(path: Path) -> None:
    expected = path.with_suffix(".txt")
    told = report(path)
    if WRITE:
        expected.write_text(told, encoding="utf-8", newline="")
    assert told == expected.read_bytes().decode("utf-8")
    assert told != "nothing is wrong\n"


def test_there_are_enough_of_them() -> None:
    """At least thirty files that the parser refuses, with twenty different messages."""
    texts = "\n".join([path.with_suffix(".txt").read_text(encoding="utf-8") for path in FILES])
    messages = re.findall(r"^[^ \n]+\.rules:\d+:\d+: (.*)$", texts, re.MULTILINE)
    assert len(FILES) >= 30
    assert len({re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "…", message) for message in messages}) >= 25


def test_no_report_is_without_its_file() -> None:
    assert {path.stem for path in HERE.glob("*.txt")} == {path.stem for path in FILES}
