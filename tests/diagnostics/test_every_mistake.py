"""Each mistake that checking can tell stands in the report of a wrong file, and "not yet" of each later word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pydeliver import vocabulary
from pydeliver.rules import check, include, names, patterns

HERE = Path(__file__).parent
REPORTS = "\n".join([path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.txt"))])
TOLD = re.findall(r"^\S+\.rules:\d+:\d+: (.*)$", REPORTS, re.MULTILINE)

NOT_SEEN = {
    "this pattern is not valid: .*",  # a reason of RE2's that we have no words for
    "in this pattern a \\\\ stands alone at the end",  # the slash behind it would not end the pattern
    "in this pattern there is too much",  # takes a second to compile
    "matches takes a glob in quotes or a /regex/",  # the parser says so first, of this and the next ones
    "a list cannot stand here",
    "a /regex/ stands only after matches",
    "'.*' takes no /regex/",
    "a flag is a text",
    "unknown filter '|.*'",
    "this '.*' is .*",
    "more than .* files are included",  # takes as many files
}


def mistakes() -> Iterator[str]:
    """A regex for each text that is written out where a mistake is made."""
    for module in (check, include, names, patterns):
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = {"mistake": 2 if module is include else 1, "NameMistake": 0, "PatternMistake": 0}.get(
                called, len(node.args)
            )
            if place < len(node.args) and (text := as_regex(node.args[place])):
                yield text
    yield from ["in this pattern " + re.escape(text).replace(r"\{0\}", ".*") for _, text, _ in patterns._REASONS]
    yield from [re.escape(f"{name} is not possible in a pattern") for _, name, _ in patterns._UNSUPPORTED]


def as_regex(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join([as_regex(v) if isinstance(v, ast.Constant) else ".*" for v in node.values])
    return ""


@pytest.mark.parametrize("text", sorted(set(mistakes())))
def test_a_mistake_has_its_file(text: str) -> None:
    is_told = any([re.fullmatch(text, told) for told in TOLD])
    is_exempt = any([text == exempt or text.replace("\\", "") == exempt.replace("\\", "") for exempt in NOT_SEEN])
    assert is_told or is_exempt


LATER = [
    *[name for name, word in vocabulary.FIELDS.items() if word.later],
    *[name for name, word in vocabulary.FACTS.items() if word.later],
    *[name for name, word in vocabulary.OPERATORS.items() if word.later],
    *[name for name, word in vocabulary.ACTIONS.items() if word.later],
    *[f"file {name}" for name, _ in vocabulary.ACTIONS["file"].later_arguments],
    *[name for name, later in vocabulary.TEST_LINES.items() if later],
    *["check", "list … from table"],
]


@pytest.mark.parametrize("word", LATER)
def test_a_later_word_is_told_to_be_later(word: str) -> None:
    assert any([told.startswith(f"not yet: '{word}'") for told in TOLD])


def test_there_are_many_files_and_messages() -> None:
    assert len(list(HERE.glob("*.rules"))) >= 40
    assert len({re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "…", told) for told in TOLD}) >= 25
