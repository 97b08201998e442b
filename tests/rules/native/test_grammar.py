"""The grammar: without conflicts, complete, and the same whether built or loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pydeliver.rules.native import grammar
from pydeliver.rules.native.parse import parse
from pydeliver.rules.native.words import WORDS
from pydeliver.rules.source import Source

FILES = sorted((Path(__file__).parent / "files").glob("*.rules"))


def test_the_grammar_has_no_conflict() -> None:
    """Without `strict` Lark resolves conflicts silently."""
    grammar.build_parser(strict=True)


def test_every_worked_file_of_the_design_parses(shared: Path) -> None:
    scenarios = sorted((shared / "design" / "scenarios").glob("*.rules"))
    assert len(scenarios) == 19
    for path in scenarios:
        assert parse(Source(path.name, path.read_text(encoding="utf-8"))).items


def test_the_complete_example_of_the_design_parses(shared: Path) -> None:
    example = (shared / "design" / "language.md").read_text(encoding="utf-8").split("```")[1]
    assert len(parse(Source("language.md", example)).items) == 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_our_own_files_parse(path: Path) -> None:
    assert parse(Source(path.name, path.read_text(encoding="utf-8"))).items


def test_our_own_files_use_every_word() -> None:
    text = "\n".join([path.read_text(encoding="utf-8") for path in FILES])
    missing = {word for word in WORDS if re.search(rf"(?<![\w-]){word.lower()}(?![\w-])", text) is None}
    assert missing == set()


def test_the_words_told_in_messages_are_those_of_the_grammar() -> None:
    text = (Path(grammar.__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    assert set(re.findall(r'^_?([A-Z]+)\.2: +"[a-z]+" _END$', text, re.MULTILINE)) == WORDS


def test_a_saved_parser_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = tmp_path / "parser.bin"
    grammar.save_parser(str(saved))
    monkeypatch.setattr(grammar, "_BUILT", str(saved))
    monkeypatch.delattr(grammar, "build_parser")
    text = FILES[0].read_text(encoding="utf-8")
    assert grammar.load_parser().parse(text).children


@pytest.mark.parametrize("content", [b"", b"pydeliver parser of another grammar\n\x80", None])
def test_a_parser_saved_from_another_grammar_is_not_unpickled(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "parser.bin"
    if content is not None:
        saved.write_bytes(content)
    monkeypatch.setattr(grammar, "_BUILT", str(saved))
    assert grammar.load_parser().parse("rule { keep }").children
