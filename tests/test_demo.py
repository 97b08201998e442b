"""The demo: what `make demo` runs once the program is installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.wheel import ROOT

DEMO = ROOT / "examples/demo"


def run_demo(prefix: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin"}
    return subprocess.run([DEMO, str(prefix)], env=environment, capture_output=True, text=True, cwd="/", timeout=120)


def test_every_delivery_of_the_demo_does_what_the_dry_run_said(installed: Path) -> None:
    shown = run_demo(installed.parent)
    assert (shown.returncode, shown.stderr) == (0, "")
    number = len(list((ROOT / "examples/messages").glob("*.eml")))
    assert shown.stdout.endswith(f"{number} of {number} deliveries did exactly what --test had said.\n")


def test_the_demo_shows_every_way_a_delivery_can_end_and_where_mail_is(installed: Path) -> None:
    shown = run_demo(installed.parent).stdout
    for words in (
        "exit status 0",
        "exit status 75",
        "exit status 77",
        "also keep",
        "discard",
        "\n  INBOX\n",
        "\n  Junk\n",
    ):
        assert words in shown


def test_the_demo_needs_to_know_where_the_program_is(tmp_path: Path) -> None:
    shown = run_demo(tmp_path)
    assert shown.returncode == 64
    assert shown.stderr.startswith("usage: ")
