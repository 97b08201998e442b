"""Real limits: memory, descriptors, file size, a full or read-only file system.

Either the message is stored whole or the status is 75 with nothing to be
seen; when there is room again the retry succeeds.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import skip_or_fail, skip_unless_root
from tests.faults.report import report
from tests.faults.stage import COLD, ONE_STORE, STORED, TWO_STORES, Scene, Stage
from tests.faults.sweep import ANSWER

MIB = 1 << 20


def assert_whole_or_75(stage: Stage, home: Path, scene: Scene, **options: Any) -> int:
    outcome = stage.deliver(home, "-o", "deadline=8", **options)  # an interpreter short of memory may go on for ever
    found = stage.look(home)
    assert not found.partial
    assert not found.litter
    assert outcome.errors == b""
    if outcome.status == 0:
        assert found.is_stored(scene.mailboxes) or found.is_stored(("INBOX",))
        assert outcome.output == b""
    else:
        assert outcome.status == 75
        assert ANSWER.fullmatch(outcome.output), outcome
        assert found.copies == {}
    return outcome.status


LONG = [pytest.param(scene, marks=pytest.mark.long, id=scene.title) for scene in (TWO_STORES, COLD)]


@pytest.mark.parametrize("scene", [pytest.param(ONE_STORE, id=ONE_STORE.title), *LONG])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("RLIMIT_AS", range(2 * MIB, 70 * MIB, 3 * MIB)),
        ("RLIMIT_NOFILE", range(3, 20)),
        ("RLIMIT_FSIZE", [0, 1, 1000, len(STORED) - 1, len(STORED), len(STORED) + 100, 20_000, 200_000]),
        ("RLIMIT_DATA", range(MIB, 30 * MIB, 3 * MIB)),
    ],
    ids=lambda argument: argument if isinstance(argument, str) else "",
)
def test_a_limit_of_the_system_is_whole_or_75(stage: Stage, scene: Scene, name: str, values: range | list[int]) -> None:
    statuses: Counter[int] = Counter()
    for value in values:
        home = stage.home(scene)

        def limit(value: int = value) -> None:
            resource.setrlimit(getattr(resource, name), (value, value))

        statuses[assert_whole_or_75(stage, home, scene, preexec_fn=limit)] += 1
        shutil.rmtree(home)
    assert statuses[75]
    report(f"{scene.title}, {name}", {f"with status {status}": count for status, count in sorted(statuses.items())})


@pytest.fixture
def small(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own, with the options of the test."""
    skip_unless_root("to mount a file system")
    place = stage.room / "mount"
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"mode=0755,{request.param}", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        skip_or_fail(f"no file system can be mounted here: {mounted.stderr}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def moved(stage: Stage, scene: Scene, place: Path) -> Path:
    """A home on that file system."""
    home = stage.home(scene)
    shutil.copytree(home, place / "home", symlinks=True)
    stage.own(place / "home")
    return place / "home"


def fill(place: Path, size: int) -> None:
    """Make files until there is no room for another."""
    for number in range(100_000):
        try:
            (place / f"filler-{number}").write_bytes(b"x" * size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return
    raise AssertionError("there is no end to the room")


@pytest.mark.parametrize(
    ("small", "size"), [("size=40k", 512), ("size=1m,nr_inodes=40", 0)], indirect=["small"], ids=["octets", "inodes"]
)
@pytest.mark.parametrize("scene", [ONE_STORE, TWO_STORES, COLD], ids=lambda scene: scene.title)
def test_a_full_file_system_is_75_until_there_is_room(stage: Stage, scene: Scene, small: Path, size: int) -> None:
    home = moved(stage, scene, small)
    fill(small, size)
    status = assert_whole_or_75(stage, home, scene)
    report(f"{scene.title}, tmpfs without {'room' if size else 'inodes'}", {"status at first": status, "then": 0})
    assert status == 75
    for filler in small.glob("filler-*"):
        filler.unlink()
    assert stage.deliver(home).status == 0
    assert stage.look(home).is_stored(scene.mailboxes)


@pytest.mark.parametrize("small", ["size=1m"], indirect=True)
@pytest.mark.parametrize("scene", [ONE_STORE, TWO_STORES, COLD], ids=lambda scene: scene.title)
def test_a_read_only_file_system_is_75(stage: Stage, scene: Scene, small: Path) -> None:
    home = moved(stage, scene, small)
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        (home / "x").touch()
    assert assert_whole_or_75(stage, home, scene) == 75
    subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
    assert stage.deliver(home).status == 0
    assert stage.look(home).is_stored(scene.mailboxes)
