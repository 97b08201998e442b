"""A program is run with nothing of ours in its hands, and whatever it does is an outcome within its time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pydeliver import limits
from pydeliver.world.process import Command, Outcome, run

PATH = ("PATH", "/usr/bin:/bin")


def command(
    *argv: str, timeout: float = 20, directory: str = "/", output_octets: int = limits.OUTPUT_OCTETS
) -> Command:
    return Command(argv, (PATH, ("HOME", "/nowhere")), directory, timeout, output_octets)


def shell(script: str, *chunks: bytes, output_octets: int = limits.OUTPUT_OCTETS) -> Outcome:
    return run(command("sh", "-c", script, output_octets=output_octets), chunks)


def test_what_it_reads_prints_and_exits_with() -> None:
    assert run(command("cat"), [b"one ", memoryview(b"two"), b"", b" three"]) == Outcome(0, output=b"one two three")
    assert shell("exit 3") == Outcome(3)
    assert shell("echo no >&2; exit 1") == Outcome(1, complaint=b"no\n")
    assert shell("kill -KILL $$") == Outcome(None, 9)
    assert shell("kill -PIPE $$").signal == signal.SIGPIPE


@pytest.mark.parametrize(
    ("outcome", "failure"),
    [
        (Outcome(0), ""),
        (Outcome(3), "it exited with 3"),
        (Outcome(None, 9), "it was ended by signal 9"),
        (Outcome(None, 9, is_timed_out=True), "it took too long"),
        (Outcome(error=errno.ENOENT), "it cannot be started: No such file or directory"),
        (Outcome(error=errno.EACCES, directory="/root"), "it cannot be started in /root: Permission denied"),
    ],
)
def test_a_failure_in_words(outcome: Outcome, failure: str) -> None:
    assert outcome.failure == failure


def test_arguments_are_never_split_nor_read_by_a_shell() -> None:
    said = ("$(id)", "a b", "", "*", "`id`", "; id", "é", "x\0y", "\ud800", "\udcff")
    assert run(command("printf", "[%s]", *said), []).output == b"[$(id)][a b][][*][`id`][; id][\xc3\xa9][xy][?][\xff]"


def test_its_environment_directory_and_umask_are_what_was_said(tmp_path: Path) -> None:
    os.environ["SECRET"] = "ours"
    try:
        assert set(run(command("env"), []).output.split()) == {b"PATH=/usr/bin:/bin", b"HOME=/nowhere"}
    finally:
        del os.environ["SECRET"]
    asked = command("sh", "-c", "pwd; umask; touch made", directory=str(tmp_path))
    assert run(asked, []).output.decode().split() == [str(tmp_path), "0077"]
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_no_descriptor_of_ours_reaches_it() -> None:
    inherited, other = os.pipe()
    os.set_inheritable(inherited, True)
    os.set_inheritable(other, True)
    try:
        found = run(command("ls", "/proc/self/fd"), []).output.split()
        assert found == [b"0", b"1", b"2", b"3"]  # the last is ls's own
        targets = shell("readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2").output.split()
        assert len(set(targets)) == 3
        assert all(target.startswith(b"pipe:") for target in targets)
    finally:
        os.close(inherited)
        os.close(other)


def test_it_has_a_session_of_its_own_and_signals_as_new() -> None:
    pid, session, group = shell("set -- $(cat /proc/$$/stat); echo $1 $6 $5").output.split()
    assert pid == session == group
    said = run(command("grep", "-E", "SigIgn|SigBlk", "/proc/self/status"), []).output.split()
    inherited = sum(
        [1 << (number - 1) for number in (1, 2, 3) if signal.getsignal(number) is signal.SIG_IGN]
    )  # nohup, &
    assert [int(mask, 16) & ~(1 << 31) & ~inherited for mask in said[1::2]] == [0, 0]  # 32 is the C library's own


def test_no_descriptor_and_no_child_is_left() -> None:
    before = os.listdir("/proc/self/fd")
    for asked in (command("true"), command("not there"), command("sleep", "9", timeout=0.05)):
        run(asked, [b"x" * 200_000])
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("no-such-program", errno.ENOENT),
        ("/no/such/program", errno.ENOENT),
        ("/tmp", errno.EACCES),
        ("/etc/passwd", errno.EACCES),
        ("", errno.EACCES),
    ],
)
def test_what_cannot_be_started_is_an_outcome(program: str, error: int) -> None:
    assert run(command(program), [b"message"]) == Outcome(error=error)


def test_a_file_that_is_no_program_and_a_directory_that_is_not_there(tmp_path: Path) -> None:
    for name, content, error in (("text", b"hello\n", errno.ENOEXEC), ("script", b"#!/no/such\n", errno.ENOENT)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o755)
        assert run(command(str(tmp_path / name)), []) == Outcome(error=error)
    assert run(command("true", directory="/no/such"), []) == Outcome(error=errno.ENOENT, directory="/no/such")
    assert run(command("true", "x" * 200_000), []) == Outcome(error=errno.E2BIG)


def test_without_descriptors_it_is_an_outcome() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for more in range(10):
        used = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + more - 1, hard))
        try:
            outcome = run(command("true"), [])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert outcome in (Outcome(error=errno.EMFILE), Outcome(0))
        assert len(os.listdir("/proc/self/fd")) == used


def took(asked: Command, *chunks: bytes) -> tuple[float, Outcome]:
    started = time.monotonic()
    outcome = run(asked, chunks)
    return time.monotonic() - started, outcome


def test_one_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    script = "sleep 77.7 & sleep 77.7 & echo $! > started; echo said; sleep 77.7"
    seconds, outcome = took(command("sh", "-c", script, timeout=0.3, directory=str(tmp_path)), b"x" * 1_000_000)
    assert outcome == Outcome(None, signal.SIGTERM, is_timed_out=True, output=b"said\n")
    assert seconds < 2
    time.sleep(0.2)
    left = Path(f"/proc/{(tmp_path / 'started').read_text().strip()}/stat")
    assert not left.exists() or left.read_text().split()[2] == "Z"


def test_one_that_does_not_want_to_end_is_ended() -> None:
    seconds, outcome = took(command("sh", "-c", "trap '' TERM HUP INT; while :; do sleep 0.1; done", timeout=0.2))
    assert outcome == Outcome(None, signal.SIGKILL, is_timed_out=True)
    assert seconds < 4


def test_a_daemon_that_holds_the_pipes_is_not_waited_for() -> None:
    seconds, outcome = took(command("sh", "-c", "echo now; (sleep 5; echo late) & exit 0", timeout=20))
    assert outcome == Outcome(0, output=b"now\n")
    assert seconds < 2
    seconds, outcome = took(command("sh", "-c", "setsid yes & exit 0", timeout=20))  # ends by SIGPIPE when we close
    assert outcome.status == 0
    assert seconds < 2


def test_one_that_closes_its_pipes_is_waited_for() -> None:
    seconds, outcome = took(command("sh", "-c", "exec <&- >&- 2>&-; sleep 0.3; exit 5"), b"x" * 1_000_000)
    assert outcome == Outcome(5)
    assert seconds >= 0.3


def test_one_that_never_reads_is_no_failure() -> None:
    assert shell("exit 0", b"x" * 10_000_000) == Outcome(0)
    assert shell("echo a", b"x" * 10_000_000).output == b"a\n"


def test_a_flood_is_cut() -> None:
    outcome = shell("yes | head -c 5000000; yes no | head -c 5000000 >&2")
    assert outcome.status == 0
    assert outcome.is_truncated
    assert len(outcome.output) == limits.OUTPUT_OCTETS
    assert len(outcome.complaint) == limits.COMPLAINT_OCTETS
    seconds, outcome = took(command("yes", timeout=0.3))
    assert outcome.is_timed_out
    assert seconds < 2
    assert not shell("echo >&2; yes | head -c 5 >&2").is_truncated


def test_the_last_that_it_writes_is_heard_whole() -> None:
    for size in (65_536, 65_537, 1_000_000):
        outcome = shell(f"head -c {size} /dev/zero", output_octets=2_000_000)
        assert outcome == Outcome(0, output=bytes(size))


def test_what_stands_in_a_large_pipe_when_it_has_ended_is_heard() -> None:
    def late() -> Iterator[bytes]:
        time.sleep(0.5)  # by now it has ended
        yield b"message"

    script = "import fcntl, os; fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 1 << 20); os.write(1, bytes(1 << 20))"
    asked = command(sys.executable, "-I", "-S", "-c", script, output_octets=2_000_000)
    assert run(asked, late()) == Outcome(0, output=bytes(1 << 20))


def test_where_children_are_not_to_be_waited_for_the_end_is_not_known() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert shell("echo a; sleep 0.3") == Outcome(output=b"a\n")
        assert run(command("sleep", "9", timeout=0.1), []).is_timed_out
        assert run(command("/no/such"), []) == Outcome(error=errno.ENOENT)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert Outcome().failure == "how it ended cannot be known"


def test_fifty_megabytes_go_through() -> None:
    message = os.urandom(1_000_000) * 50
    seconds, outcome = took(command("cat", output_octets=60_000_000), message)
    assert outcome == Outcome(0, output=message)
    assert seconds < 10


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.01)


TAKE_SLOWLY = """
from pydeliver.world.process import Command, run
script = "echo > started; sleep 0.3; cat > new; mv new taken"
command = Command(("/bin/sh", "-c", script), (), {path!r}, 9, takes_all={whole})
run(command, [bytes(100_000)] * 20)
"""


@pytest.mark.parametrize("whole", [True, False])
def test_what_takes_all_has_all_even_if_we_are_killed(tmp_path: Path, whole: bool) -> None:
    """By a pipe it would have been a part, and taken for the message: the reason for the file."""
    text = TAKE_SLOWLY.format(path=str(tmp_path), whole=whole)
    with subprocess.Popen([sys.executable, "-c", text]) as deliverer:
        wait_until((tmp_path / "started").exists)
        deliverer.kill()
    wait_until((tmp_path / "taken").exists)
    assert ((tmp_path / "taken").stat().st_size == 2_000_000) is whole


def test_what_takes_all_is_run_as_any_other() -> None:
    taking = Command(("/bin/sh", "-c", "read one; echo $one; cat >&2; exit 3"), (PATH,), "/", 9, takes_all=True)
    outcome = run(taking, [b"a\n", b"", memoryview(b"bc")])
    assert outcome == Outcome(3, output=b"a\n", complaint=b"bc")


def test_what_fails_here_ends_it() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"one"
        raise MemoryError

    with pytest.raises(MemoryError):
        run(command("sleep", "77"), chunks())
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_it_loads_little() -> None:
    script = "import sys, pydeliver.world.process; print(*sys.modules)"
    asked = command(sys.executable, "-S", "-c", script, directory=os.getcwd())
    loaded = set(run(asked, []).output.decode().split())
    assert "pydeliver.world.process" in loaded
    assert loaded & {"subprocess", "signal", "enum", "selectors", "threading", "contextlib"} == set()
