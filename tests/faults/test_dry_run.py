"""`--test` leaves no trace: nothing is opened to be written, nothing is made, renamed or removed, nobody is called."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.faults.report import report
from tests.faults.stage import (
    COLD,
    FROM_LINE,
    LONG_LIST,
    NEW_MAILBOX,
    ONE_STORE,
    STORED,
    TWO_STORES,
    WRONG_RULES,
    Scene,
    Stage,
)
from tests.faults.trace import Call, parse_trace

WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE|O_APPEND")
CHANGES = re.compile(
    r"(creat|mknod|mkdir|rmdir|rename|link|symlink|unlink|chmod|fchmod|chown|fchown|lchown|truncate|ftruncate|utime|"
    r"setxattr|fsetxattr|removexattr|mount|fallocate|copy_file|sendfile|fsync|fdatasync|sync|"
    r"socket|socketpair|connect|bind|listen|accept|sendto|sendmsg|fork|vfork|clone)"
)


def leaves_a_trace(call: Call) -> bool:
    """Whether a call could change the disk, start a process, or speak to anybody but by descriptors 1 and 2."""
    if call.name in ("open", "openat", "openat2"):
        return bool(WRITING.search(call.arguments))
    if call.name in ("write", "writev", "pwrite64"):
        return not re.match(r"[12]<", call.arguments)
    return bool(CHANGES.match(call.name))


@pytest.mark.parametrize("state", ["with state", "without state", "in an empty home"])
@pytest.mark.parametrize(
    "scene", [ONE_STORE, COLD, TWO_STORES, NEW_MAILBOX, LONG_LIST, WRONG_RULES], ids=lambda scene: scene.title
)
def test_a_dry_run_leaves_no_trace(stage: Stage, scene: Scene, state: str) -> None:
    home = stage.home(scene)
    if state != "with state":
        shutil.rmtree(home / ".local", ignore_errors=True)
    if state == "in an empty home":
        shutil.rmtree(home / "Maildir", ignore_errors=True)
    before = everything(home)
    file = stage.scratch / f"{home.name}.dry"
    outcome = stage.deliver(
        home,
        *["--test", "-", "--trace"],
        command=stage.tracing_client("-f", "-y", "-o", str(file)),
        message=FROM_LINE + STORED,
    )
    assert outcome.status == (1 if scene is WRONG_RULES else 0), outcome
    assert outcome.output
    calls = parse_trace(file.read_text())
    assert len(calls) > 500
    assert [str(call) for call in calls if leaves_a_trace(call)] == []
    assert everything(home) == before
    report(f"{scene.title}, --test {state}", {"calls": len(calls), "that could leave a trace": 0})


def test_a_delivery_would_be_seen_to_leave_one(stage: Stage) -> None:
    home = stage.home(ONE_STORE)
    file = stage.scratch / f"{home.name}.dry"
    stage.deliver(home, command=stage.tracing_client("-f", "-y", "-o", str(file)))
    names = {call.name for call in parse_trace(file.read_text()) if leaves_a_trace(call)}
    assert {"openat", "linkat", "fsync", "write"} <= names


def everything(home: Path) -> dict[str, tuple[int, int, int, int]]:
    found = {str(path): path.lstat() for path in (home, *home.rglob("*"))}
    return {path: (s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path, s in found.items()}
