"""What a delivery loads: exactly these modules, run as the installed program with its rules compiled.

Each module costs every message of every user.  A module that comes in must
come in here as well, with its reason in the commit; one that goes out too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What the interpreter brings before our first line, isolated and without site; not ours to choose.
INTERPRETER = set(
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
)
STANDARD = {
    *("__future__", "_collections_abc", "_json", "_stat", "binascii", "errno", "gc", "genericpath", "itertools"),
    *("os", "os.path", "posixpath", "pwd", "select", "stat"),
}
OURS = {
    "pydeliver",
    "pydeliver.address",
    "pydeliver.cli",
    "pydeliver.cli.deliver",
    "pydeliver.cli.main",
    "pydeliver.cli.options",
    "pydeliver.config",
    "pydeliver.copies",
    "pydeliver.delivery",
    "pydeliver.delivery.answer",
    "pydeliver.delivery.deliver",
    "pydeliver.delivery.handover",
    "pydeliver.delivery.perform",
    "pydeliver.delivery.prepare",
    "pydeliver.engine",
    "pydeliver.engine.conditions",
    "pydeliver.engine.conditions.compare",
    "pydeliver.engine.conditions.fact",
    "pydeliver.engine.evaluate",
    "pydeliver.engine.facts",
    "pydeliver.engine.run",
    "pydeliver.engine.values",
    "pydeliver.envelope",
    "pydeliver.flags",
    "pydeliver.fold",
    "pydeliver.jsonline",
    "pydeliver.limits",
    "pydeliver.mailbox",
    "pydeliver.mailbox.maildir",
    "pydeliver.mailbox.tree",
    "pydeliver.message",
    "pydeliver.message.addresses",
    "pydeliver.message.header",
    "pydeliver.message.text",
    "pydeliver.message.view",
    "pydeliver.naming",
    "pydeliver.plan",
    "pydeliver.rules",
    "pydeliver.rules.load",
    "pydeliver.rules.program",
    "pydeliver.state",
    "pydeliver.state.journal",
    "pydeliver.state.places",
    "pydeliver.status",
    "pydeliver.value",
}
FOR_PATTERNS = {
    "pydeliver.engine.conditions.matches",
    "pydeliver.engine.match",
    "pydeliver.engine.pattern",
    "pydeliver.rules.patterns",
}
FOR_LISTS = {
    "pydeliver.delivery.lists",
    "pydeliver.engine.conditions.listed",
    "pydeliver.state.listfile",
    "pydeliver.state.listindex",
}
FOR_PARTS = {
    "pydeliver.engine.body",
    "pydeliver.message.mime",
    "pydeliver.message.parameters",
    "pydeliver.message.part",
    "pydeliver.message.transfer",
}
FORBIDDEN = {
    *("dataclasses", "typing", "enum", "re", "json", "subprocess", "argparse", "inspect", "functools", "collections"),
    *("pathlib", "tomllib", "zoneinfo", "email", "asyncio", "lark", "ssl", "logging", "importlib.metadata"),
    *("socket", "shutil", "tempfile", "random"),
}

MESSAGE = b"From: Carol <carol@example.com>\nTo: ann@example.org\nSubject: a cake\n\nIt is ready.\n"
PLAIN = 'rule "Cake" when subject contains "cake" and from is "carol@example.com" { file "Cakes" }\n'
WITH_REGEX = 'rule "Cake" when subject matches /a (cake|tart)/ { file "Cakes" }\n'
WITH_PARTS = 'rule "Cake" when body contains "ready" and count of attachment is 0 { file "Cakes" }\n'


@pytest.fixture(scope="module")
def tracing_boot(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The boot file as it is, in a copy that writes down what was loaded when the process ends."""
    boot = installed.parent / "share/pydeliver/boot.py"
    text = boot.read_text(encoding="utf-8")
    assert text.count("__file__") == 1
    ending = (
        "_leave = posix._exit\n"
        "def _told(status):\n"
        "    posix.write(2, ' '.join(sys.modules).encode())\n"
        "    _leave(status)\n"
        "posix._exit = _told\n"
    )
    copy = tmp_path_factory.mktemp("boot") / "boot.py"
    head, imports, rest = text.partition("import posix\nimport sys\n")
    copy.write_text(head + imports + ending + rest.replace("__file__", repr(str(boot))), encoding="utf-8")
    return copy


def loaded(boot: Path, installed: Path, home: Path, rules: str) -> set[str]:
    """Deliver twice as the client does, the first time to compile the rules; the modules of the second."""
    (home / ".pydeliverrc").write_text(rules, encoding="utf-8")
    (home / ".pydeliverrc").chmod(0o600)
    for _ in range(2):
        verdict, modules = deliver(boot, installed, home)
        assert verdict == "verdict 0 2.0.0 delivered\n"
    assert len(os.listdir(home / "Maildir/.Cakes/new")) == 2
    return modules - INTERPRETER - {"__main__"}


def deliver(boot: Path, installed: Path, home: Path) -> tuple[str, set[str]]:
    environment = {"HOME": str(home), "LOGNAME": "ann", "PATH": "/usr/bin:/bin"}
    reading, writing = os.pipe()
    command = [str(installed / "python3"), "-I", "-S", str(boot), f"deliver={writing}"]
    options = ["--maildir", str(home / "Maildir")]
    ran = subprocess.run(
        command + options,
        input=MESSAGE,
        env=environment,
        capture_output=True,
        pass_fds=(writing,),
    )
    os.close(writing)
    with open(reading, encoding="ascii") as verdict:
        return verdict.read(), set(ran.stderr.decode().split())


def test_a_delivery_loads_these_modules_and_no_others(tracing_boot: Path, installed: Path, tmp_path: Path) -> None:
    found = loaded(tracing_boot, installed, tmp_path, PLAIN)
    assert sorted(found) == sorted({*STANDARD, *OURS} - INTERPRETER)


def test_a_regex_loads_re2_and_what_matches_with_it(tracing_boot: Path, installed: Path, tmp_path: Path) -> None:
    found = loaded(tracing_boot, installed, tmp_path, WITH_REGEX)
    assert "re2" in found
    assert sorted([name for name in found if name.startswith("pydeliver")]) == sorted({*OURS, *FOR_PATTERNS})


def test_a_regex_whose_literal_is_not_there_loads_no_re2(tracing_boot: Path, installed: Path, tmp_path: Path) -> None:
    rules = 'rule "Tart" when subject matches /a (scone|tart)/ { file "Tarts" }\n' + PLAIN
    found = loaded(tracing_boot, installed, tmp_path, rules)
    assert sorted(found) == sorted({*STANDARD, *OURS, *FOR_PATTERNS} - INTERPRETER)


def test_a_rule_about_the_body_loads_what_reads_it(tracing_boot: Path, installed: Path, tmp_path: Path) -> None:
    found = loaded(tracing_boot, installed, tmp_path, WITH_PARTS)
    assert sorted(found) == sorted({*STANDARD, *OURS, *FOR_PARTS} - INTERPRETER)


def test_a_rule_that_asks_a_list_loads_what_reads_it(tracing_boot: Path, installed: Path, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("".join([f"user{number}@example.net\n" for number in range(2_000)]))
    (tmp_path / "more.rules").write_text('list many from "many.txt"\n')
    (tmp_path / "more.rules").chmod(0o600)
    rules = 'include "more.rules"\nrule "Many" when from in many { discard }\n' + PLAIN
    found = loaded(tracing_boot, installed, tmp_path, rules)
    assert sorted(found) == sorted({*STANDARD, *OURS, *FOR_LISTS} - INTERPRETER)


def test_none_of_these_is_what_a_delivery_must_do_without() -> None:
    """The list above is ours to change; this one is the budget's."""
    assert {*STANDARD, *OURS, *FOR_PATTERNS, *FOR_LISTS, *FOR_PARTS} & FORBIDDEN == set()
    assert not INTERPRETER & FORBIDDEN
