"""The manual and the README, against the code: what they name exists, what exists they name, their examples run.

In the pages a list item that begins with `Ic` names words of the language or
settings, `Fl` options, `Va` members of JSON.  A comment before a block says
what the block is: `example: rules` (a rule file that is sound), `file NAME` and
`append NAME` (a file of the session), `shell` (commands after `$ `, and what
they print).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pydeliver import config, flags, limits, plan, vocabulary
from pydeliver.cli import help as help_command
from pydeliver.cli import main, options
from pydeliver.engine.trial import run_tests
from pydeliver.rules.check import check
from pydeliver.rules.compile import compile_rules
from pydeliver.rules.native.parse import parse
from pydeliver.rules.source import Source
from tests.conftest import skip_or_fail
from tests.wheel import ROOT

PAGES = sorted((ROOT / "man").glob("*.[1-8]"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
_ESCAPES = {r"\e": "\\", r"\&": "", r"\(aq": "'", r"\(ga": "`", r"\(ti": "~", r"\(ha": "^", r"\(dq": '"'}
_MACROS = ("Ar", "Op", "Oo", "Oc", "Pa", "Cm", "Li", "Ns", "No", "Pq", "Qq", "Fl", "Va", "Ic")


def decoded(text: str) -> str:
    return re.sub(r"\\(?:e|&|\(..)", lambda escape: _ESCAPES[escape[0]], text)


def page(name: str) -> list[str]:
    return (ROOT / "man" / name).read_text(encoding="utf-8").splitlines()


def section(name: str, title: str) -> list[str]:
    """The lines of a section or subsection, without those of its subsections."""
    lines = page(name)
    for kind in ("Sh", "Ss"):
        if f".{kind} {title}" in lines:
            rest = lines[lines.index(f".{kind} {title}") + 1 :]
            end = [number for number, line in enumerate(rest) if line.startswith((".Sh", ".Ss"))]
            return rest[: end[0]] if end else rest
    raise AssertionError(f"{name} has no section {title}")


def named(lines: list[str], macro: str) -> set[str]:
    """What stands behind `macro` at the beginning of list items: the arguments up to another macro or brace."""
    found = set()
    for line in lines:
        if not line.startswith(f".It {macro} "):
            continue
        for quoted, bare in re.findall(r'"([^"]+)"|(\S+)', line.removeprefix(f".It {macro} ")):
            if bare in _MACROS:
                break
            found.add(decoded(quoted or bare))
    return found - {","}


def items(lines: list[str]) -> set[str]:
    return {line.removeprefix(".It ") for line in lines if line.startswith(".It ")}


def words(lines: list[str]) -> set[str]:
    """The same, words that belong together joined by blanks: `starts with , ends with` are two."""
    found = set()
    for line in lines:
        if line.startswith((".It Ic ", ".Ic ")):
            phrase = re.split(r" (?:%s) " % "|".join(_MACROS), line.partition("Ic ")[2] + " ")[0]  # noqa: UP031
            found |= {decoded(word.strip().rstrip(" ,")) for word in phrase.split(" , ")}
    return found - {""}


def built(table: dict[str, object]) -> set[str]:
    return {word for word, row in table.items() if not _later(row)}


def later(table: dict[str, object]) -> set[str]:
    return {word for word, row in table.items() if _later(row)}


def _later(row: object) -> str:
    return row if isinstance(row, str) else str(getattr(row, "later", ""))


# ---------------------------------------------------------------- the words of the language

RC = "pydeliverrc.5"
PARTS = {*vocabulary.ADDRESS_PARTS, *vocabulary.TEXT_PARTS, *vocabulary.PICKS}
WORDS = [
    ("Fields", {*built({**vocabulary.FIELDS}), "header"}),
    ("Parts", PARTS),
    ("Comparisons", built({**vocabulary.OPERATORS})),
    ("Questions", built({**vocabulary.FACTS})),
    ("ACTIONS AND STATEMENTS", built({**vocabulary.ACTIONS})),
    ("Statements", {*vocabulary.STATEMENTS} - {"when", "else"}),
    ("TESTS", built({**vocabulary.TEST_LINES})),
    ("SETTINGS AND DEFINITIONS", built({**vocabulary.SETTINGS, **vocabulary.DEFINITIONS}) | {"set"}),
]


@pytest.mark.parametrize(("title", "expected"), WORDS, ids=[title for title, _ in WORDS])
def test_the_manual_names_the_words_there_are(title: str, expected: set[str]) -> None:
    items_only = [line for line in section(RC, title) if line.startswith(".It Ic ")]
    assert words(items_only) == expected


def test_every_filter_is_named() -> None:
    found = {word.partition(":")[0] for word in words([x for x in section(RC, "TEXTS") if x.startswith(".It Ic ")])}
    assert found == set(vocabulary.FILTERS)


def test_every_limit_a_rule_file_can_set_is_named() -> None:
    found = set(re.findall(r"limits\.(\w+)", "\n".join(section(RC, "SETTINGS AND DEFINITIONS"))))
    assert found == set(vocabulary.RULE_LIMITS)


def test_the_system_flags_are_named() -> None:
    found = set(re.findall(r"^\.Li (\\e\w+) ,$", "\n".join(section(RC, "ACTIONS AND STATEMENTS")), re.MULTILINE))
    assert {decoded(flag) for flag in found} == set(flags.SYSTEM_FLAGS)


def test_every_rule_set_has_its_paragraph() -> None:
    shipped = {f"Pa {path.name}" for path in (ROOT / "rules").iterdir()}
    assert items(section(RC, "RULE SETS")) == shipped


LATER = [
    ("fields", later({**vocabulary.FIELDS})),
    ("questions", later({**vocabulary.FACTS})),
    ("comparisons", later({**vocabulary.OPERATORS})),
    (
        "actions",
        later({**vocabulary.ACTIONS})
        | {f"{word} {name}" for word, row in vocabulary.ACTIONS.items() for name, _ in row.later_arguments},
    ),
    ("definitions", later({**vocabulary.DEFINITIONS})),
    ("in tests", later({**vocabulary.TEST_LINES})),
]


@pytest.mark.parametrize(("kind", "expected"), LATER, ids=[kind for kind, _ in LATER])
def test_words_that_come_later_are_listed_as_such(kind: str, expected: set[str]) -> None:
    lines = section(RC, "WORDS THAT COME LATER")
    after = lines[lines.index(f".It {kind}") + 1 :]
    end = next(number for number, line in enumerate(after) if not line.startswith(".Ic "))
    assert words(after[:end]) == expected


def test_no_word_is_both_built_and_to_come() -> None:
    come = set().union(*[expected for _, expected in LATER])
    assert come & set().union(*[expected for _, expected in WORDS]) == set()


MET = {  # limits a user can meet: in the manual with their number
    *("INCLUDES", "INCLUDE_NESTING", "LIST_FILE_OCTETS", "LIST_ENTRY_OCTETS"),
    *("RULE_FILE_OCTETS", "NESTING", "MISTAKES", "STEPS", "FACTS", "LOOP_NESTING", "TURNS", "FORKS", "EDITS"),
    *("ARGUMENT_CHARACTERS", "OUTPUT_OCTETS"),
    *("TEXT_CHARACTERS", "MAILBOX_LEVEL_CHARACTERS", "KEYWORD_CHARACTERS"),
    *("REDIRECTS", "REDIRECT_HOPS"),
    *("HEADER_OCTETS", "HEADER_FIELDS", "ADDRESSES", "ENCODED_WORDS"),
    *("MIME_DEPTH", "MIME_PARTS", "MIME_HEADER_OCTETS", "PARAMETERS", "FILE_NAME_OCTETS"),
    *("PART_TEXT_OCTETS", "MESSAGE_TEXT_OCTETS", "HTML_TAGS"),
}
UNMET = {  # bounds on attacks and on waiting, and those told elsewhere in the manual
    "LIST_OCTETS_READ",
    *("NUMBER_MAGNITUDE", "PATTERN_MEMORY", "MAILBOX_NAME_OCTETS", "NEW_MAILBOXES", "CHARACTERS_PER_STEP"),
    "INDEXED_BRANCHES",
    "SPOOLED_OCTETS",
    *("KEYWORD_LOCK_WAIT", "KEYWORD_LOCK_STALE", "DEADLINE", "NOTICES_PER_DAY"),
    *("RETRY_RECORD_AGE", "RETRY_RECORD_OCTETS", "SENDER_CHARACTERS", "SENDMAIL_SECONDS"),
    *("MAILBOX_LOCK_WAIT", "SEQUENCE_LOCK_WAIT", "DOT_LOCK_STALE", "MH_NUMBER"),
    *("COMPLAINT_OCTETS", "PROGRAM_SECONDS", "REWRITE_OCTETS", "STORING_SECONDS"),
}


def test_every_limit_is_known_here() -> None:
    assert {name for name in vars(limits) if name.isupper() and name != "TYPE_CHECKING"} == MET | UNMET


def test_limits_a_user_can_meet_are_told_with_their_number() -> None:
    told = [line.removeprefix(".It ") for line in section(RC, "LIMITS") if line.startswith(".It ")]
    assert sorted([int(number) for number in told]) == sorted([getattr(limits, name) for name in MET])


def test_deadline_and_notices_are_told_with_their_number() -> None:
    assert f"deadline of {limits.DEADLINE} seconds" in " ".join(page("pydeliver.1"))
    assert f"at most {limits.NOTICES_PER_DAY} notices a day" in " ".join(page("pydeliver.1"))


# ---------------------------------------------------------------- the command line, settings, statuses


def test_every_option_is_in_the_manual() -> None:
    known = {*options.WITH_ARGUMENT, *options.TEST_WITH_ARGUMENT, *options.TEST_FLAGS, *options.MODES, "--version"}
    known |= {*options.MEANINGLESS, *options.MEANINGLESS_WITH_ARGUMENT}
    assert {f"-{option}" for option in named(section("pydeliver.1", "OPTIONS"), "Fl")} == known


def test_every_option_is_in_the_help() -> None:
    known = {*options.WITH_ARGUMENT, *options.TEST_WITH_ARGUMENT, *options.TEST_FLAGS, "--version"}
    shown = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", help_command.TEXT))
    assert known <= shown
    assert shown - known == {"--phase"}


def test_every_option_of_check_is_in_its_manual(capsys: pytest.CaptureFixture[str]) -> None:
    from pydeliver.cli import check as check_command

    assert check_command.run(["--help"]) == 0
    known = set(re.findall(r"^ +(?:-h, )?(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    told = {f"-{option}" for option in named(section("pydeliver-check.1", "DESCRIPTION"), "Fl")}
    assert told == known | {"-h"}


def test_every_option_and_member_of_show_is_in_its_manual(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from pydeliver.cli import show as show_command

    lines = section("pydeliver-show.1", "DESCRIPTION")
    assert show_command.run(["--help"]) == 0
    known = set(re.findall(r"^ +(?:-h, )?(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert {f"-{option}" for option in named(lines, "Fl")} == known | {"-h"}
    (tmp_path / "message").write_text("From: a@b\n\n", encoding="utf-8")
    assert show_command.run(["--json", str(tmp_path / "message")]) == 0
    shown = json.loads(capsys.readouterr().out)
    (field,), (part,) = shown["fields"], shown["parts"]
    members = {*shown, *field, *field["addresses"][0], *part, "mailparser_error"}
    assert set(re.findall(r"^\.Va (\w+)", "\n".join(lines), re.MULTILINE)) == members


def test_every_warning_is_in_the_manual() -> None:
    assert named(section("pydeliver-check.1", "DESCRIPTION"), "Cm") == set(vocabulary.LINTS)


def test_every_command_has_a_page_and_is_in_the_synopsis() -> None:
    synopsis = "\n".join(section("pydeliver.1", "SYNOPSIS"))
    assert set(re.findall(r"^\.Cm (\w+)", synopsis, re.MULTILINE)) == set(main.COMMANDS)
    pages = {"serve": "pydeliverd.8"}
    for command in main.COMMANDS:
        assert (ROOT / "man" / pages.get(command, f"pydeliver-{command}.1")).is_file()


def test_every_setting_is_in_the_manual_with_its_default() -> None:
    told = {}
    for line in section("pydeliver.toml.5", "SETTINGS"):
        if line.startswith(".It Ic "):
            name, default = line.removeprefix(".It Ic ").split(" Pq default: ")
            told[name] = decoded(default.removeprefix("Qq "))
    assert told == {
        name: str(row.default).replace("True", "true").replace("False", "false")
        for name, row in config.SETTINGS.items()
    }


def test_every_exit_status_is_in_the_manual() -> None:
    delivery, _, command = "\n".join(section("pydeliver.1", "EXIT STATUS")).partition("\n.Pp\n")
    assert items(delivery.splitlines()) == {str(status.number) for status in vocabulary.EXIT_STATUSES}
    assert items(command.splitlines()) == {"0", "1", "64"}
    for page_name in ("pydeliver-check.1", "pydeliver-show.1"):
        assert items(section(page_name, "EXIT STATUS")) == {"0", "1", "64"}


def test_members_of_the_plan_are_in_the_manual() -> None:
    lines = section("pydeliver.1", "THE PLAN")
    assert named(lines, "Va") == {*plan.Plan("keep", ()).as_data(), "message", "trace", "notices"}
    members = set(re.findall(r"^\.Va (\w+)", "\n".join(lines), re.MULTILINE))
    action = set(_action_members())
    arguments = {
        name
        for row in vocabulary.ACTIONS.values()
        if not row.later
        for name, _ in row.arguments
        if name not in (*dict(row.later_arguments), "create")
    }
    assert members == (action | arguments)


def _action_members() -> Iterator[str]:
    (action,) = json.loads(plan.Plan("keep", (plan.Action("keep"),)).as_json())["actions"]
    yield from action


# ---------------------------------------------------------------- standards and style


def rfcs(text: str) -> set[str]:
    return set(re.findall(r"RFC (\d{4})", text))


def test_every_rfc_the_code_cites_is_in_the_manual() -> None:
    sources = [path for ending in ("*.py", "*.c", "*.lark") for path in (ROOT / "pydeliver").rglob(ending)]
    cited = set().union(*[rfcs(path.read_text(encoding="utf-8")) for path in sources])
    listed = set().union(*[rfcs("\n".join(section(path.name, "STANDARDS"))) for path in PAGES])
    assert listed == cited


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_the_sections_a_reader_looks_for(path: Path) -> None:
    titles = [line.removeprefix(".Sh ") for line in page(path.name) if line.startswith(".Sh ")]
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO", "STANDARDS"):
        assert title in titles


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_mandoc_has_nothing_to_say(path: Path) -> None:
    if shutil.which("mandoc") is None:
        skip_or_fail("mandoc is not installed")
    said = subprocess.run(["mandoc", "-Tlint", str(path)], capture_output=True, text=True).stdout.splitlines()
    assert [line for line in said if "referenced manual not found" not in line] == []


def test_pages_refer_to_pages_that_exist() -> None:
    for path in PAGES:
        for name, number in re.findall(r"^\.Xr (pydeliver\S*) (\d)", "\n".join(page(path.name)), re.MULTILINE):
            assert (ROOT / f"man/{name}.{number}").is_file(), f"{path.name}: {name}({number})"


# ---------------------------------------------------------------- examples


def examples(name: str) -> Iterator[tuple[str, str, int]]:
    """Each marked block of a page: what it is, its text, its line."""
    lines = page(name)
    for number, line in enumerate(lines):
        if line.startswith('.\\" example: '):
            assert lines[number + 1].startswith(".Bd -literal"), f"{name}:{number + 1}"
            end = lines.index(".Ed", number)
            text = "\n".join(lines[number + 2 : end]) + "\n"
            yield line.removeprefix('.\\" example: '), decoded(text), number + 1


RULE_EXAMPLES = [
    pytest.param(text, id=f"{path.name}:{line}")
    for path in PAGES
    for kind, text, line in examples(path.name)
    if kind == "rules"
]


@pytest.mark.parametrize("text", RULE_EXAMPLES)
def test_rules_in_the_manual_are_sound_and_their_tests_pass(text: str) -> None:
    rules = parse(Source("example", text))
    check(rules)
    for trial in run_tests(rules, compile_rules(rules)):
        assert trial.expected == trial.found, trial.name


def test_the_manual_shows_enough_rules() -> None:
    assert len(RULE_EXAMPLES) >= 8


def play(session: str, home: Path, binaries: Path) -> str:
    """Run the commands of a session; return it with what they really print."""
    environment = {"PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(home), "LOGNAME": "ann", "LC_ALL": "C.UTF-8"}
    played = []
    for line in session.splitlines():
        if line.startswith("$ "):
            ran = subprocess.run(
                ["sh", "-c", line[2:]],
                cwd=home,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            played += [line, *ran.stdout.replace(str(home), "/home/ann").splitlines()]
    return "\n".join(played) + "\n"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_sessions_in_the_manual_print_what_it_says(path: Path, tmp_path: Path, installed: Path) -> None:
    os.umask(0o022)
    shutil.copytree(ROOT / "rules", tmp_path / "rules", copy_function=shutil.copyfile)
    for kind, text, _ in examples(path.name):
        what, _, name = kind.partition(" ")
        if what in ("file", "append"):
            with open(tmp_path / name, "a" if what == "append" else "w", encoding="utf-8") as file:
                file.write(text)
        elif what == "shell":
            assert play(text, tmp_path, installed) == text


# ---------------------------------------------------------------- coming from procmail

FROM_PROCMAIL = "pydeliver-from-procmail.7"
SCENARIOS = ROOT / "examples/scenarios"


def test_scenarios_in_the_manual_are_as_they_run() -> None:
    for kind, text, line in examples(FROM_PROCMAIL):
        what, _, name = kind.partition(" ")
        assert what == "scenario"
        assert text in (SCENARIOS / name).read_text(encoding="utf-8"), f"{FROM_PROCMAIL}:{line}"


def test_every_scenario_is_in_the_manual_beside_procmail_s_form() -> None:
    shown = [kind.partition(" ")[2] for kind, _, _ in examples(FROM_PROCMAIL)]
    rules = [name for name in shown if name.endswith(".rules")]
    assert sorted(rules) == sorted([path.name for path in SCENARIOS.glob("*.rules")])
    for name in rules:  # each pair stands together, procmail's form first
        assert shown[shown.index(name) - 1] == name.replace(".rules", ".procmailrc")


def test_every_flag_of_procmail_is_told() -> None:
    told = re.findall(r":0 ([a-zA-Z])(?![\w])", "\n".join(section(FROM_PROCMAIL, "The first line")))
    assert set(told) == set("HBDAaEehbfcwWir")


def test_what_procmail_has_and_we_have_not_yet_is_to_come() -> None:
    come = set().union(*[expected for _, expected in LATER])
    lines = [line for line in section(FROM_PROCMAIL, "WHAT COMES LATER") if line.startswith(".Ic ")]
    assert words(lines) <= come


# ---------------------------------------------------------------- README


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_example_of_the_readme_runs(tmp_path: Path, installed: Path) -> None:
    (rules,), (message,), (session,) = blocks("rules"), blocks("eml"), blocks("console")
    os.umask(0o022)
    (tmp_path / ".pydeliverrc").write_text(rules, encoding="utf-8")
    (tmp_path / "message.eml").write_text(message, encoding="utf-8")
    assert play(session, tmp_path, installed) == session


def test_the_readme_names_files_and_make_targets_that_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in set(re.findall(r"make (demo|test|install|torture|bench)\b", README)):
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name
    assert {"demo", "test", "install"} <= set(re.findall(r"make (\w+)", README))


def test_the_readme_begins_with_what_a_fresh_debian_needs() -> None:
    commands = [line for line in "".join(blocks("sh")).splitlines() if line]
    assert commands[0] == "sudo apt-get install -y git make gcc libc6-dev python3-venv"
    assert [line.split("#")[0].strip() for line in commands[1:3]] == ["make demo", "make test"]
