"""The power fails at the moment the answer is given: the message is there afterwards, whatever else is not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.power import Disk, losing_states
from tests.faults.report import report
from tests.faults.stage import COLD, MBOX, NEW_STORES, ONE_STORE, STORED, TWO_STORES, WRONG_RULES, Scene, Stage
from tests.faults.trace import Call, parse_trace


def until_verdict(stage: Stage, scene: Scene) -> tuple[Path, list[Call]]:
    """The calls of all processes up to where the interpreter says its verdict."""
    home = stage.home(scene)
    file = stage.scratch / f"{home.name}.power"
    assert stage.deliver(home, command=stage.tracing_client("-f", "-y", "-o", str(file))).status == 0
    calls = parse_trace(file.read_text())
    shutil.rmtree(home)
    place = next(n for n, call in enumerate(calls) if call.name == "write" and '"verdict 0 ' in call.arguments)
    return home, calls[:place]


def losses(home: Path, scene: Scene, calls: list[Call]) -> dict[str, tuple[int, int]]:
    """By model: how many states, and how many of them have lost the message."""
    places = [home / "Maildir" / ("" if name == "INBOX" else f".{name}") / "new" for name in scene.mailboxes]
    disk = Disk().play(calls)
    wanted = [str(place) for place in places]
    return {
        "POSIX": losing_states(disk, disk.states_by_posix(), wanted, len(STORED)),
        "journal": losing_states(disk, disk.states_by_journal(), wanted, len(STORED)),
    }


@pytest.mark.parametrize("scene", [ONE_STORE, TWO_STORES, COLD, WRONG_RULES], ids=lambda scene: scene.title)
def test_no_state_after_a_power_cut_lacks_the_message(stage: Stage, scene: Scene) -> None:
    home, calls = until_verdict(stage, scene)
    found = losses(home, scene, calls)
    for model, (states, losing) in found.items():
        report(f"{scene.title}, power cut at the verdict, {model}", {"states": states, "losing": losing})
    assert [losing for _, losing in found.values()] == [0, 0]


def without_sync(where: str) -> Callable[[list[Call], Path], list[Call]]:
    def change(calls: list[Call], home: Path) -> list[Call]:
        return [call for call in calls if call.name != "fsync" or call.paths[0] != str(home / where)]

    return change


def without_file_sync(calls: list[Call], home: Path) -> list[Call]:
    return [call for call in calls if call.name != "fsync" or "deleted" not in call.arguments]


def without_last_octets(calls: list[Call], home: Path) -> list[Call]:
    """The file is synced before it is written whole."""
    (write,) = [call for call in calls if call.name == "write" and "deleted" in call.arguments]
    sync = calls.index(next(call for call in calls if call.name == "fsync" and "deleted" in call.arguments))
    rest = [call for call in calls if call is not write]
    return [*rest[:sync], write, *rest[sync:]]


@pytest.mark.parametrize(
    ("scene", "change", "models"),
    [
        (ONE_STORE, without_sync("Maildir/new"), {"POSIX", "journal"}),
        (ONE_STORE, without_file_sync, {"POSIX", "journal"}),
        (ONE_STORE, without_last_octets, {"POSIX", "journal"}),
        (TWO_STORES, without_sync("Maildir/.archive/new"), {"POSIX"}),
        (TWO_STORES, without_sync("Maildir/.lists"), {"POSIX"}),
        (TWO_STORES, without_sync("Maildir"), {"POSIX"}),
        (TWO_STORES, without_sync(""), {"POSIX"}),
    ],
    ids=["new", "file", "file before its end", "one of two", "folder", "Maildir", "home"],
)
def test_the_model_finds_what_a_missing_sync_loses(
    stage: Stage, scene: Scene, change: Callable[[list[Call], Path], list[Call]], models: set[str]
) -> None:
    home, calls = until_verdict(stage, scene)
    changed = change(calls, home)
    assert len(changed) < len(calls) or change is without_last_octets
    found = losses(home, scene, changed)
    assert {model for model, (_, losing) in found.items() if losing} == models


def test_an_mbox_is_synced_between_its_record_and_the_end_of_that(stage: Stage) -> None:
    """A power cut before the end of the record leaves what cuts the message off; one after it leaves it whole."""
    home, calls = until_verdict(stage, MBOX)
    names = {"mail/box": "mbox", ".local/state/pydeliver/mbox": "record"}
    seen: list[tuple[str, str]] = []
    for call in calls:
        places = [name for place, name in names.items() if call.paths and call.paths[0].startswith(f"{home}/{place}")]
        if call.name in ("write", "fsync", "ftruncate") and places and (places[0], call.name) not in seen[-1:]:
            seen.append((places[0], call.name))
    assert seen == [
        ("record", "ftruncate"),
        ("record", "write"),
        ("record", "fsync"),
        ("mbox", "write"),
        ("mbox", "fsync"),
        ("record", "ftruncate"),
        ("record", "fsync"),
    ]


def test_all_that_was_made_for_a_new_mbox_and_folder_has_its_place_on_the_disk(stage: Stage) -> None:
    home, calls = until_verdict(stage, NEW_STORES)
    synced = {call.paths[0] for call in calls if call.name == "fsync"}
    made = [".", "mail", "Mail", "Mail/inbox", ".local/state/pydeliver", ".local/state/pydeliver/mbox"]
    assert {os.path.normpath(home / name) for name in made} <= synced
