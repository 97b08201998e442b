"""Two locks of one file, both or neither; whoever is dead holds none."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pydeliver.limits import DOT_LOCK_STALE
from pydeliver.mailbox import lock as lock_module
from pydeliver.mailbox import maildir
from pydeliver.mailbox.lock import FileLock, open_locked
from tests.conftest import skip_unless_root

HOST = os.uname().nodename


@pytest.fixture(params=["unnamed", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lock file that has no name until it is whole, and one that has another."""
    if request.param == "named":
        monkeypatch.setattr(maildir, "_UNNAMED", None)
    return str(request.param)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    before = len(os.listdir("/proc/self/fd"))
    opened = os.open(tmp_path, os.O_PATH)
    yield opened
    os.close(opened)
    assert len(os.listdir("/proc/self/fd")) == before


def take(directory: int, wait: float = 0.05) -> tuple[int, FileLock]:
    return open_locked("box", directory, wait)


def release(held: tuple[int, FileLock]) -> None:
    held[1].release()


def ended_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.usefixtures("way")
def test_both_locks_are_held_and_let_go(tmp_path: Path, directory: int) -> None:
    held = take(directory)
    assert (tmp_path / "box.lock").read_text() == f"{os.getpid()}:{HOST}\n"
    with open(tmp_path / "box") as other, pytest.raises(BlockingIOError):
        fcntl.lockf(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
    release(held)
    assert os.listdir(tmp_path) == ["box"]
    with open(tmp_path / "box", "r+") as other:
        fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "content", [b"", b"0", b"1\n", b"1:another.example\n", b"\xff:\xfe", b"99999999999:x", b"-1:x"]
)
def test_a_young_lock_file_of_another_is_waited_for(tmp_path: Path, directory: int, content: bytes) -> None:
    (tmp_path / "box.lock").write_bytes(content)
    with pytest.raises(TimeoutError, match=r"locked by a lock file \d s old"):
        take(directory)
    assert (tmp_path / "box.lock").read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == ["box", "box.lock"]


def test_a_lock_file_names_its_holder(tmp_path: Path, directory: int) -> None:
    (tmp_path / "box.lock").write_text(f"{os.getppid()}:{HOST}\n")
    with pytest.raises(TimeoutError, match=rf"locked by process {os.getppid()} \(.+\)") as raised:
        take(directory)
    assert raised.value.errno == errno.ETIMEDOUT


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("content", "age"),
    [
        (lambda: f"{ended_process()}:{HOST}\n", 0),
        (lambda: "", DOT_LOCK_STALE + 5),
        (lambda: "0", DOT_LOCK_STALE + 5),
        (lambda: f"{os.getppid()}:{HOST}\n", DOT_LOCK_STALE + 5),
        (lambda: "1:another.example", DOT_LOCK_STALE + 5),
        (lambda: "", -DOT_LOCK_STALE - 5),  # the clock was set back meanwhile
    ],
)
def test_a_stale_lock_file_is_removed(tmp_path: Path, directory: int, content: Callable[[], str], age: int) -> None:
    (tmp_path / "box.lock").write_text(content())
    os.utime(tmp_path / "box.lock", (0, time.time() - age))
    release(take(directory))
    assert os.listdir(tmp_path) == ["box"]


def test_who_has_ended_and_is_not_waited_for_holds_nothing(tmp_path: Path, directory: int) -> None:
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie until the end of this block
        (tmp_path / "box.lock").write_text(f"{ended.pid}:{HOST}\n")
        release(take(directory))
    assert os.listdir(tmp_path) == ["box"]


def test_a_stale_lock_file_stays_while_another_has_the_file(tmp_path: Path, directory: int) -> None:
    """Who removes one holds the fcntl lock: else two could, and the second would remove the first's new one."""
    (tmp_path / "box.lock").write_text(f"{ended_process()}:{HOST}\n")
    with open(tmp_path / "box", "w") as other:
        fcntl.lockf(other, fcntl.LOCK_EX)
        code = (
            "import os, sys\nfrom pydeliver.mailbox.lock import open_locked\n"
            "open_locked('box', os.open(sys.argv[1], os.O_PATH), 0.05)"
        )
        ended = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
        assert f"locked by process {os.getpid()}" in ended.stderr
    assert (tmp_path / "box.lock").exists()


def test_the_lock_file_is_not_kept_while_another_has_the_fcntl_lock(tmp_path: Path, directory: int) -> None:
    """A program that takes them in the other order gets both."""
    with open(tmp_path / "box", "w") as other:
        fcntl.flock(other, fcntl.LOCK_UN)
        descriptor = os.open(tmp_path / "box", os.O_RDWR)
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock_module._WHOLE_FILE)
        seen = set()
        with pytest.raises(TimeoutError, match="locked by another delivery"):
            take(directory, 0.3)
        seen.update(os.listdir(tmp_path))
        os.close(descriptor)
    assert seen == {"box"}


def test_waiting_ends_when_the_lock_is_free(tmp_path: Path, directory: int) -> None:
    (tmp_path / "box.lock").touch()
    threading.Timer(0.2, (tmp_path / "box.lock").unlink).start()
    release(take(directory, 5))


def make_symlink(path: Path) -> None:
    (path.parent / "elsewhere").write_text("1")
    path.symlink_to("elsewhere")


IMPOSTORS: list[Callable[[Path], object]] = [make_symlink, os.mkfifo, Path.mkdir]


@pytest.mark.parametrize("make", IMPOSTORS)
def test_what_is_no_lock_file_is_refused_at_once(tmp_path: Path, directory: int, make: Callable[[Path], None]) -> None:
    make(tmp_path / "box.lock")
    with pytest.raises(OSError, match="its lock is no plain file"):
        take(directory, 5)
    assert sorted(set(os.listdir(tmp_path)) - {"elsewhere"}) == ["box", "box.lock"]


@pytest.mark.parametrize("make", [*IMPOSTORS, lambda path: path.symlink_to("/etc/nothing-there")])
def test_what_is_no_plain_file_is_refused(tmp_path: Path, directory: int, make: Callable[[Path], None]) -> None:
    make(tmp_path / "box")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(OSError, match="it is no plain file"):
        take(directory, 5)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_file_with_two_names_is_refused(tmp_path: Path, directory: int) -> None:
    (tmp_path / "other").write_text("theirs")
    os.link(tmp_path / "other", tmp_path / "box")
    with pytest.raises(OSError, match="it has more than one name"):
        take(directory, 5)
    assert sorted(os.listdir(tmp_path)) == ["box", "other"]


def test_a_device_is_not_opened(directory: int) -> None:
    null = os.open("/dev", os.O_PATH)
    try:
        with pytest.raises(OSError, match="it is no plain file"):
            open_locked("null", null, 1)
    finally:
        os.close(null)


def test_anothers_file_is_refused(tmp_path: Path, directory: int) -> None:
    skip_unless_root("to make a file of another's")
    (tmp_path / "box").write_text("theirs")
    os.chown(tmp_path / "box", 65534, 65534)
    with pytest.raises(PermissionError, match="belongs to uid 65534"):
        take(directory, 5)


def test_a_file_that_was_replaced_while_we_waited_is_the_new_one(tmp_path: Path, directory: int) -> None:
    """As mutt does when it has removed messages."""
    (tmp_path / "box").write_text("old")
    (tmp_path / "box.lock").touch()

    def replace() -> None:
        (tmp_path / "new").write_text("new")
        (tmp_path / "new").rename(tmp_path / "box")
        (tmp_path / "box.lock").unlink()

    threading.Timer(0.1, replace).start()
    file, lock = take(directory, 5)
    assert os.pread(file, 9, 0) == b"new"
    release((file, lock))


def test_a_lock_that_was_broken_and_taken_is_not_ours_to_remove(tmp_path: Path, directory: int) -> None:
    held = take(directory)
    (tmp_path / "box.lock").unlink()
    (tmp_path / "box.lock").write_text("another's")
    release(held)
    assert (tmp_path / "box.lock").read_text() == "another's"


def test_where_no_file_can_be_made_the_fcntl_lock_must_do(tmp_path: Path) -> None:
    """A spool that is the mail group's."""
    skip_unless_root("to have a directory of another's")
    tmp_path.chmod(0o755)
    (tmp_path / "box").touch()
    os.chown(tmp_path / "box", 65534, 65534)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o711)
    code = (
        "import os, sys\nfrom pydeliver.mailbox.lock import open_locked\n"
        "os.setgroups([]); os.chdir(sys.argv[1]); os.setgid(65534); os.setuid(65534)\n"
        "file, lock = open_locked('box', os.open('.', os.O_PATH), 0.05)\nprint(*lock.notes, os.listdir())"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout.startswith("locked by fcntl alone: no dot-lock can be made (Permission denied) ['box']")
    (tmp_path / "box.lock").touch()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "locked by a lock file 0 s old" in ended.stderr
