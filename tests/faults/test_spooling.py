"""A large message, under kill and fault: the file it is spooled to is the message's, or nobody's.

So that each point takes no longer than of a small one, the installation tried
here calls a message large that is not.
"""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.stage import ONE_STORE, STORED, TWO_STORES, Outcome, Scene, Stage
from tests.faults.sweep import INTERPRETER, Calls, signals, sweep, try_fault, try_signal, undisturbed
from tests.faults.test_sweeps import about_files, one_error_each


class Spooling(Stage):
    """Its messages come without a From_ line, so that the file they are spooled to can be the message's."""

    def deliver(
        self, home: Path, *arguments: str, command: Sequence[str] = (), message: bytes = STORED, **options: Any
    ) -> Outcome:
        return super().deliver(home, *arguments, command=command, message=message, **options)


SCENES = pytest.mark.parametrize("scene", [ONE_STORE, TWO_STORES], ids=lambda scene: scene.title)


@pytest.fixture(scope="module")
def spooling(stage: Stage, public_directory: Path) -> Iterator[Stage]:
    prefix, room = public_directory / "spooling", public_directory / "spooling-room"
    shutil.copytree(stage.prefix, prefix, symlinks=True)
    (limits,) = prefix.glob("lib/*/site-packages/pydeliver/limits.py")
    lower, times = re.subn(r"(?m)^SPOOLED_OCTETS = [^#]*", "SPOOLED_OCTETS = 100  ", limits.read_text())
    assert times == 1
    limits.write_text(lower)
    for compiled in limits.parent.glob("__pycache__/limits.*"):
        compiled.unlink()
    room.mkdir()
    room.chmod(0o755)
    yield Spooling(prefix, room)
    shutil.rmtree(room, ignore_errors=True)


@pytest.fixture(scope="module")
def calls_of(spooling: Stage) -> object:
    return functools.cache(lambda scene: undisturbed(spooling, scene))


@pytest.fixture
def calls(calls_of: functools._lru_cache_wrapper[Calls], scene: Scene) -> Calls:
    found: Calls = calls_of(scene)
    assert any(call.name == "linkat" and "/tmp>" in call.arguments for call in found.interpreter), "not spooled"
    return found


@SCENES
def test_a_kill_at_any_call_about_files_loses_nothing(spooling: Stage, scene: Scene, calls: Calls) -> None:
    points = signals(INTERPRETER, about_files(spooling, calls.interpreter), "KILL")
    tried = sweep(spooling, scene, "spooled, killed", points, try_signal)
    assert sum("second copy" in one.result for one in tried) <= 8


@SCENES
def test_each_error_of_each_kind_of_call_is_stored_or_75(spooling: Stage, scene: Scene, calls: Calls) -> None:
    points = one_error_each(INTERPRETER, about_files(spooling, calls.interpreter))
    sweep(spooling, scene, "spooled, each call about files fails in one way", points, try_fault)
