"""Includes: other files' items in the place of the `include`, and a compiled copy that is of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pydeliver import limits
from pydeliver.engine.evaluate import evaluate
from pydeliver.engine.explain import explain
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message
from pydeliver.plan import Plan
from pydeliver.rules import load
from pydeliver.rules.load import Files, Loaded, Origin, load_rules, read_rules
from pydeliver.rules.source import RuleError, Source

ENVELOPE = Envelope("bob@example.net", "ann@example.org")
WHOLE = {
    "rules": 'rule "One" when size > 1M { file "Big" }\ninclude "more/lists.rules"\nrule "Three" { file "Rest" }\n',
    "more/lists.rules": 'list friends = ["bob@example.net"]\n\ninclude "two.rules"\n',
    "more/two.rules": '# Two\nrule "Two"\nwhen from in friends {\n    also file "Friends"\n}\naddresses ["ann@x"]\n',
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o755)
    yield tmp_path
    tmp_path.chmod(0o755)


def write(home: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)


def load_here(home: Path, may_store: bool = True) -> Loaded:
    return load_rules(Origin(str(home / "rules"), "rules", home=str(home)), str(home / "copy"), may_store)


def decided(loaded: Loaded, trace: list[object] | None = None) -> Plan:
    assert loaded.program is not None, loaded.problem
    plan = evaluate((("user", loaded.program),), Message(b"From: bob@example.net\n\n"), ENVELOPE, {}, trace)
    assert isinstance(plan, Plan)
    return plan


def compilations(monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[[], int]:
    """Load once more, and say how often that compiled."""
    compiled: list[str] = []
    compile_text = load.compile_text

    def count(*arguments: object) -> object:
        compiled.append("")
        return compile_text(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(load, "compile_text", count)

    def loads() -> int:
        del compiled[:]
        load_here(home)
        return len(compiled)

    return loads


def test_an_action_says_which_file_it_came_from(home: Path) -> None:
    write(home, WHOLE)
    for _ in range(2):  # compiled, and from the copy
        plan = decided(load_here(home))
        assert str(plan).splitlines() == [
            'also file "Friends"    rule "Two", more/two.rules:4',
            'file "Rest"            rule "Three", rules:3',
        ]
        assert [action["file"] for action in plan.as_data()["actions"]] == ["more/two.rules", "rules"]  # type: ignore[union-attr,index,call-overload]


def test_the_trace_says_which_file_a_rule_is_in(home: Path) -> None:
    write(home, {**WHOLE, "more/two.rules": 'rule "Stop" { stop }\nrule "After" { keep }\n'})
    loaded = load_here(home)
    trace: list[object] = []
    plan = decided(loaded, trace)
    assert loaded.program is not None
    lines = explain(trace, (("user", loaded.program),), plan, ENVELOPE)
    assert 'rule "Stop", more/two.rules:1' in lines
    assert any([line.startswith('rule "After", more/two.rules:2: not tried') for line in lines])
    assert any([line.startswith('rule "Three", rules:3: not tried') for line in lines])


def test_settings_of_an_included_file_are_the_files_own(home: Path) -> None:
    write(home, WHOLE)
    program = load_here(home).program
    assert program is not None
    assert program.setting("addresses") == ("ann@x",)


def test_a_file_is_included_once(home: Path) -> None:
    write(home, {"rules": 'include "a"\ninclude "./a"\ninclude "~/a"\ninclude "link"\n', "a": "rule { log 'a' }\n"})
    (home / "link").symlink_to("a")
    program = load_here(home).program
    assert program is not None
    assert program.files == ("a",)


@pytest.mark.parametrize(
    ("files", "way"),
    [
        ({"rules": 'include "rules"'}, "rules → rules"),
        ({"rules": 'include "a"', "a": 'include "b"', "b": 'include "rules"'}, "rules → a → b → rules"),
        ({"rules": 'include "a"', "a": 'include "b"', "b": 'include "a"'}, "a → b → a"),
    ],
)
def test_a_loop_is_a_mistake_that_shows_the_way(home: Path, files: dict[str, str], way: str) -> None:
    write(home, files)
    assert f"this file includes itself: {way}" in load_here(home).problem


def test_a_loop_by_a_link_is_seen(home: Path) -> None:
    write(home, {"rules": 'include "link"'})
    (home / "link").symlink_to("rules")
    assert "this file includes itself: rules → link" in load_here(home).problem


def test_mistakes_of_every_file_are_told_at_once_each_on_its_own_text(home: Path) -> None:
    write(home, {"rules": 'include "a"\ninclude "b"\n', "a": "rulle\n", "b": "\nrule { fille }\n"})
    with pytest.raises(RuleError) as raised:
        read_rules(Source("rules", (home / "rules").read_text(), str(home / "rules")))
    assert [mistake.source.name for mistake in raised.value.mistakes if mistake.source] == ["a", "b"]
    assert "a:1:1: unknown word 'rulle'\nrulle\n^~~~~" in str(raised.value)
    assert "b:2:8: unknown action 'fille'\nrule { fille }\n       ^~~~~" in str(raised.value)


def test_a_change_in_any_file_compiles_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, WHOLE)
    load_here(home)
    loads = compilations(monkeypatch, home)
    assert loads() == 0
    for name in WHOLE:
        (home / name).write_text(WHOLE[name] + "#\n")
        assert (name, loads(), loads()) == (name, 1, 0)
    (home / "more/two.rules").unlink()
    assert (loads(), loads()) == (1, 0), "that it is missing is remembered"
    (home / "more/two.rules").write_text(WHOLE["more/two.rules"])
    assert (loads(), loads()) == (1, 0)


def test_a_file_that_goes_wrong_leaves_the_last_good_rules(home: Path) -> None:
    write(home, WHOLE)
    good = load_here(home).program
    for spoil in (Path.unlink, lambda path: path.write_text("rulle\n"), lambda path: path.chmod(0o666)):
        spoil(home / "more/two.rules")
        for _ in range(2):
            loaded = load_here(home)
            assert (loaded.program, loaded.is_last_good) == (good, True)
            assert "two.rules" in loaded.problem
        write(home, WHOLE)
        (home / "more/two.rules").chmod(0o644)
        mended = load_here(home)
        assert (mended.program, mended.problem, mended.is_last_good) == (good, "", False)


def writable(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


WRONG_FILES: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing", lambda path: None, "there is no such file"),
    ("a directory", Path.mkdir, "it is not a plain file"),
    ("a FIFO", os.mkfifo, "it is not a plain file"),
    ("a device", lambda path: path.symlink_to("/dev/zero"), "it is not a plain file"),
    ("a link to nothing", lambda path: path.symlink_to("nothing"), "it is a link to nothing"),
    ("writable", writable, "others can write it"),
    ("too large", lambda path: path.write_bytes(b"#" * (limits.RULE_FILE_OCTETS + 1)), "larger than"),
    ("large beside the others", lambda path: path.write_bytes(b"#" * limits.RULE_FILE_OCTETS), "with this file"),
    ("no text", lambda path: path.write_bytes(b"\xff"), "part:1:1: this is not UTF-8"),
]


@pytest.mark.parametrize(("make", "reason"), [pytest.param(m, r, id=title) for title, m, r in WRONG_FILES])
def test_an_included_file_is_read_as_carefully_as_the_first(
    home: Path, make: Callable[[Path], object], reason: str
) -> None:
    write(home, {"rules": 'include "part"\n'})
    make(home / "part")
    loaded = load_here(home)
    assert loaded.program is None
    assert reason in loaded.problem
    assert "part" in loaded.problem


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to be a second uid")
def test_an_included_file_of_another_owner_is_not_read(home: Path) -> None:
    write(home, {"rules": 'include "part"\n', "part": ""})
    os.chown(home / "part", 65534, 65534)
    assert "part: it belongs to another user (uid 65534)" in load_here(home).problem


def test_so_many_files_are_included_and_no_more(home: Path) -> None:
    names = [f"part{number}" for number in range(limits.INCLUDES + 1)]
    write(home, {"rules": "".join([f'include "{name}"\n' for name in names]), **dict.fromkeys(names, "")})
    assert f"rules:{limits.INCLUDES + 1}:9: more than {limits.INCLUDES} files" in load_here(home).problem
    write(home, {"rules": "".join([f'include "{name}"\n' for name in names[:-1]])})
    assert load_here(home).problem == ""


def test_tests_of_an_included_file_are_its_own(home: Path) -> None:
    """They may be wrong, and they do not run: that is told when the file itself is checked."""
    write(home, {"rules": 'include "part"\n', "part": 'test "t" { expect keep }\n'})
    assert load_here(home).problem == ""


def test_the_home_directory_means_nothing_in_the_systems_rules(home: Path) -> None:
    write(home, {"rules": 'include "~/part"\n', "part": ""})
    assert "belong to no home directory" in load_rules(Origin(str(home / "rules"), phase="before")).problem
    assert load_here(home).problem == ""


def test_the_systems_rules_include_files_too(home: Path) -> None:
    write(home, {"rules": 'include "part"\n', "part": 'rule "R" { also file "A" }\n'})
    for phase in ("before", "after"):
        program = load_rules(Origin(str(home / "rules"), phase=phase), str(home / phase)).program
        assert program is not None
        assert program.files == (str(home / "part"),)


def test_a_copy_of_another_directory_is_none(home: Path) -> None:
    """The same text elsewhere includes other files."""
    write(home, {"a/rules": 'include "part"', "a/part": "rule { log 'a' }"})
    write(home, {"b/rules": 'include "part"', "b/part": "rule { log 'b' }"})
    for name in ("a", "b"):
        found = load_rules(Origin(str(home / name / "rules"), "rules"), str(home / "copy")).program
        assert found is not None
        assert [instruction[2] for instruction in found.code if instruction[0] == "act"] == [
            (("text", ("text", name)),)
        ]


def test_a_copy_is_the_same_where_the_home_has_moved(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of the files there, though those of the old home are there still."""
    write(home, {"old/rules": 'include "part"\nlist l from "l.txt"\nrule when from in l { keep }', "old/part": "# 1\n"})
    write(home, {"new/rules": (home / "old/rules").read_text(), "new/part": "# 1\n"})

    def program_at(name: str) -> object:
        origin = Origin(str(home / name / "rules"), "rules", home=str(home / name))
        return load_rules(origin, str(home / "copy")).program

    old = program_at("old")
    assert old is not None
    assert old.lists == ("~/l.txt",)  # type: ignore[attr-defined]
    monkeypatch.setattr(load, "compile_text", lambda *_: pytest.fail("compiled again"))
    assert program_at("new") == old
    (home / "new/part").write_text("# 2\n")
    with pytest.raises(pytest.fail.Exception):
        program_at("new")


def test_files_are_remembered_as_they_were_found(home: Path) -> None:
    write(home, {"part": "x"})
    files = Files(str(home))
    assert files.read("~/part", "part") == Source("part", "x", "~/part")
    assert files.found == {"~/part": b"x"}
    assert files.identity("~/part") == files.identity(f"{home}/./part")
