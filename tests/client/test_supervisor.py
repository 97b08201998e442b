"""The program a mail server starts: 0, 67 or 77 only on a sound verdict, 75 in every other case.

Real programs throughout: the client is compiled (or the launcher taken) and
`python3` beside it is either the real one or a script that misbehaves in one way.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT, skip_or_fail, skip_unless_root

CLIENT = ROOT / "pydeliver/client"
PYTHON = os.path.realpath(sys.executable)

# What stands at the head of every false `python3`: the descriptor it was told, and ways to speak and to linger.
PRELUDE = f"""#!{PYTHON} -ISB
import os, signal, sys, time
arguments = sys.argv[1:]
verdict = int(arguments[4][8:]) if arguments[4].startswith("deliver=") else -1
def say(octets):
    os.write(verdict, octets)
def linger(seconds):
    if os.fork() == 0:
        os.close(verdict)
        time.sleep(seconds)
        os._exit(0)
"""
DELIVERED = 'say(b"verdict 0 2.0.0 delivered\\n")'


class Outcome(NamedTuple):
    """What the mail server sees."""

    status: int
    output: bytes
    seconds: float


class Prefix:
    """An installation with a client and whatever `python3` a test wants."""

    def __init__(self, path: Path, client: Path) -> None:
        self.path = path
        self.client = path / "bin/pydeliver"
        (path / "bin").mkdir(parents=True)
        (path / "share/pydeliver").mkdir(parents=True)
        shutil.copy(client, self.client)
        shutil.copy(CLIENT / "boot.py", path / "share/pydeliver/boot.py")

    def python(self, script: str) -> None:
        """Put a false interpreter beside the client."""
        program = self.path / "bin/python3"
        program.write_text(PRELUDE + script)
        program.chmod(0o755)

    def package(self, main: str) -> None:
        """Put the real interpreter beside the client, and a program for it to find."""
        (self.path / "bin/python3").symlink_to(PYTHON)
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        rooms = self.path / f"lib/{version}/site-packages/pydeliver/cli"
        rooms.mkdir(parents=True)
        (rooms.parent / "__init__.py").write_text("")
        (rooms / "__init__.py").write_text("")
        (rooms / "main.py").write_text(main)

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"Subject: test\n\n",
        env: dict[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> Outcome:
        started = time.monotonic()
        process = subprocess.Popen(
            [self.client, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            preexec_fn=prepare,
        )
        output, _ = process.communicate(stdin, timeout=30)
        return Outcome(process.returncode, output, time.monotonic() - started)


def compile_client(target: Path, *options: str) -> Path:
    if not (compiler := shutil.which("cc")):
        skip_or_fail("needs a C compiler")
    warnings = ("-Wall", "-Wextra", "-Werror")
    subprocess.run(
        [str(compiler), "-std=gnu11", "-O2", *warnings, *options, "-o", target, CLIENT / "pydeliver.c"], check=True
    )
    return target


def write_launcher(target: Path) -> Path:
    target.write_text(f"#!{PYTHON} -ISB\n" + (CLIENT / "launcher.py").read_text())
    target.chmod(0o755)
    return target


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("clients")
    return {
        "C": compile_client(directory / "C", "-static"),
        "launcher": write_launcher(directory / "launcher"),
    }


@pytest.fixture(params=["C", "launcher"])
def prefix(request: pytest.FixtureRequest, clients: dict[str, Path], tmp_path: Path) -> Prefix:
    return Prefix(tmp_path / "prefix", clients[request.param])


@pytest.fixture
def c_prefix(clients: dict[str, Path], tmp_path: Path) -> Prefix:
    """For what only the C program promises."""
    return Prefix(tmp_path / "prefix", clients["C"])


def test_it_compiles_without_a_warning_for_a_dynamic_library(tmp_path: Path) -> None:
    compile_client(tmp_path / "dynamic")


# Verdicts

SOUND = [
    (b"verdict 0 2.0.0 delivered\n", 0, b""),
    (b"verdict 67 5.1.1 no such user\n", 67, b"5.1.1 no such user\n"),
    (b"verdict 75 4.3.0 disk full\n", 75, b"4.3.0 disk full\n"),
    (b"verdict 77 5.7.1 not here\n", 77, b"5.7.1 not here\n"),
    (b"verdict 77 5.7.1 " + b"x" * 480 + b"\n", 77, b"5.7.1 " + b"x" * 480 + b"\n"),
    (b"verdict 0 2.0.0 first\nverdict 75 4.3.0 second\n", 0, b""),
    (b"verdict 75 4.3.0 first\nnonsense", 75, b"4.3.0 first\n"),
    (b"deadline 100\nverdict 0 2.0.0 delivered\n", 0, b""),
    (b"deadline 100\ndeadline 86400\nverdict 77 5.7.1 no\n", 77, b"5.7.1 no\n"),
]


@pytest.mark.parametrize(("line", "status", "output"), SOUND)
def test_a_sound_verdict_is_the_answer(prefix: Prefix, line: bytes, status: int, output: bytes) -> None:
    prefix.python(f"say({line!r})")
    assert prefix.run()[:2] == (status, output)


@pytest.mark.parametrize(("line", "status", "output"), SOUND)
def test_a_verdict_may_come_octet_by_octet(c_prefix: Prefix, line: bytes, status: int, output: bytes) -> None:
    c_prefix.python(f"for octet in {line!r}: say(bytes([octet]))")
    assert c_prefix.run()[:2] == (status, output)


@pytest.mark.parametrize("ending", [0, 1, 2, 75, 77, 120])
def test_after_a_verdict_the_childs_own_status_means_nothing(prefix: Prefix, ending: int) -> None:
    prefix.python(f"{DELIVERED}\nos._exit({ending})")
    assert prefix.run()[:2] == (0, b"")


NO_VERDICT = b"4.3.0 the delivery program ended without a verdict; it will be tried again\n"
UNSOUND = b"4.3.0 the delivery program gave no sound verdict; it will be tried again\n"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"delivered\n",
        b"verdict\n",
        b"verdict 0\n",
        b"verdict 1 5.0.0 failed\n",
        b"verdict 64 5.0.0 usage\n",
        b"verdict 00 2.0.0 delivered\n",
        b"verdict -0 2.0.0 delivered\n",
        b"verdict 256 2.0.0 delivered\n",
        b"verdict  0 2.0.0 delivered\n",
        b" verdict 0 2.0.0 delivered\n",
        b"VERDICT 0 2.0.0 delivered\n",
        b"verdict 0 5.1.1 status and class differ\n",
        b"verdict 0 4.3.0 status and class differ\n",
        b"verdict 75 5.1.1 Postfix would bounce\n",
        b"verdict 75 2.0.0 status and class differ\n",
        b"verdict 77 4.2.2 Postfix would defer\n",
        b"verdict 0 2.0.0 delivered\r\n",
        b"verdict 0 2.0.0 deliv\0ered\n",
        b"verdict 77 5.7.1 gr\xc3\xbc\xc3\x9fe\n",
        b"deadline 0\n",
        b"deadline 86401\n",
        b"deadline -1\n",
        b"deadline 5s\n",
        b"deadline \n",
        b"deadline 99999999999999999999\n",
        b"verdict 77 5.7.1 " + b"x" * 1100 + b"\n",
        b"x" * 4000,
    ],
)
def test_a_line_that_is_no_verdict_is_75(prefix: Prefix, line: bytes) -> None:
    prefix.python(f"signal.signal(signal.SIGPIPE, signal.SIG_IGN)\nsay({line!r} + b'verdict 0 2.0.0 delivered\\n')")
    assert prefix.run()[:2] == (75, UNSOUND)


@pytest.mark.parametrize("line", [b"", b"v", b"verdict 0 2.0.0 delivered", b"deadline 100\n"])
def test_a_verdict_without_its_line_end_is_none(prefix: Prefix, line: bytes) -> None:
    prefix.python(f"say({line!r})")
    assert prefix.run()[:2] == (75, NO_VERDICT)


@pytest.mark.parametrize(
    "ending",
    [f"os._exit({status})" for status in (0, 1, 2, 64, 67, 77, 120, 126, 127)]
    + [f"os.kill(os.getpid(), signal.SIG{name})" for name in ("KILL", "SEGV", "ABRT", "TERM", "XCPU")]
    + ["1 / 0", "sys.exit(0)", "os.close(verdict); time.sleep(60)"],
)
def test_an_end_without_a_verdict_is_75(prefix: Prefix, ending: str) -> None:
    prefix.python(ending)
    outcome = prefix.run()
    assert outcome[:2] == (75, NO_VERDICT)
    assert outcome.seconds < 5


# Output


@pytest.mark.parametrize("verdict", ["", DELIVERED])
def test_what_the_child_prints_is_read_and_not_passed_on(prefix: Prefix, verdict: str) -> None:
    """A megabyte on each descriptor: nothing stalls, and `5.1.1` from a child is not the answer."""
    prefix.python(
        "os.write(1, b'5.1.1 user left\\n')\n"
        "for _ in range(256): os.write(1, b'5' * 4096); os.write(2, b'5' * 4096)\n" + verdict
    )
    assert prefix.run()[:2] == ((0, b"") if verdict else (75, NO_VERDICT))


def test_a_child_that_closes_its_output_is_waited_for_without_spinning(prefix: Prefix) -> None:
    prefix.python(f"os.close(1); os.close(2); time.sleep(0.5)\n{DELIVERED}")
    before = os.times().children_user
    assert prefix.run()[:2] == (0, b"")
    assert os.times().children_user - before < 0.4


def test_a_lingering_grandchild_with_the_output_open_does_not_delay(prefix: Prefix) -> None:
    prefix.python(f"linger(5)\n{DELIVERED}")
    outcome = prefix.run()
    assert outcome[:2] == (0, b"")
    assert outcome.seconds < 1


def test_the_answer_does_not_wait_for_the_childs_books(prefix: Prefix, tmp_path: Path) -> None:
    books = tmp_path / "books"
    prefix.python(f"{DELIVERED}\ntime.sleep(1)\nopen({str(books)!r}, 'w')")
    outcome = prefix.run()
    assert outcome[:2] == (0, b"")
    assert outcome.seconds < 0.9
    assert not books.exists()
    wait_until(books.exists)


def test_the_child_inherits_nothing_the_server_forgot_to_close(prefix: Prefix) -> None:
    """Such as a duplicate of the server's own pipe."""
    prefix.python(
        "held = [os.readlink(f'/proc/self/fd/{n}') for n in range(64) if os.path.lexists(f'/proc/self/fd/{n}')]\n"
        "say(f'verdict 75 4.0.0 {held.count(sys.argv[-1])} {held[1] == held[2]}\\n'.encode())"
    )
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    name = os.readlink(f"/proc/self/fd/{writing}")
    try:
        process = subprocess.run(
            [prefix.client, "-a", name], capture_output=True, stdin=subprocess.DEVNULL, close_fds=False
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert process.stdout == b"4.0.0 0 True\n"


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize(("line", "status"), [(b"verdict 0 2.0.0 ok\n", 0), (b"verdict 77 5.7.1 no\n", 77), (b"", 75)])
def test_closed_standard_descriptors_confuse_nothing(
    prefix: Prefix, closed: tuple[int, ...], line: bytes, status: int
) -> None:
    prefix.python(f"os.write(1, b'noise'); os.write(2, b'noise')\nsay({line!r})")

    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    assert prefix.run(stdin=b"", prepare=close).status == status


def test_a_closed_standard_input_is_an_empty_one(prefix: Prefix) -> None:
    prefix.python("say(b'verdict 75 4.0.0 %d\\n' % len(os.read(0, 100)))")
    assert prefix.run(stdin=b"", prepare=lambda: os.close(0))[:2] == (75, b"4.0.0 0\n")


@pytest.mark.parametrize(("line", "status"), [(b"verdict 0 2.0.0 ok\n", 0), (b"verdict 77 5.7.1 no\n", 77), (b"", 75)])
def test_a_full_disk_under_the_servers_output_changes_no_status(prefix: Prefix, line: bytes, status: int) -> None:
    prefix.python(f"say({line!r})")
    with open("/dev/full", "wb") as full:
        assert subprocess.run([prefix.client], stdin=subprocess.DEVNULL, stdout=full, stderr=full).returncode == status


@pytest.mark.parametrize(("line", "status"), [(b"verdict 77 5.7.1 no\n", 77), (b"", 75)])
def test_a_server_that_does_not_read_changes_no_status(prefix: Prefix, line: bytes, status: int) -> None:
    prefix.python(f"say({line!r})")
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [prefix.client], stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, restore_signals=True
    )
    os.close(writing)
    assert process.returncode == status


@pytest.fixture
def system_log() -> Iterator[socket.socket]:
    """What arrives at /dev/log, where nothing listens there already."""
    skip_unless_root("to be the system's log")
    if os.path.lexists("/dev/log"):
        pytest.skip("needs a machine without a system log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind("/dev/log")
        log.settimeout(5)
        try:
            yield log
        finally:
            os.unlink("/dev/log")


def test_the_childs_last_line_is_logged_when_there_was_no_verdict(c_prefix: Prefix, system_log: socket.socket) -> None:
    c_prefix.python("os.write(2, b'noise\\n' * 9000 + b'Traceback:\\n  ImportError: caf\\xc3\\xa9\\n\\n')")
    assert c_prefix.run().status == 75
    line = system_log.recv(4096).decode()
    assert re.sub(r"\d+\]", "PID]", line) == (
        "<19>pydeliver[PID]: the delivery program ended without a verdict:   ImportError: caf??"
    )


def test_a_stopped_logger_delays_nothing(c_prefix: Prefix, system_log: socket.socket) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
        filler.setblocking(False)
        filler.connect("/dev/log")
        with contextlib.suppress(BlockingIOError):
            while filler.send(b"x" * 1000):
                pass
    c_prefix.python("")
    outcome = c_prefix.run()
    assert outcome.status == 75
    assert outcome.seconds < 1


# Time

TOO_LONG = b"4.3.0 the delivery took too long; it will be tried again\n"


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("time.sleep(60)", ("-o", "deadline=1")),
        ("say(b'deadline 1\\n'); time.sleep(60)", ()),
        ("say(b'deadline 1\\n'); time.sleep(60)", ("-o", "deadline=100")),
        ("say(b'verdict 0 2.0.0 deliv'); time.sleep(60)", ("-f", "x", "-Yodeadline=1")),
        ("os.kill(os.getpid(), signal.SIGSTOP)", ("-o", "deadline=1")),
        ("[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(60)", ("-o", "deadline=1")),
        ("\nwhile True: os.write(1, b'x' * 4096)", ("-o", "deadline=1")),
    ],
)
def test_the_deadline_ends_it(prefix: Prefix, script: str, arguments: tuple[str, ...]) -> None:
    prefix.python(script)
    outcome = prefix.run(*arguments)
    assert outcome[:2] == (75, TOO_LONG)
    assert 0.9 < outcome.seconds < 2.5


@pytest.mark.parametrize("value", ["0", "-1", "x", "", "1x", "86401", "99999999999999999999"])
def test_a_wrong_deadline_is_left_to_the_program(prefix: Prefix, value: str) -> None:
    prefix.python("say(b'verdict 75 4.3.5 ' + arguments[-1].encode() + b'\\n')")
    assert prefix.run("-o", f"deadline={value}")[:2] == (75, f"4.3.5 deadline={value}\n".encode())


def test_at_the_deadline_the_whole_group_is_killed(prefix: Prefix, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    prefix.python(f"linger(60)\nopen({str(note)!r}, 'w').write(str(os.getpgid(0)))\ntime.sleep(60)")
    assert prefix.run("-o", "deadline=1").status == 75
    wait_until(lambda: not group_exists(int(note.read_text())))


@pytest.mark.parametrize(("arguments", "wait"), [((), 250), (("-o", "deadline=7"), 17)])
def test_a_program_whose_client_was_killed_ends_by_an_alarm(
    c_prefix: Prefix, arguments: tuple[str, ...], wait: int
) -> None:
    c_prefix.python('left = signal.alarm(0)\nsay(f"verdict 75 4.3.0 {left}\\n".encode())')
    assert c_prefix.run(*arguments).output in (f"4.3.0 {wait}\n".encode(), f"4.3.0 {wait - 1}\n".encode())


def test_a_verdict_that_is_already_there_is_taken_after_the_deadline(c_prefix: Prefix, tmp_path: Path) -> None:
    """The client was stopped, or the machine asleep: the message is delivered all the same."""
    ready = tmp_path / "ready"
    c_prefix.python(f"os.kill(os.getppid(), signal.SIGSTOP)\n{DELIVERED}\nopen({str(ready)!r}, 'w')\ntime.sleep(9)")
    process = subprocess.Popen([c_prefix.client, "-o", "deadline=1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    wait_until(ready.exists)
    time.sleep(1.2)
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=5)
    assert (process.returncode, output) == (0, b"")


# Signals

ENDING = ["TERM", "HUP", "INT", "QUIT", "ALRM", "USR1", "USR2", "XCPU", "XFSZ"]
INTERRUPTED = b"4.3.0 the delivery was interrupted; it will be tried again\n"


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize(
    "said", [b"", b"verdict 0 2.0.0 deliv", b"deadline 50\n"], ids=["silent", "partial", "deadline"]
)
def test_a_signal_before_the_verdict_is_75_and_kills_the_group(
    prefix: Prefix, tmp_path: Path, name: str, said: bytes
) -> None:
    note = tmp_path / "group"
    prefix.python(
        f"linger(60)\nsay({said!r})\nopen({str(note)!r} + '~', 'w').write(str(os.getpgid(0)))\n"
        f"os.rename({str(note)!r} + '~', {str(note)!r})\ntime.sleep(60)"
    )
    process = subprocess.Popen([prefix.client], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    wait_until(note.exists)
    process.send_signal(getattr(signal, f"SIG{name}"))
    output, _ = process.communicate(timeout=5)
    assert (process.returncode, output) == (75, INTERRUPTED)
    wait_until(lambda: not group_exists(int(note.read_text())))


@pytest.mark.parametrize("name", ["PIPE", "CHLD", "CONT", "WINCH", "TSTP"])
def test_a_signal_that_is_no_end_changes_nothing(prefix: Prefix, name: str) -> None:
    prefix.python(
        f"os.kill(os.getppid(), signal.SIG{name}); time.sleep(0.2)\n"
        f"os.kill(os.getppid(), signal.SIGCONT); time.sleep(0.1)\n{DELIVERED}"
    )
    assert prefix.run()[:2] == (0, b"")


@pytest.mark.parametrize("name", ENDING)
def test_a_signal_after_the_verdict_changes_nothing(c_prefix: Prefix, name: str) -> None:
    c_prefix.python(f"{DELIVERED}\nos.kill(os.getppid(), signal.SIG{name})")
    assert c_prefix.run()[:2] == (0, b"")


def test_an_interrupt_of_the_servers_group_is_the_clients_to_handle(prefix: Prefix) -> None:
    """As Control-C at a terminal: the child is in no group but its own, and has no terminal."""
    prefix.python("say(f'verdict 75 4.0.0 {os.getpid() == os.getpgid(0) == os.getsid(0)}\\n'.encode())")
    assert prefix.run()[:2] == (75, b"4.0.0 True\n")


def test_the_child_starts_with_signals_as_new(prefix: Prefix) -> None:
    """Whatever the server ignored or blocked: the child can wait for its own children, and be ended."""
    prefix.python(
        "lines = dict(line.split(':\\t', 1) for line in open('/proc/self/status'))\n"
        'say(f\'verdict 75 4.0.0 {lines["SigBlk"].strip()} {lines["SigIgn"].strip()}\\n\'.encode())'
    )

    def spoil() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE])

    _, blocked, ignored = prefix.run(prepare=spoil).output.split()
    assert int(ignored, 16) >> (signal.SIGCHLD - 1) & 1 == 0
    assert int(blocked, 16) == 0


def traced(prefix: Prefix, trace: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    if not (strace := shutil.which("strace")):
        skip_or_fail("needs strace")
    return subprocess.run(
        [str(strace), "-o", trace, *options, prefix.client], stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )


def client_calls(prefix: Prefix, trace: Path) -> list[str]:
    """The client's own system calls from the one that blocks signals on."""
    traced(prefix, trace)
    calls = re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)
    return calls[calls.index("rt_sigprocmask") :]


def test_between_verdict_and_end_there_is_one_call(c_prefix: Prefix, tmp_path: Path) -> None:
    """Each further one would be a place to be killed with the message delivered and no answer given."""
    c_prefix.python(f"time.sleep(0.1)\n{DELIVERED}\ntime.sleep(0.5)")
    assert client_calls(c_prefix, tmp_path / "trace")[-3:] == ["poll", "read", "exit_group"]


@pytest.mark.parametrize("name", ["TERM", "HUP", "ALRM", "PIPE"])
def test_a_signal_at_any_system_call_is_75_or_the_verdict(c_prefix: Prefix, tmp_path: Path, name: str) -> None:
    c_prefix.python(f"{DELIVERED}\nos.close(verdict)")
    calls = client_calls(c_prefix, tmp_path / "trace")
    seen: dict[str, int] = {}
    for number, call in enumerate(calls[:-1], 1):
        # strace counts the calls of one name; those before the first of `calls` are the C library's own
        when = seen[call] = seen.get(call, 0) + 1
        outcome = traced(c_prefix, tmp_path / "trace", "-e", f"inject={call}:signal=SIG{name}:when={when}")
        assert outcome.returncode in (0, 75), (number, call)
        assert outcome.stdout in (b"", INTERRUPTED), (number, call)
        if name == "PIPE":
            assert outcome.returncode == 0, (number, call)
    assert len(calls) > 10


@pytest.mark.parametrize(
    "error",
    [
        "signalfd4:error=EMFILE",
        "pipe2:error=EMFILE:when=1",
        "pipe2:error=ENFILE:when=2",
        "poll:error=ENOMEM:when=1",
        "poll:error=ENOMEM:when=2",
        "clone:error=EAGAIN",
        "readlink:error=EACCES",
    ],
)
def test_a_failing_system_call_of_the_client_is_75(c_prefix: Prefix, tmp_path: Path, error: str) -> None:
    c_prefix.python(f"time.sleep(0.1)\n{DELIVERED}")
    options = ("-f",) if error.startswith("readlink") else ()
    outcome = traced(c_prefix, tmp_path / "trace", *options, "-e", f"inject={error}")
    assert (outcome.returncode, outcome.stdout[:6]) == (75, b"4.3.0 ")


@pytest.mark.parametrize("error", ["close_range:error=ENOSYS", "poll:error=EINTR:when=2", "read:error=EINTR:when=1"])
def test_a_system_call_the_client_can_do_without_changes_nothing(c_prefix: Prefix, tmp_path: Path, error: str) -> None:
    c_prefix.python(DELIVERED)
    assert traced(c_prefix, tmp_path / "trace", "-e", f"inject={error}").returncode == 0


# Commands and deliveries

TELL = """
form = arguments[4].split('=')[0]
if form == 'run':
    print(arguments[5:])
    sys.exit(64)
say(b'verdict 75 4.0.0 ' + repr(arguments[5:]).encode() + b'\\n')
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "-f", "x"),
        ("-fsender", "--test", "message"),
        ("-tYf-", "--test", "message"),
        ("--test", "message"),
        ("--rules", "file", "--test", "-"),
        ("--json", "--test"),
        ("--version",),
        ("--help",),
        ("-h",),
        ("-d", "ann", "-h"),
        ("-f", "-f", "--test"),
        ("--rules=file", "--test"),
    ],
)
def test_a_command_becomes_the_program(prefix: Prefix, arguments: tuple[str, ...]) -> None:
    """With the descriptors and the status as they are, and no process between."""
    prefix.python(TELL)
    assert prefix.run(*arguments)[:2] == (64, f"{list(arguments)}\n".encode())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-f", "--test"),
        ("-a", "check"),
        ("-d", "-h", "-r", "--version"),
        ("--rules", "--help", "--maildir", "check"),
        ("-o", "--test"),
        ("-a", ""),
        ("",),
        ("-",),
        ("-x",),
        ("-fsender",),
        ("-f", "sender", "check"),
        ("-d", "ann", "LOGFILE=log"),
        ("-tYf", "--test"),
        ("-A", "--test", "-V", "--help"),
        ("-t-", "-Y", "-a", "--version"),
        ("--unknown",),
        ("-f",),
        ("-o",),
        ("-odeadline=100", "-to", "deadline=200"),
        ("-o", "deadline=100", "-f", "a@b", "-r", "c@d", "-a", "lists"),
    ],
)
def test_everything_else_is_a_delivery(prefix: Prefix, arguments: tuple[str, ...]) -> None:
    prefix.python(TELL)
    assert prefix.run(*arguments)[:2] == (75, f"4.0.0 {list(arguments)}\n".encode())


def test_no_arguments_at_all_is_a_delivery(c_prefix: Prefix) -> None:
    """Not even a name."""
    c_prefix.python(TELL)
    command = ["bash", "-c", f"exec -a '' {c_prefix.client}"]
    outcome = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    assert (outcome.returncode, outcome.stdout) == (75, b"4.0.0 []\n")


# Broken installations

SAYS_DELIVERED = """
import os
def main(arguments, verdict_fd):
    if verdict_fd is None:
        print("command", arguments, flush=True)
        os._exit(0)
    os.write(verdict_fd, b"verdict 0 2.0.0 delivered\\n")
    os._exit(0)
"""


def test_the_real_interpreter_finds_the_program_beside_it(prefix: Prefix) -> None:
    prefix.package(SAYS_DELIVERED)
    assert prefix.run()[:2] == (0, b"")
    assert prefix.run("check")[:2] == (0, b"command ['check']\n")


def break_interpreter(prefix: Prefix) -> None:
    (prefix.path / "bin/python3").unlink()


def break_interpreter_mode(prefix: Prefix) -> None:
    (prefix.path / "bin/python3").unlink()
    (prefix.path / "bin/python3").write_bytes(b"\x7fELF, but not really")
    (prefix.path / "bin/python3").chmod(0o755)


def break_boot(prefix: Prefix) -> None:
    (prefix.path / "share/pydeliver/boot.py").unlink()


def break_boot_text(prefix: Prefix) -> None:
    (prefix.path / "share/pydeliver/boot.py").write_bytes(b"\0def (\n")


def main_module(prefix: Prefix) -> Path:
    return next(prefix.path.glob("lib/python*/site-packages/pydeliver/cli/main.py"))


def break_syntax(prefix: Prefix) -> None:
    main_module(prefix).write_text("def main(:\n")


def break_module(prefix: Prefix) -> None:
    main_module(prefix).unlink()


def break_import(prefix: Prefix) -> None:
    main_module(prefix).write_text("import no_such_module\n")


def break_import_by_exit(prefix: Prefix) -> None:
    main_module(prefix).write_text("raise SystemExit(0)\n")


def break_name(prefix: Prefix) -> None:
    main_module(prefix).write_text("")


def break_main(prefix: Prefix) -> None:
    main_module(prefix).write_text("def main(arguments, verdict_fd): raise MemoryError\n")


def break_return(prefix: Prefix) -> None:
    main_module(prefix).write_text("def main(arguments, verdict_fd): return 0\n")


BREAKAGES = [
    *(break_interpreter, break_interpreter_mode, break_boot, break_boot_text, break_syntax, break_module),
    *(break_import, break_import_by_exit, break_name, break_main, break_return),
]


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_delivery_by_a_broken_installation_is_75(prefix: Prefix, breakage: Callable[[Prefix], None]) -> None:
    prefix.package(SAYS_DELIVERED)
    breakage(prefix)
    assert prefix.run()[:2] == (75, NO_VERDICT)


@pytest.mark.parametrize(
    ("breakage", "status", "text"),
    [
        (break_interpreter, 75, b"cannot run"),
        (break_boot, 2, b"can't open file"),
        (break_syntax, 1, b"SyntaxError"),
        (break_module, 1, b"ModuleNotFoundError"),
        (break_import, 1, b"no_such_module"),
    ],
)
def test_a_command_of_a_broken_installation_says_why(
    prefix: Prefix, breakage: Callable[[Prefix], None], status: int, text: bytes
) -> None:
    prefix.package(SAYS_DELIVERED)
    breakage(prefix)
    outcome = prefix.run("check")
    assert outcome.status == status
    assert text in outcome.output


@pytest.mark.parametrize("name", ["PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONPLATLIBDIR", "PATH", "HOME"])
def test_no_variable_has_a_say(prefix: Prefix, tmp_path: Path, name: str) -> None:
    wrong = tmp_path / "wrong"
    (wrong / "pydeliver/cli").mkdir(parents=True)
    (wrong / "pydeliver/cli/main.py").write_text("raise SystemExit(1)")
    (wrong / "os.py").write_text("raise SystemExit(1)")
    prefix.package(SAYS_DELIVERED)
    assert prefix.run(env={**os.environ, name: str(wrong)})[:2] == (0, b"")
    assert prefix.run(env={name: str(wrong)})[:2] == (0, b"")


def test_an_interpreter_found_by_path_has_no_say(prefix: Prefix, tmp_path: Path) -> None:
    """An interpreter started by a bare name looks for its library near the first of that name on PATH."""
    library = tmp_path / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
    (library / "lib-dynload").mkdir(parents=True)
    (library / "encodings").mkdir()
    for landmark in ("os.py", "encodings/__init__.py"):
        (library / landmark).write_text("raise SystemExit(1)")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").write_text("#!/bin/false\n")
    (tmp_path / "bin/python3").chmod(0o755)
    prefix.package(SAYS_DELIVERED)
    assert prefix.run(env={"PATH": str(tmp_path / "bin")})[:2] == (0, b"")


def test_a_path_file_has_no_say(prefix: Prefix) -> None:
    prefix.package(SAYS_DELIVERED)
    (next(prefix.path.glob("lib/python*/site-packages")) / "evil.pth").write_text("import os; os._exit(3)\n")
    assert prefix.run()[:2] == (0, b"")


def test_the_directory_it_is_started_in_has_no_say(prefix: Prefix, tmp_path: Path) -> None:
    (tmp_path / "pydeliver.py").write_text("raise SystemExit(1)")
    (tmp_path / "os.py").write_text("raise SystemExit(1)")
    prefix.package(SAYS_DELIVERED)
    assert prefix.run(prepare=lambda: os.chdir(tmp_path))[:2] == (0, b"")


def test_what_the_program_starts_does_not_hold_the_verdict_open(prefix: Prefix) -> None:
    """Else an end without a verdict would be seen only when the last of them ends."""
    prefix.package(
        "import os\ndef main(arguments, verdict_fd):\n"
        "    if os.fork() == 0: os.execv('/bin/sleep', ['sleep', '5'])\n    os._exit(1)\n"
    )
    outcome = prefix.run()
    assert outcome[:2] == (75, NO_VERDICT)
    assert outcome.seconds < 2


# Odds


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def group_exists(group: int) -> bool:
    """A process of the group runs; one that is dead and not waited for does not."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, _, member = (process / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(member) == group and state != "Z":
            return True
    return False
