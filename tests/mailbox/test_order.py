"""The order of system calls: synced before it is named, the name synced before commit returns, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, skip_or_fail

# The calls of `os.access` mark in the trace where each phase begins.
DELIVER = """
import os, sys
from pydeliver.mailbox import maildir
root, way, mailbox, *flags = sys.argv[1:]
if way == "named":
    maildir._UNNAMED = None
maildir.Maildir(root).stage("INBOX", [b"before"]).commit()
import pydeliver.mailbox.courier, pydeliver.mailbox.keywords
if mailbox == "old":
    maildir.Maildir(root).stage("old", [b"before"], tuple(flags)).commit()
os.access("/mark/stage", 0)
staged = maildir.Maildir(root).stage(mailbox, [b"Subject: x\\n", b"\\n", b"body\\n"], tuple(flags))
os.access("/mark/commit", 0)
path = staged.commit()
os.access("/mark/end", 0)
os._exit(0)
"""

ROOT_CALLS = ["open", "stat", "stat", "stat", "stat"]  # the root; its cur, tmp and new
FOLDER_CALLS = ["open", "stat", "close", "stat", "stat", "stat"]  # the folder; the root is let go
FILE_CALLS = ["open", "stat", "access", "open", "close", "write", "fsync"]  # new/, /proc, the file; the folder let go
NAMED_FILE_CALLS = ["open", "stat", "open", "stat", "open", "close", "write", "fsync"]  # new/, tmp/, the file

# Which of these a C library takes differs.
SAME = {"fstat": "stat", "newfstatat": "stat", "statx": "stat", "faccessat": "access", "faccessat2": "access"}
SAME |= {"openat": "open", "renameat2": "renameat"}
# What else is called says nothing about files.
IGNORED = {"geteuid", "getpid", "uname", "getrandom", "clock_gettime", "brk", "mmap", "munmap", "lseek"}


def traced(root: Path, *arguments: str) -> tuple[list[str], list[str]]:
    """The system calls of `stage` and of `commit`, each as strace writes it."""
    strace = shutil.which("strace")
    if strace is None:
        skip_or_fail("strace is not installed")
    output = root.parent / "trace"
    command = [str(strace), "-o", str(output), sys.executable, "-c", DELIVER, str(root), *arguments]
    finished = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    if "ptrace" in finished.stderr:
        skip_or_fail(f"strace may not trace here: {finished.stderr}")
    assert finished.returncode == 0, finished.stderr
    phases: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output.read_text().splitlines():
        if mark := re.search(r'"/mark/(\w+)"', line):
            current = phases.setdefault(mark[1], [])
        elif name_of(line) not in IGNORED:
            current.append(line)
    return phases["stage"], phases["commit"]


def name_of(call: str) -> str:
    name = call.partition("(")[0]
    return SAME.get(name, name)


def names(calls: list[str]) -> list[str]:
    return [name_of(call) for call in calls]


def opened(calls: list[str], name: str) -> str:
    """The descriptor that the last open of `name` gave."""
    (*_, last) = [call for call in calls if name_of(call) == "open" and f'"{name}"' in call]
    return last.rpartition("= ")[2].strip()


def test_the_calls_of_one_delivery_to_the_inbox(tmp_path: Path) -> None:
    stage, commit = traced(tmp_path / "Maildir", "unnamed", "INBOX")
    assert names(stage) == ROOT_CALLS + FILE_CALLS
    assert names(commit) == ["linkat", "fsync"]
    assert "O_TMPFILE" in stage[8]
    assert f"fsync({opened(stage, 'tmp')})" in stage[-1]
    assert f"/proc/self/fd/{opened(stage, 'tmp')}" in commit[0]
    assert "AT_SYMLINK_FOLLOW" in commit[0]
    assert f"fsync({opened(stage, 'new')})" in commit[1]


def test_where_files_need_a_name_one_rename_takes_the_place_of_the_link(tmp_path: Path) -> None:
    stage, commit = traced(tmp_path / "Maildir", "named", "INBOX")
    assert names(stage) == ROOT_CALLS + NAMED_FILE_CALLS
    assert "O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600" in stage[9]
    assert names(commit) == ["stat", "renameat", "fsync"]
    assert "ENOENT" in commit[0]
    assert f"fsync({opened(stage, 'new')})" in commit[2]


@pytest.mark.parametrize("flags", [[], ["\\Flagged"], ["$Junk"]])
def test_a_known_mailbox_and_known_keywords_cost_reads_only(tmp_path: Path, flags: list[str]) -> None:
    stage, commit = traced(tmp_path / "Maildir", "unnamed", "old", *flags)
    reading = ["stat", "open", "stat", "read", "close"] if flags == ["$Junk"] else []  # whose keywords, and which
    assert names(stage) == ROOT_CALLS + FOLDER_CALLS + reading + FILE_CALLS
    assert names(commit) == ["linkat", "fsync"]


def test_a_new_mailbox_is_durable_before_the_message_is_named(tmp_path: Path) -> None:
    stage, commit = traced(tmp_path / "Maildir", "unnamed", "fresh")
    root, folder = opened(stage, str(tmp_path / "Maildir")), opened(stage, ".fresh")
    makes = [call for call in stage if name_of(call) == "mkdirat"]
    assert [re.findall(r'"([^"]+)"', call)[0] for call in makes] == [".fresh", "cur", "tmp", "new"]
    assert f"mkdirat({root}, " in makes[0]
    assert all(f"mkdirat({folder}, " in call for call in makes[1:])
    assert "01700" in makes[3]
    after = stage[stage.index(makes[3]) + 1 :]
    assert names(after)[:7] == ["open", "stat", "fsync", "open", "fsync", "close", "stat"]
    assert f"fsync({folder})" in after[2]
    assert f'openat({folder}, ".."' in after[3]
    assert f"fsync({after[3].rpartition('= ')[2].strip()})" in after[4]
    assert name_of(after[7]) == "fchmod"
    assert "0700" in after[7]
    assert names(commit) == ["linkat", "fsync"]


def test_a_new_keyword_is_durable_before_the_message_has_its_letter(tmp_path: Path) -> None:
    stage, commit = traced(tmp_path / "Maildir", "unnamed", "INBOX", "VIP")
    calls = [
        name_of(call)
        for call in stage
        if name_of(call) in ("open", "write", "fsync", "renameat", "unlinkat") and '"new"' not in call
    ]
    after_root = calls[calls.index("open") + 1 :]
    assert after_root == [
        *["open"],  # the list, which is not there
        *["open", "open"],  # the lock, and the list again
        *["unlinkat", "open", "write", "fsync", "renameat", "fsync"],  # the replacement, then its name
        *["unlinkat"],  # the lock
        *["open", "write", "fsync"],  # the message
    ]
    assert names(commit) == ["linkat", "fsync"]
