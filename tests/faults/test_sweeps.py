"""Every system call of a delivery fails or is killed in turn: the message is whole somewhere, or the status is 75.

The installed program, started as a mail server does it; the points are those
of a delivery that nothing disturbs.  The short form tries every place a kill
can come at from the first read of the message on, and each other kind of point
in samples; the long form tries all.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any

import pytest

from tests.faults.stage import (
    COLD,
    LONG_LIST,
    MBOX,
    MH,
    NEW_MAILBOX,
    NEW_STORES,
    ONE_STORE,
    TWO_STORES,
    WRONG_RULES,
    Scene,
    Stage,
)
from tests.faults.sweep import (
    CLIENT,
    CLIENT_START,
    ERRORS,
    FORKED,
    INTERPRETER,
    SIGNALS,
    Calls,
    Point,
    Tried,
    faults,
    signals,
    sweep,
    touches,
    try_fault,
    try_signal,
    undisturbed,
)
from tests.faults.trace import Call

WARM = [ONE_STORE, TWO_STORES, NEW_MAILBOX, LONG_LIST, WRONG_RULES]
SECOND_COPIES = {  # kill points, at most
    ONE_STORE: 5,
    TWO_STORES: 7,
    NEW_MAILBOX: 5,
    LONG_LIST: 5,
    WRONG_RULES: 5,
    COLD: 5,
    MBOX: 12,
    MH: 10,
    NEW_STORES: 19,
}
ABOUT_OTHER_STORES = re.compile(r"/[mM]ail\b|/pydeliver/mbox|box\b|mh_seq|ftruncate")
titles = [scene.title for scene in WARM]
each_warm_scene = pytest.mark.parametrize("scene", WARM, ids=titles)


@pytest.fixture(scope="session")
def calls_of(stage: Stage) -> object:
    """The calls of a scene, traced once."""
    return functools.cache(lambda scene: undisturbed(stage, scene))


@pytest.fixture
def calls(calls_of: functools._lru_cache_wrapper[Calls], scene: Scene) -> Calls:
    return calls_of(scene)


def about_files(stage: Stage, calls: Iterable[Call]) -> list[Call]:
    """Those that are about the home, the message or the verdict, not about loading code."""
    return [call for call in calls if touches(call, f"{stage.room}/home-", "/proc/self/fd", "pipe:")]


def one_error_each(process: str, calls: Sequence[Call]) -> list[Point]:
    """For each call one error, going round those it may have; each error of each kind of call at least once."""
    errors = {name: cycle(of_name) for name, of_name in ERRORS.items()}
    points = []
    for call in calls:
        if call.name in errors:
            error = next(errors[call.name])
            points += [point for point in faults(process, [call]) if point.what.endswith(f"={error}")]
    tried = {(point.call.name, point.what) for point in points}
    first = {call.name: call for call in reversed(calls)}
    return points + [point for point in faults(process, first.values()) if (point.call.name, point.what) not in tried]


def one_signal_each(process: str, calls: Iterable[Call]) -> list[Point]:
    names = cycle(SIGNALS)
    return [point for call in calls for point in signals(process, [call], next(names))]


def second_copies(tried: Iterable[Tried]) -> int:
    return sum("second copy" in one.result for one in tried)


def kill(stage: Stage, scene: Scene, calls: Calls, interpreter: Sequence[Call]) -> None:
    """Kill each process at each of these calls; the bound on second copies is for all of them together."""
    points = [
        *signals(CLIENT_START, calls.client_start, "KILL"),
        *signals(CLIENT, calls.client, "KILL"),
        *signals(FORKED, calls.forked, "KILL"),
        *signals(INTERPRETER, interpreter, "KILL"),
    ]
    tried = sweep(stage, scene, "killed", points, try_signal)
    assert second_copies(tried) <= SECOND_COPIES[scene]
    before = set(calls.until_verdict())
    missed = [one for one in tried if one.point.call in before and one.result == "0"]
    assert len(missed) <= len(tried) // 50, "these were not killed"  # a few calls are not made each time


def kill_at_start(stage: Stage, scene: Scene, calls: Sequence[Call]) -> None:
    tried = sweep(stage, scene, "start, killed", signals(INTERPRETER, calls, "KILL"), try_signal)
    assert sum(one.result != "75" for one in tried) <= 1 + len(tried) // 20, "these were not killed"


# ---------------------------------------------------------------- the short form


@pytest.mark.parametrize("scene", [ONE_STORE], ids=[ONE_STORE.title])
def test_a_kill_at_any_call_loses_nothing(stage: Stage, scene: Scene, calls: Calls) -> None:
    kill(stage, scene, calls, calls.interpreter)


@pytest.mark.parametrize(
    "scene", [TWO_STORES, NEW_MAILBOX, LONG_LIST, WRONG_RULES, COLD], ids=lambda scene: scene.title
)
def test_a_kill_at_any_call_about_files_loses_nothing(stage: Stage, scene: Scene, calls: Calls) -> None:
    kill(stage, scene, calls, about_files(stage, calls.interpreter))


OTHER_STORES = [MBOX, MH, pytest.param(NEW_STORES, marks=pytest.mark.long)]


@pytest.mark.parametrize("scene", OTHER_STORES, ids=[MBOX.title, MH.title, NEW_STORES.title])
def test_an_mbox_and_an_mh_folder_are_whole_whatever_happens_there(stage: Stage, scene: Scene, calls: Calls) -> None:
    """After the next delivery no mbox ends in a part of a message, and nobody waits for the lock of the dead."""
    about_these = [call for call in calls.interpreter if ABOUT_OTHER_STORES.search(str(call))]
    tried = sweep(stage, scene, "killed at each call about it", signals(INTERPRETER, about_these, "KILL"), try_signal)
    assert second_copies(tried) <= SECOND_COPIES[scene]
    points = one_error_each(INTERPRETER, about_these)
    sweep(stage, scene, "each call about it fails in one way", points, try_fault)


@each_warm_scene
def test_each_error_of_each_kind_of_call_is_stored_or_75(stage: Stage, scene: Scene, calls: Calls) -> None:
    points = [*one_error_each(CLIENT, calls.client), *one_error_each(FORKED, calls.forked)]
    points += one_error_each(INTERPRETER, about_files(stage, calls.interpreter))
    sweep(stage, scene, "each call about files fails in one way", points, try_fault)


@pytest.mark.parametrize("scene", [ONE_STORE], ids=[ONE_STORE.title])
def test_a_signal_is_stored_or_75(stage: Stage, scene: Scene, calls: Calls) -> None:
    points = [*one_signal_each(CLIENT, calls.client), *one_signal_each(FORKED, calls.forked)]
    points += one_signal_each(INTERPRETER, about_files(stage, calls.interpreter))
    sweep(stage, scene, "signals in turn at each call about files", points, try_signal)


@pytest.mark.parametrize("scene", [ONE_STORE], ids=[ONE_STORE.title])
def test_an_interpreter_that_cannot_start_is_75(stage: Stage, scene: Scene, calls: Calls) -> None:
    kill_at_start(stage, scene, calls.start[::40])
    sweep(stage, scene, "start, failing", one_error_each(INTERPRETER, calls.start[::40]), try_fault)


@pytest.mark.parametrize("scene", [ONE_STORE], ids=[ONE_STORE.title])
def test_before_the_client_has_blocked_signals_they_end_it(stage: Stage, scene: Scene, calls: Calls) -> None:
    """What the C library does before it calls us; a failure there ends in its own way, listed in the report."""
    sweep(stage, scene, "C library's start, signals", one_signal_each(CLIENT_START, calls.client_start), try_signal)
    sweep(stage, scene, "C library's start, failing", faults(CLIENT_START, calls.client_start), try_fault)


def test_a_message_is_not_stored_for_a_client_that_was_killed_meanwhile(stage: Stage) -> None:
    """The server has counted that attempt as failed, so what it stored would be a second copy."""
    home = stage.home(ONE_STORE)
    slow = ("-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=600000:when=1")
    reading, writing = os.pipe()
    os.write(writing, b"Subject: x\n\nbody\n")
    os.close(writing)
    command = stage.tracing_interpreter(*slow)
    settings: dict[str, Any] = {
        "env": stage.environment(home),
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": "/",
    }
    client = subprocess.Popen(command, stdin=reading, **(settings | stage.identity))
    os.close(reading)
    time.sleep(0.4)  # it waits before the sync of the file
    client.send_signal(signal.SIGKILL)
    assert client.wait() == -signal.SIGKILL
    time.sleep(0.8)
    assert not stage.look(home).copies
    assert b"stopped waiting" in (home / ".local/state/pydeliver/journal.jsonl").read_bytes()


# ---------------------------------------------------------------- the long form


@pytest.mark.long
@pytest.mark.parametrize(
    "scene", [TWO_STORES, NEW_MAILBOX, WRONG_RULES, MBOX, MH, NEW_STORES], ids=lambda scene: scene.title
)
def test_a_kill_at_every_call_loses_nothing(stage: Stage, scene: Scene, calls: Calls) -> None:
    kill(stage, scene, calls, calls.interpreter)


@pytest.mark.long
@pytest.mark.parametrize("scene", [*WARM, MBOX, MH, NEW_STORES], ids=lambda scene: scene.title)
def test_every_error_at_every_call_is_stored_or_75(stage: Stage, scene: Scene, calls: Calls) -> None:
    points = [*faults(CLIENT, calls.client), *faults(FORKED, calls.forked), *faults(INTERPRETER, calls.interpreter)]
    sweep(stage, scene, "every error at every call", points, try_fault)


@pytest.mark.long
@pytest.mark.parametrize("scene", [ONE_STORE, TWO_STORES, NEW_STORES], ids=lambda scene: scene.title)
def test_every_signal_is_stored_or_75(stage: Stage, scene: Scene, calls: Calls) -> None:
    files = about_files(stage, calls.interpreter)
    points = [*signals(CLIENT, calls.client, *SIGNALS), *signals(FORKED, calls.forked, *SIGNALS)]
    points += signals(INTERPRETER, files, *SIGNALS)
    points += one_signal_each(INTERPRETER, [call for call in calls.interpreter if call not in set(files)])
    sweep(stage, scene, "signals", points, try_signal)


@pytest.mark.long
@pytest.mark.parametrize("scene", [COLD], ids=[COLD.title])
def test_rules_compiled_during_a_disturbed_delivery(stage: Stage, scene: Scene, calls: Calls) -> None:
    """Loading the compiler is a thousand calls, of which one in ten is tried."""
    files = about_files(stage, calls.interpreter)
    others = [call for call in calls.interpreter if call not in set(files)][::10]
    kill(stage, scene, calls, [*files, *others])
    points = [*faults(INTERPRETER, files), *one_error_each(INTERPRETER, others)]
    sweep(stage, scene, "every error at each call about files", points, try_fault)


@pytest.mark.long
@pytest.mark.parametrize("scene", [ONE_STORE], ids=[ONE_STORE.title])
def test_one_call_in_ten_of_the_interpreters_start(stage: Stage, scene: Scene, calls: Calls) -> None:
    kill_at_start(stage, scene, calls.start[::10])
    sweep(stage, scene, "start, failing", faults(INTERPRETER, calls.start[::10]), try_fault)
