"""The rule sets we ship: sound, and the same plan by dry run, by test block and by delivery.

One agreement runs on our own messages each time; the long one runs on the
shared corpora, every message with every set.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pydeliver import vocabulary
from pydeliver.cli import check as check_command
from pydeliver.cli import deliver as deliver_command
from pydeliver.cli import test as test_command
from pydeliver.engine.trial import run_tests
from pydeliver.mailbox.maildir import Maildir
from pydeliver.plan import from_data
from pydeliver.rules import ast
from pydeliver.rules.check import check, literal
from pydeliver.rules.compile import compile_rules
from pydeliver.rules.native.parse import parse
from pydeliver.rules.native.texts import read_sample
from pydeliver.rules.source import Source
from pydeliver.status import Status

ROOT = Path(__file__).resolve().parent.parent
SETS = sorted((ROOT / "rules").glob("*.rules"))
MTA_VARIABLES = ("SENDER", "RECIPIENT", "ORIGINAL_RECIPIENT", "EXTENSION", "CLIENT_ADDRESS", "SASL_USERNAME")
RECIPIENTS = ("you@example.org", "you+shop@example.org", "you+tea@example.org")
LIST_FILES = {"family": "*@family.example\nMum\n", "friends": "bob@example.net\n", "blocked": "eve@example.com\n"}
MAILBOXES = ("shop", "hold", "to/tea")  # which rules ask for
BATCH_CHARACTERS = 2_000_000  # of test blocks parsed at once

Data = dict[str, Any]


def parsed(path: Path) -> ast.RuleFile:
    return parse(Source(path.name, path.read_text(encoding="utf-8")))


def copied(path: Path, directory: Path) -> Path:
    """A copy that is taken as rules, whoever can write the tree that this is a clone of."""
    copy = Path(shutil.copyfile(path, directory / path.name))
    copy.chmod(0o600)
    return copy


def nodes(thing: object) -> Iterator[object]:
    """Every node of a syntax tree."""
    if isinstance(thing, tuple):
        for item in thing:
            yield from nodes(item)
    elif type(thing).__module__ == ast.__name__:
        yield thing
        for name in type(thing).__annotations__:
            yield from nodes(getattr(thing, name))


TO_BE_COPIED = {"priority"}  # a matter of taste, as it says at its head
INCLUDED = [path for path in SETS if path.stem not in TO_BE_COPIED]


def test_the_sets_there_are() -> None:
    assert [path.stem for path in SETS] == [
        "addresses",
        "archive",
        "attachments",
        "lists",
        "notifications",
        "paperwork",
        "people",
        "priority",
    ]


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_a_set_says_at_its_head_how_to_use_it(path: Path) -> None:
    head = path.read_text(encoding="utf-8").partition("\n\n")[0]
    assert all([line.startswith("#") for line in head.splitlines()])
    include = f'#     include "/opt/pydeliver/share/pydeliver/rules/{path.name}"\n'
    assert (include in head) == (path in INCLUDED)
    assert "copy it" in head or "copy what you like of it" in head


def test_all_sets_can_be_included_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No two of them give one name to two lists, and none sets what is the user's to set."""
    for path in INCLUDED:
        copied(path, tmp_path)
    includes = [f'include "{path.name}"\n' for path in INCLUDED]
    (tmp_path / "rules").write_text('addresses ["ann@example.org"]\n' + "".join(includes))
    assert check_command.run([str(tmp_path / "rules")]) == 0, capsys.readouterr().out


def test_a_set_that_is_included_never_stops_those_behind_it() -> None:
    stopping = [path.stem for path in SETS if ast.Stop in {type(node) for node in nodes(parsed(path).items)}]
    assert set(stopping) <= TO_BE_COPIED


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_a_set_is_sound_and_tests_itself(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = copied(path, tmp_path)
    assert check_command.run(["--json", str(copy)]) == 0, capsys.readouterr().out
    report = json.loads(capsys.readouterr().out)
    assert {warning["lint"] for warning in report["warnings"]} <= {"list-file"}  # files that are the user's to make
    assert len(report["tests"]) >= 6
    assert len({trial["name"] for trial in report["tests"]}) == len(report["tests"])


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_every_rule_of_a_set_has_a_name(path: Path) -> None:
    names = [rule.name for rule in nodes(parsed(path).items) if isinstance(rule, ast.Rule)]
    assert None not in names


# What names a program or an address is the user's to write, and a set adds nothing to a message.
THE_USERS = {"pipe", "rewrite", "redirect", "header add", "header set"}
ACTIONS = {word for word, row in vocabulary.ACTIONS.items() if not row.later} - THE_USERS


def test_together_the_sets_use_every_word_that_acts() -> None:
    """Every action we carry out, and every statement that steers."""
    found = [node for path in SETS for node in nodes(parsed(path).items)]
    actions = {node.word for node in found if isinstance(node, ast.Action)}
    assert actions == ACTIONS
    assert any(isinstance(node, ast.Action) and node.also for node in found)
    kinds = {type(node) for node in found}
    assert {ast.Set, ast.Stop, ast.Continue, ast.Also, ast.If, ast.ForEach} <= kinds


# ---------------------------------------------------------------- three ways to one plan


class Recorder:
    """Takes the status of a delivery in this process."""

    def __init__(self) -> None:
        self.told: list[Status] = []

    def __call__(self, status: Status) -> None:
        self.told.append(status)

    def is_wanted(self) -> bool:
        return True


class Bench:
    """One rule set, one home, and messages in files; the MAILBOXES are there."""

    def __init__(self, home: Path, rules: Path, messages: dict[str, bytes]) -> None:
        self.home, self.text = home, rules.read_text(encoding="utf-8")
        home.mkdir()
        self.rules = copied(rules, home)
        with open(self.rules, "a", encoding="utf-8") as file:
            file.write("\nset limits.new_mailboxes = 1000000\n")  # what a dry run alone would not make
        (home / ".mail").mkdir()
        for name, text in LIST_FILES.items():
            (home / f".mail/{name}.txt").write_text(text)
        self.maildir = home / "Maildir"
        for mailbox in MAILBOXES:
            Maildir(str(self.maildir)).stage(mailbox, (b"x",)).undo()
        self.files: list[Path] = []
        for number, raw in enumerate(messages.values()):
            self.files.append(home / f"{number:04}.eml")
            self.files[-1].write_bytes(raw)

    def options(self, number: int) -> list[str]:
        recipient = RECIPIENTS[number % len(RECIPIENTS)]
        return ["--rules", str(self.rules), "--maildir", str(self.maildir), "-f", "ann@example.net", "-r", recipient]

    def dry_runs(self, capsys: pytest.CaptureFixture[str]) -> list[Data]:
        """The plan of each message by `--test --json`."""
        plans: dict[str, Data] = {}
        for number in range(min(len(RECIPIENTS), len(self.files))):
            files = [str(file) for file in self.files[number :: len(RECIPIENTS)]]
            command = [
                "--test",
                "--json",
                *self.options(number),
                *files,
                "/dev/null",
            ]  # of several each line says which
            assert test_command.run(command) == 1  # there is no message in /dev/null
            for line in capsys.readouterr().out.splitlines():
                plan = json.loads(line)
                plans[plan.pop("message")] = plan
        return [plans[str(file)] for file in self.files]

    def deliver(self, number: int) -> None:
        """Deliver one message in this process, as the program does: from standard input."""
        kept = os.dup(0)
        recorder = Recorder()
        try:
            with open(self.files[number], "rb") as message:
                os.dup2(message.fileno(), 0)
            deliver_command.run(self.options(number), None, recorder)
        finally:
            os.dup2(kept, 0)
            os.close(kept)
        assert len(recorder.told) == 1

    def journal(self) -> list[Data]:
        lines = (self.home / ".local/state/pydeliver/journal.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def words_of(plan: Data) -> tuple[str, ...]:
    """A plan's actions as a rule file says them."""
    return tuple([action.words for action in from_data(plan).actions])


def transcribed(raw: bytes) -> str | None:
    """The message as it stands in a `test` block: line ends are LF, blank lines empty; None if it cannot."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if "\0" in text or any([line.lstrip(" \t").startswith('"""') for line in text.split("\n")]):
        return None
    once = _literal(_block(text))
    return once if _literal(_block(once)) == once else None


def _block(text: str) -> str:
    lines = text.removesuffix("\n").split("\n")
    return '"""\n' + "".join([f"        {line}\n" if line else "\n" for line in lines]) + '    """'


def _literal(block: str) -> str:
    parts = read_sample(block, 0).parts
    return str(parts[0]) if parts else ""


def assumed(fact: str, answer: bool) -> list[str]:
    """What a test says so that a fact is as it was; that nothing is in a list file is what it takes anyway."""
    listed = re.fullmatch(r'(".*")(?: and [0-9]+ more)? in ([a-z_]+)', fact)
    if listed is None:
        return [fact if answer else f"not {fact}"]
    return [f"{said} in {listed[2]}" for said in re.findall(r'"(?:[^"\\]|\\.)*"', listed[1])] if answer else []


def written_out(number: int, text: str, plan: Data) -> str:
    """A `test` block that expects `plan` of the message."""
    lines = [f"message {_block(text)}"]
    lines += ['envelope sender "ann@example.net"', f'envelope recipient "{RECIPIENTS[number % len(RECIPIENTS)]}"']
    lines += [f"assume {said}" for fact, answer in plan["facts"].items() for said in assumed(fact, answer)]
    lines += [f"expect {words}" for words in words_of(plan)]
    return f'test "{number}" {{\n    ' + "\n    ".join(lines) + "\n}\n"


def failing(rules: str, blocks: Iterable[str]) -> list[str]:
    """What the tests that fail expected and found."""
    source = rules.partition("\ntest ")[0] + "\n"  # the set's own tests have been run before
    file = parse(Source("generated.rules", source + "".join(blocks)))
    check(file)
    trials = run_tests(file, compile_rules(file))
    return [f"{trial.name}: {trial.expected} {trial.found}" for trial in trials if not trial.passed]


def batches(blocks: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for block in blocks:
        batch.append(block)
        if sum([len(text) for text in batch]) > BATCH_CHARACTERS:
            yield batch
            batch = []
    yield batch


def agree(
    home: Path, rules: Path, messages: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> tuple[list[Data], int]:
    """Assert that the three ways agree; return the plans and how many messages stood in a test block."""
    bench = Bench(home, rules, messages)
    plans = bench.dry_runs(capsys)
    for number in range(len(plans)):
        bench.deliver(number)
    assert [line["plan"] for line in bench.journal()] == plans
    texts = [transcribed(raw) for raw in messages.values()]
    for file, text in zip(bench.files, texts, strict=True):
        file.write_bytes((text or "").encode() or b"\n")
    plans_of_texts = bench.dry_runs(capsys)
    rows = enumerate(zip(texts, plans_of_texts, strict=True))
    blocks = [written_out(number, text, plan) for number, (text, plan) in rows if text]
    for batch in batches(blocks):
        assert failing(bench.text, batch) == []
    return plans, len(blocks)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for homes, and no variables of a mail server's."""
    for name in MTA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "you")
    return tmp_path


def messages_of_tests(rules: Path) -> dict[str, bytes]:
    """What stands in the set's own test blocks."""
    lines = [node for node in nodes(parsed(rules).items) if isinstance(node, ast.TestLine) and node.word == "message"]
    texts = [literal(line.arguments[0]) for line in lines if isinstance(line.arguments[0], ast.Text)]
    return {f"test {number}": text.encode() for number, text in enumerate(texts) if text}


def own_messages() -> dict[str, bytes]:
    files = sorted([*(ROOT / "examples/messages").glob("*.eml"), *(ROOT / "tests/corpus").glob("*.eml")])
    return {file.name: file.read_bytes() for file in files if file.stat().st_size}


def shared_messages(shared: Path) -> dict[str, bytes]:
    """Every message of the shared corpus, and every tenth of the SpamAssassin archive."""
    folder = shared / "corpus/messages"
    files = sorted([path for path in folder.rglob("*") if path.is_file() and path.stat().st_size])
    messages = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    with tarfile.open(shared / "corpus/spamassassin-corpus-dev.tar.xz") as archive:
        members = [member for member in archive if member.isfile() and member.size]
        for member in members[::10]:
            extracted = archive.extractfile(member)
            assert extracted is not None
            messages[member.name] = extracted.read()
    return messages


@pytest.mark.parametrize("rules", SETS, ids=lambda path: path.stem)
def test_three_ways_agree_on_our_own_messages(
    rules: Path, alone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(alone / "home"))
    plans, _ = agree(alone / "home", rules, own_messages() | messages_of_tests(rules), capsys)
    assert len({words_of(plan) for plan in plans}) > 3


@pytest.mark.long
def test_three_ways_agree_on_the_shared_corpora(
    shared: Path, alone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = shared_messages(shared)
    plans: Counter[tuple[str, ...]] = Counter()
    actions: Counter[str] = Counter()
    in_blocks = 0
    for rules in SETS:
        monkeypatch.setenv("HOME", str(alone / rules.stem))
        found, written = agree(alone / rules.stem, rules, messages, capsys)
        in_blocks += written
        plans.update([words_of(plan) for plan in found])
        actions.update([action["action"] for plan in found for action in plan["actions"]])
        actions.update(["also" for plan in found for action in plan["actions"] if action["also"]])
    total = plans.total()
    with capsys.disabled():
        print(f"\n{len(messages)} messages, {total} plans, {len(plans)} different, the commonest {max(plans.values())}")
        print(f"{in_blocks} of {total} stood in a test block; actions: {dict(actions)}")
    assert total == len(SETS) * len(messages)
    assert len(plans) >= 12
    assert max(plans.values()) <= total / 2
    assert set(actions) == ACTIONS | {"also"}
    assert in_blocks >= 0.8 * total


@pytest.mark.long
def test_the_installed_program_agrees(
    shared: Path, installed: Path, alone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the modules say in this process is what the program says: each set for ten messages of its own."""
    messages = list(shared_messages(shared).items())
    wanted = 10 * len(SETS)
    chosen = messages[:: len(messages) // wanted][:wanted]
    program = str(installed / "pydeliver")
    for number, rules in enumerate(SETS):
        home = alone / rules.stem
        monkeypatch.setenv("HOME", str(home))
        bench = Bench(home, rules, dict(chosen[number :: len(SETS)]))
        assert len(bench.files) == 10
        expected = bench.dry_runs(capsys)
        for place, file in enumerate(bench.files):
            options = bench.options(place)
            dry = subprocess.run([program, "--test", str(file), "--json", *options], capture_output=True, check=True)
            assert json.loads(dry.stdout) == expected[place]
            with open(file, "rb") as message:
                subprocess.run([program, *options], stdin=message, capture_output=True)
        assert [line["plan"] for line in bench.journal()] == expected
