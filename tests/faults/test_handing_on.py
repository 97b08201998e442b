"""A message that is stored and handed on: whatever call of a delivery fails or is killed, then the server tries again.

Nothing is lost, nothing is handed on fewer times than once, and a retry stores
nothing twice: a second copy may come only of a kill between the moment at which
a copy becomes visible and the one at which that is written down, as it may
without anything to hand on between that moment and the end.  Whom it is handed on to
is a program that writes down what it is given.
"""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.faults.stage import RULES, STORED, Scene, Stage
from tests.faults.sweep import (
    CLIENT,
    INTERPRETER,
    Calls,
    Point,
    Tried,
    before_main,
    deaths,
    faults,
    play,
    signals,
    sweep,
    undisturbed,
    wrong_with,
)
from tests.faults.test_sweeps import about_files, one_error_each, second_copies
from tests.faults.trace import Call

GIVE = """#!/bin/sh
set -e
mkdir -p "$HOME/given"
file=$(mktemp "$HOME/given/new.XXXXXXXX")
cat > "$file"
mv "$file" "$(mktemp -u "$HOME/given/XXXXXXXX")"
"""
REDIRECTED = b"Delivered-To: ann+x@example.org\n" + STORED.removeprefix(b"Return-Path: <bob@shop.example>\n")
SECOND_COPIES = 6  # points at which a kill may leave one, at most


@pytest.fixture(scope="module")
def scenes(stage: Stage) -> dict[str, Scene]:
    mailer = stage.room / "mailer"
    mailer.write_text(GIVE)
    mailer.chmod(0o755)
    redirects = RULES + 'rule "Lists" when list-id exists { file "lists" redirect "carol@example.net" }\n'
    pipes = RULES + f'rule "Lists" when list-id exists {{ file "lists" pipe ["{mailer}"] }}\n'
    return {
        "redirect": Scene("store and redirect", redirects, ("lists",), arguments=("-o", f"sendmail={mailer}")),
        "pipe": Scene("store and pipe", pipes, ("lists",)),
    }


@pytest.fixture(scope="module")
def calls_of(stage: Stage) -> Callable[[Scene], Calls]:
    return functools.cache(lambda scene: undisturbed(stage, scene))


def given(home: Path) -> int:
    """How often the message was taken, whole; a file that is not whole was not taken."""
    taken = [path.read_bytes() for path in home.glob("given/*") if not path.name.startswith("new.")]
    assert set(taken) <= {REDIRECTED, STORED}, taken
    return len(taken)


def try_and_retry(stage: Stage, scene: Scene, point: Point) -> Tried:
    """Disturb a delivery, try again undisturbed if the server would, and look whether anything is wrong."""
    home = stage.home(scene)
    outcome = play(stage, home, point)
    found = stage.look(home)
    killed = point.what.startswith("signal=")
    statuses = (0, 75, *(deaths(point) if killed else before_main(point)))
    wrong = wrong_with(outcome, found, statuses)
    result = "done" if outcome.status == 0 else f"{outcome.status}"
    result += " + stored before the retry" if outcome.status and found.copies else ""
    if outcome.status:
        retried = stage.deliver(home)
        found = stage.look(home)
        wrong = wrong or (f"the retry: {retried}" if retried[:3] != (0, b"", b"") else "")
    copies, times = sum(found.copies.values()), given(home)
    tries = 1 if outcome.status == 0 else 2
    if copies > 1:
        result += " + a second copy after the retry"
    if times > 1:
        result += " + handed on twice"
    if not 1 <= copies <= tries or found.partial or (copies > 1 and not killed and not _is_at_the_end(point.call)):
        wrong = wrong or f"stored {found}"
    is_kept = found.copies == {"INBOX": 1} and not killed  # the rules could not be read, which is told by a notice
    if not 1 <= times <= tries and not (is_kept and times == 0):
        wrong = wrong or f"handed on {times} times"
    if any([path.stat().st_size for path in home.glob(".local/state/pydeliver/retry/*")]):
        wrong = wrong or "a record is left of what is done"
    shutil.rmtree(home, ignore_errors=True)  # a mailer whose delivery was killed may still be at it
    return Tried(point, result, wrong, outcome.seconds)


def _is_at_the_end(call: Call) -> bool:
    """Whether the call carries the verdict: if it fails, nobody can know that all is done."""
    return '"verdict ' in call.arguments


def points_of(stage: Stage, calls: Calls, every: int = 1) -> tuple[Sequence[Call], Sequence[Call]]:
    """The interpreter's calls about files, and one in so many of the client's."""
    return about_files(stage, calls.interpreter), calls.client[::every]


@pytest.mark.parametrize("name", ["redirect", "pipe"])
def test_a_kill_at_any_call_loses_nothing(
    stage: Stage, scenes: dict[str, Scene], calls_of: Callable[[Scene], Calls], name: str
) -> None:
    scene = scenes[name]
    interpreter, client = points_of(stage, calls_of(scene), 3)
    points = [*signals(INTERPRETER, interpreter, "KILL"), *signals(CLIENT, client, "KILL")]
    tried = sweep(stage, scene, "killed", points, try_and_retry)
    assert second_copies(tried) <= SECOND_COPIES


@pytest.mark.parametrize("name", ["redirect", "pipe"])
def test_an_error_at_any_call_stores_nothing_twice(
    stage: Stage, scenes: dict[str, Scene], calls_of: Callable[[Scene], Calls], name: str
) -> None:
    scene = scenes[name]
    interpreter, client = points_of(stage, calls_of(scene), 3)
    points = [*one_error_each(INTERPRETER, interpreter), *one_error_each(CLIENT, client)]
    sweep(stage, scene, "each call about files fails in one way", points, try_and_retry)


@pytest.mark.long
@pytest.mark.parametrize("name", ["redirect", "pipe"])
def test_every_kill_and_error(
    stage: Stage, scenes: dict[str, Scene], calls_of: Callable[[Scene], Calls], name: str
) -> None:
    scene = scenes[name]
    calls = calls_of(scene)
    killed = [*signals(INTERPRETER, calls.interpreter, "KILL"), *signals(CLIENT, calls.client, "KILL")]
    assert second_copies(sweep(stage, scene, "killed at every call", killed, try_and_retry)) <= SECOND_COPIES
    failing = [*faults(INTERPRETER, about_files(stage, calls.interpreter)), *faults(CLIENT, calls.client)]
    sweep(stage, scene, "every error at every call about files", failing, try_and_retry)


@pytest.mark.parametrize("line", ["exit 75", "exit 1", "kill -9 $$", "sleep 60"])
def test_a_mailer_that_fails_for_a_while(stage: Stage, scenes: dict[str, Scene], line: str) -> None:
    """Three tries; the last one finds it mended."""
    mailer = stage.room / f"mailer-{time.monotonic_ns()}"
    mailer.write_text(f"#!/bin/sh\n{line}\n")
    mailer.chmod(0o755)
    scene = scenes["redirect"]._replace(title=f"mailer: {line}", arguments=())
    home = stage.home(scenes["redirect"])
    failing = ("-o", f"sendmail={mailer}", "-o", "deadline=4")
    for _ in range(2):
        outcome = stage.deliver(home, *failing)
        assert (outcome.status, outcome.output[:6]) == (75, b"4.3.0 "), scene.title
        assert stage.look(home).is_stored(("lists",))
    assert stage.deliver(home)[:3] == (0, b"", b"")
    assert stage.look(home).is_stored(("lists",))
    assert given(home) == 1
