"""A token left out: the file is still valid, or the mistake is told within a line of the gap.

Run with `-s` to see the counts.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pydeliver.rules.native.parse import _parser, parse
from pydeliver.rules.source import RuleError, Source

ROOT = Path(__file__).parents[3]
FILES = [*sorted((Path(__file__).parent / "files").glob("*.rules")), *sorted((ROOT / "rules").glob("*.rules"))]
TERMINALS = frozenset(terminal.name.lstrip("_") for terminal in _parser().terminals)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_deleting_each_token(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = _parser().parse_interactive(text).exhaust_lexer()
    valid = 0
    for token in tokens:
        start, end = token.start_pos, token.end_pos
        assert start is not None
        assert end is not None
        source = Source(path.name, text[:start] + text[end:])
        try:
            parse(source)
            valid += 1
        except RuleError as error:
            _assert_near(error, source.line_of(start), str(token))
    print(f"\n{path.name}: {len(tokens)} deletions, {valid} valid, {len(tokens) - valid} told near the gap")
    assert len(tokens) - valid > valid


def _assert_near(error: RuleError, line: int, token: str) -> None:
    (mistake,) = error.mistakes
    assert abs(error.source.line_of(mistake.span.start) - line) <= 1, f"without {token!r} of line {line}:\n{error}"
    told = re.sub(r"\"[^\"]*\"|'[^']*'", "", mistake.text)
    assert not set(re.findall(r"\b[A-Z]{2,}\b", told)) & TERMINALS, str(error)
