"""What a command of a rule finds around it, and whether it may run at all."""

from __future__ import annotations

import os
import string
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pydeliver.config import SETTINGS
from pydeliver.delivery.commands import (
    VARIABLES,
    Commands,
    ask_program,
    commands_until,
    refusal,
    run_command,
    variables,
)
from pydeliver.engine.facts import Ran
from pydeliver.envelope import Envelope
from pydeliver.message.edit import Edit
from pydeliver.message.view import Message

if TYPE_CHECKING:
    from pydeliver.config import Setting

ANN = Envelope("bob@example.net", "ann+tea@example.org", None, "ann@old.example")


def commands(home: str = "/", envelope: Envelope = ANN, seconds: float = 30, **settings: Setting) -> Commands:
    defaults = {name: row.default for name, row in SETTINGS.items()}
    return Commands("ann", home, envelope, {**defaults, **settings}, time.monotonic() + seconds)


@pytest.fixture
def not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may run nothing; what is asked here is what others may."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_the_environment_is_these_variables() -> None:
    assert dict(variables(commands("/home/ann"))) == {
        "HOME": "/home/ann",
        "USER": "ann",
        "LOGNAME": "ann",
        "SHELL": "/bin/sh",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "SENDER": "bob@example.net",
        "RECIPIENT": "ann+tea@example.org",
        "ORIGINAL_RECIPIENT": "ann@old.example",
        "LOCAL": "ann+tea",
        "DOMAIN": "example.org",
        "EXTENSION": "tea",
    }
    assert set(dict(variables(commands(envelope=Envelope())))) == set(VARIABLES)


def test_the_detail_the_mail_server_names_is_the_extension() -> None:
    assert dict(variables(commands(envelope=Envelope(recipient="a+b@c", detail="x"))))["EXTENSION"] == "x"


def test_a_value_holds_no_character_that_a_shell_takes_for_more() -> None:
    hostile = "".join([chr(code) for code in range(1, 0x180)]) + "\ud800\udcff\u2028" + "x" * 5_000
    envelope = Envelope(hostile, f'"{hostile}"@{hostile}', hostile, hostile)
    allowed = set(string.ascii_letters + string.digits + "!@%-_=+:,./")
    for name, said in variables(commands(envelope=envelope)):
        if name not in ("HOME", "PATH"):
            assert set(said) <= allowed, name
            assert len(said) <= 1_000


@pytest.mark.usefixtures("not_root")
def test_what_the_administrator_allows() -> None:
    listed = commands("/home/ann", run=("/usr/bin/grep", "/home/ann/bin/x"), rewrite="refused")
    assert refusal(listed, "pipe", ("anything",)) == ""
    assert refusal(listed, "redirect") == ""
    assert refusal(listed, "rewrite", ("cat",)) == "the administrator refuses rewrite"
    for program in ("/usr/bin/grep", "grep", "~/bin/x"):
        assert refusal(listed, "run", (program, "-q")) == ""
    for program in ("egrep", "/bin/grep", "/usr/bin/../bin/grep", "bin/x", "x", ""):
        told = "the administrator allows run for /usr/bin/grep, /home/ann/bin/x only"
        assert refusal(listed, "run", (program,)) == told


def test_root_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for word in ("run", "rewrite", "pipe", "redirect"):
        assert refusal(commands(), word, ("true",)) == "root runs no programs"


def test_a_listed_program_is_run_by_the_path_in_the_list(tmp_path: Path) -> None:
    """Not by what happens to stand before it along PATH."""
    outcome = run_command(commands(run=("/bin/readlink",)), "run", ("readlink", "/proc/self/exe"), [], 5)
    assert outcome.status == 0
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/where").write_text("#!/bin/sh\npwd\n")
    (tmp_path / "bin/where").chmod(0o755)
    for program in ("~/bin/where", "bin/where", f"{tmp_path}/bin/where"):
        outcome = run_command(commands(str(tmp_path)), "pipe", (program,), [], 5)
        assert outcome.output.decode() == f"{tmp_path}\n"


def test_no_command_takes_longer_than_the_delivery() -> None:
    started = time.monotonic()
    assert run_command(commands(seconds=0.2), "run", ("sleep", "20"), [], 10).is_timed_out
    assert run_command(commands(seconds=10), "run", ("sleep", "20"), [], 0.2).is_timed_out
    assert run_command(commands(seconds=-1), "run", ("sleep", "20"), [], 10).is_timed_out
    assert time.monotonic() - started < 3


def test_time_is_kept_for_storing() -> None:
    assert commands_until(1_000, 240) == 1_220
    assert commands_until(1_000, 10) == 1_005


MESSAGE = Message(b"From ann Tue Nov 24\nSubject: tea\nX-A: 1\n\nwater\n")


def asked(word: str, portion: str, *argv: str, edits: tuple[Edit, ...] = (), message: Message = MESSAGE) -> Ran:
    return ask_program(commands(), message, (word, portion, argv, edits, *([20] if word == "rewrite" else [])))


@pytest.mark.usefixtures("not_root")
def test_a_program_is_given_its_version_of_the_message_or_a_part_of_it() -> None:
    assert asked("run", "", "cat") == Ran("exited", 0, b"Subject: tea\nX-A: 1\n\nwater\n")
    assert asked("run", "header", "cat") == Ran("exited", 0, b"Subject: tea\nX-A: 1\n\n")
    assert asked("run", "body", "cat") == Ran("exited", 0, b"water\n")
    edits = (Edit("set", "Subject", "milk"), Edit("replace", "body", "", b"cow\n"), Edit("remove", "X-A"))
    assert asked("run", "", "cat", edits=edits) == Ran("exited", 0, b"Subject: milk\n\ncow\n")
    assert asked("rewrite", "", "tr", "a-z", "A-Z") == Ran("exited", 0, b"SUBJECT: TEA\nX-A: 1\n\nWATER\n")


@pytest.mark.usefixtures("not_root")
def test_why_a_program_failed_is_told_with_what_it_had_to_say() -> None:
    assert asked("run", "", "sh", "-c", "echo no such judge >&2; echo x; exit 3") == Ran(
        "exited", 3, b"x\n", "it exited with 3 (no such judge)"
    )
    assert asked("run", "", "sh", "-c", "kill -9 $$") == Ran("failed", reason="it was ended by signal 9")
    assert asked("run", "", "no-such") == Ran("failed", reason="it cannot be started: No such file or directory")
    assert asked("run", "", "sh", "-c", "yes | head -c 100000").output == b"y\n" * 32_768


@pytest.mark.usefixtures("not_root")
def test_a_new_message_is_taken_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    big = Message(b"Subject: big\n\n" + b"x" * 79 + b"\n" * 50_000_000)
    ran = asked("rewrite", "", "cat", message=big)
    assert ran.output == big.raw
    monkeypatch.setattr("pydeliver.limits.REWRITE_OCTETS", 1_000_000)
    assert asked("rewrite", "", "cat", message=big) == Ran("failed", reason="it gave more than 1000000 octets")


def test_what_may_not_run_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = tmp_path / "made"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert asked("run", "", "touch", str(made)) == Ran("refused", reason="root runs no programs")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    question = ("rewrite", "", ("touch", str(made)), (), 5)
    refused = Ran("refused", reason="the administrator refuses rewrite")
    assert ask_program(commands(rewrite="refused"), MESSAGE, question) == refused
    assert not made.exists()
