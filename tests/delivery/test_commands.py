"""What a command of a rule finds around it, and whether it may run at all."""

from __future__ import annotations

import os
import string
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pydeliver.config import SETTINGS
from pydeliver.delivery.commands import VARIABLES, Commands, commands_until, refusal, run_command, variables
from pydeliver.envelope import Envelope

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
