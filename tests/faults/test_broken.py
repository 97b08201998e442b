"""A broken installation, closed or full descriptors, a message that does not come whole: 75, and nothing is stored."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.report import report
from tests.faults.stage import COLD, FROM_LINE, ONE_STORE, STORED, Outcome, Scene, Stage, look
from tests.faults.sweep import ANSWER

BIG = FROM_LINE + STORED + b"0123456789abcdef" * (1 << 16)


def assert_deferred(outcome: Outcome, stage: Stage, home: Path, said: bool = True) -> None:
    assert outcome.status == 75, outcome
    assert outcome.errors == b""
    assert not said or ANSWER.fullmatch(outcome.output), outcome
    found = stage.look(home)
    assert (found.copies, found.partial, found.litter) == ({}, [], [])


# ---------------------------------------------------------------- broken installations


@pytest.fixture
def prefix(stage: Stage, tmp_path: Path) -> Path:
    """A copy of the installation that may be broken, at a place that the recipient may enter."""
    copy = stage.room / f"broken-{tmp_path.name}"
    (copy / "bin").mkdir(parents=True)
    shutil.copy2(stage.program, copy / "bin/pydeliver")
    (copy / "bin/python3").symlink_to(stage.prefix / "bin/python3")
    (copy / "share").symlink_to(stage.prefix / "share")
    (original,) = stage.prefix.glob("lib/python*/site-packages")
    site_packages = copy / original.relative_to(stage.prefix)
    site_packages.mkdir(parents=True)
    for entry in original.iterdir():
        (site_packages / entry.name).symlink_to(entry)
    (site_packages / "pydeliver").unlink()
    shutil.copytree(original / "pydeliver", site_packages / "pydeliver")
    return copy


def without(pattern: str) -> Callable[[Path], None]:
    def remove(prefix: Path) -> None:
        found = list(prefix.glob(pattern))
        assert found
        for path in found:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    return remove


def with_text(pattern: str, text: str) -> Callable[[Path], None]:
    def write(prefix: Path) -> None:
        (path,) = prefix.glob(pattern)
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()
        path.write_text(text)

    return write


PACKAGE = "lib/python*/site-packages/pydeliver"


@pytest.mark.parametrize(
    ("scene", "breakage"),
    [
        (ONE_STORE, without(f"{PACKAGE}/cli/deliver.py")),
        (ONE_STORE, without(f"{PACKAGE}/value.py")),
        (ONE_STORE, without(f"{PACKAGE}/engine/conditions/matches.py")),
        (ONE_STORE, without(f"{PACKAGE}/mailbox/keywords.py")),
        (ONE_STORE, without("lib/python*/site-packages/re2")),
        (COLD, without("lib/python*/site-packages/lark")),
        (COLD, without(f"{PACKAGE}/rules/native/*")),
        (ONE_STORE, with_text(f"{PACKAGE}/rules/load.py", "def load_rules(:\n")),
        (ONE_STORE, with_text(f"{PACKAGE}/delivery/perform.py", "raise SystemExit(0)\n")),
        (ONE_STORE, with_text(f"{PACKAGE}/delivery/perform.py", "raise KeyboardInterrupt\n")),
        (ONE_STORE, with_text(f"{PACKAGE}/delivery/perform.py", "def perform(*a): raise RecursionError\n")),
        (ONE_STORE, with_text(f"{PACKAGE}/delivery/perform.py", "def perform(*a): raise MemoryError\n")),
        (ONE_STORE, with_text(f"{PACKAGE}/cli/main.py", "def main(a, fd): import os; os.abort()\n")),
        (ONE_STORE, without("lib/python*/site-packages")),
        (ONE_STORE, without("bin/python3")),
        (ONE_STORE, without("share")),
    ],
    ids=lambda argument: "",
)
def test_a_broken_installation_is_75(
    stage: Stage, prefix: Path, scene: Scene, breakage: Callable[[Path], None]
) -> None:
    program = str(prefix / "bin/pydeliver")
    home = stage.home(scene)
    assert stage.deliver(stage.home(scene), command=[program]).status == 0
    breakage(prefix)
    assert_deferred(stage.deliver(home, command=[program]), stage, home)
    with open("/dev/full", "wb") as full:
        outcome = stage.deliver(home, command=[program], stdout=full, stderr=full)
    assert_deferred(outcome, stage, home, said=False)


@pytest.mark.parametrize("name", ["PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "PATH", "LD_LIBRARY_PATH", "TMPDIR"])
def test_a_wrong_variable_changes_nothing(stage: Stage, name: str) -> None:
    home = stage.home(ONE_STORE)
    outcome = stage.deliver(home, env=stage.environment(home) | {name: "/nowhere"})
    assert outcome[:3] == (0, b"", b"")
    assert stage.look(home).is_stored(("INBOX",))


# ---------------------------------------------------------------- descriptors


def test_a_full_disk_under_the_output_changes_no_status(stage: Stage) -> None:
    home = stage.home(ONE_STORE)
    with open("/dev/full", "wb") as full:
        assert stage.deliver(home, stdout=full, stderr=full).status == 0
    assert stage.look(home).is_stored(("INBOX",))


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors(stage: Stage, closed: str) -> None:
    """Without an input there is no message; without outputs there is nothing to say."""
    home = stage.home(ONE_STORE)
    outcome = stage.deliver(home, command=["/bin/sh", "-c", f'exec "$0" "$@" {closed}', stage.program])
    if "<" in closed:
        assert_deferred(outcome, stage, home, said=">" not in closed)
    else:
        assert outcome[:3] == (0, b"", b"")
        assert stage.look(home).is_stored(("INBOX",))


# ---------------------------------------------------------------- the message


def test_no_octets_are_no_message(stage: Stage) -> None:
    home = stage.home(ONE_STORE)
    assert_deferred(stage.deliver(home, message=b""), stage, home)


def test_a_directory_is_no_message(stage: Stage) -> None:
    home = stage.home(ONE_STORE)
    directory = os.open("/", os.O_RDONLY)
    assert_deferred(stage.start([stage.program], home, directory), stage, home)
    os.close(directory)


def test_a_message_that_stalls_is_75_at_the_deadline(stage: Stage) -> None:
    home = stage.home(ONE_STORE)
    reading, writing = os.pipe()
    os.write(writing, b"Subject: half of it\n\nand th")
    outcome = stage.start([stage.program, "-o", "deadline=1"], home, reading)
    os.close(writing)
    os.close(reading)
    assert_deferred(outcome, stage, home)
    assert 0.9 < outcome.seconds < 3


@pytest.mark.parametrize("error", ["EIO", "EINTR", "EISDIR"])
@pytest.mark.parametrize("number", range(1, 7))
def test_a_read_that_fails_in_the_middle_stores_nothing_or_all(stage: Stage, number: int, error: str) -> None:
    home = stage.home(ONE_STORE)
    file = stage.scratch / f"{home.name}.message"
    file.write_bytes(BIG)
    fault = f"inject=read:error={error}:when={number}"
    command = stage.tracing_interpreter("-o", "/dev/null", "-P", str(file), "-e", "trace=read", "-e", fault)
    with file.open("rb") as message:
        outcome = stage.start(command, home, message.fileno())
    found = look(home, BIG.removeprefix(FROM_LINE))
    if error == "EINTR":
        assert outcome.status == 0
    elif outcome.status:
        assert_deferred(outcome, stage, home)
    assert not found.partial
    assert found.copies == ({"INBOX": 1} if outcome.status == 0 else {})
    assert outcome.status == 75 or error == "EINTR"
    report(f"a message of 1 MiB, {error} at read {number} of 6", {"status": outcome.status})
