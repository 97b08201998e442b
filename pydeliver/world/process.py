"""Run a program: in a session and with pipes of its own, within a time, and with nothing of ours in its hands.

It is given an argument list, never a shell's line; octets on its standard
input, which it need not read; an environment that holds what is said and
nothing else.  No descriptor of ours reaches it, nor does anything it starts
keep us: what is left when it ends, a daemon with its pipes still open, is not
waited for.  One that takes too long is ended with its whole session.  Whatever
it does is an `Outcome`; nothing raises.

`fork_exec` is what `subprocess` is made of; that module would take as long to
import as a whole delivery takes (9 ms), and `posix_spawn` has neither
directory nor umask.  The child is made by vfork(2), so that threads and a
message of 50 MB in memory are no matter.

Does not know: what a program is for, nor who may run which.
References: pidfd_open(2), setsid(2).
"""

from __future__ import annotations

import errno
import os
import select
import sys
import time
from _posixsubprocess import fork_exec

from pydeliver import limits
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Command", "Outcome", "run"]

_PIECE = 1 << 16
_GRACE = 2  # seconds between asking a session to end and ending it
_LEFT_IN_PIPES = 1 << 20  # Linux lets nobody but root make a pipe larger (pipe-max-size)
_UMASK = 0o077
_SIGKILL, _SIGTERM = 9, 15  # the module `signal` would load `enum`


@value
class Command:
    """A program and all it is given but its input.

    `argv` begins with its path, or with a name that is looked for along the
    PATH of `environment`.  Of its standard output the first `output_octets`
    are kept, what comes after is read and dropped.  One that takes a message
    for good `takes_all`: it gets a file with all of it, for the end of a pipe
    whose writer was killed looks like the end of the message.
    """

    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    directory: str
    timeout: float
    output_octets: int = limits.OUTPUT_OCTETS
    takes_all: bool = False


@value
class Outcome:
    """How a program ended.

    `status` is what it exited with, None if it did not exit by itself;
    `error` the errno for which it could not even be started, be it for want of
    its `directory`.  `complaint` is the beginning of its standard error.
    """

    status: int | None = None
    signal: int = 0
    error: int = 0
    is_timed_out: bool = False
    is_truncated: bool = False
    output: bytes = b""
    complaint: bytes = b""
    directory: str = ""

    @property
    def failure(self) -> str:
        """Why it did not do what was asked, in words; empty if it exited with 0."""
        if self.directory:
            return f"it cannot be started in {self.directory}: {os.strerror(self.error)}"
        if self.error:
            return f"it cannot be started: {os.strerror(self.error)}"
        if self.is_timed_out:
            return "it took too long"
        if self.status is None:
            return f"it was ended by signal {self.signal}" if self.signal else "how it ended cannot be known"
        return f"it exited with {self.status}" if self.status else ""


def run(command: Command, chunks: Iterable[bytes | memoryview]) -> Outcome:
    """Run a program with `chunks` on its standard input; back within its timeout and a moment of grace."""
    try:
        running = _Running(command, chunks)
    except OSError as error:
        return Outcome(error=error.errno or errno.EIO, directory=error.filename or "")
    try:
        is_timed_out = not running.attend(time.monotonic() + command.timeout)
        return running.outcome(is_timed_out)
    finally:
        running.release()


class _Running:
    """A program that was started, and our ends of its pipes."""

    def __init__(self, command: Command, chunks: Iterable[bytes | memoryview]) -> None:
        given = _file_of(chunks) if command.takes_all else os.pipe()
        self._chunks = iter(() if command.takes_all else chunks)
        self._piece = memoryview(b"")
        self.pid, self._pidfd, self._input, *outputs = _start(command, given)
        self._kept = {descriptor: bytearray() for descriptor in outputs}
        self._limits = dict(zip(outputs, (command.output_octets, limits.COMPLAINT_OCTETS), strict=True))
        self._is_truncated = False
        self._open = [self._pidfd, self._input, *outputs]
        self._poll = select.poll()
        self._poll.register(self._pidfd, select.POLLIN)
        self._poll.register(self._input, select.POLLOUT)
        for descriptor in outputs:
            self._poll.register(descriptor, select.POLLIN)

    def attend(self, until: float) -> bool:
        """Feed it and listen to it until it ends; whether it did by then."""
        while (left := until - time.monotonic()) > 0:
            ready = [descriptor for descriptor, _ in self._poll.poll(left * 1000)]
            if self._input in ready:
                self._feed()
            for descriptor in self._kept:
                if descriptor in ready:
                    self._listen(descriptor)
            if self._pidfd in ready:
                self._hear_the_rest()
                return True
        return False

    def _feed(self) -> None:
        """Write what the pipe takes; a program that stopped reading has read what it wanted."""
        try:
            if not self._piece:
                self._piece = memoryview(next(self._chunks))
            self._piece = self._piece[os.write(self._input, self._piece) :]
        except BlockingIOError:
            return
        except (StopIteration, OSError):
            self._close(self._input)

    def _listen(self, descriptor: int) -> int:
        """Read what there is, keep what the limit leaves room for; how much was read."""
        try:
            octets = os.read(descriptor, _PIECE)
        except BlockingIOError:
            return 0
        if not octets:
            self._close(descriptor)
        kept = self._kept[descriptor]
        room = self._limits[descriptor] - len(kept)
        kept += octets[:room]
        self._is_truncated |= len(octets) > room and descriptor == next(iter(self._kept))
        return len(octets)

    def _hear_the_rest(self) -> None:
        """It has ended: what it wrote is in the pipes by now, whoever else holds them."""
        for descriptor in self._kept:
            heard = 0
            while descriptor in self._open and heard <= _LEFT_IN_PIPES and (octets := self._listen(descriptor)):
                heard += octets

    def outcome(self, is_timed_out: bool) -> Outcome:
        if is_timed_out:
            self._end_session()
        output, complaint = [bytes(kept) for kept in self._kept.values()]
        status, number = self._reap()
        return Outcome(status, number, 0, is_timed_out, self._is_truncated, output, complaint)

    def _end_session(self) -> None:
        """Ask all of it to end, then end it; until its first process is waited for the group is surely its own."""
        for number in (_SIGTERM, _SIGKILL):
            try:
                os.killpg(self.pid, number)
            except OSError:
                continue
            self._has_ended(_GRACE)

    def _has_ended(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def _reap(self) -> tuple[int | None, int]:
        """The exit status and the signal; neither where somebody ignores SIGCHLD or waits for all children.

        What cannot even be killed is left behind.
        """
        waited, self.pid = self.pid, 0
        try:
            pid, ending = os.waitpid(waited, 0 if self._has_ended(0) else os.WNOHANG)  # a tracer sees it first
        except ChildProcessError:
            return None, 0
        if not pid:
            return None, _SIGKILL
        code = os.waitstatus_to_exitcode(ending)
        return (code, 0) if code >= 0 else (None, -code)

    def release(self) -> None:
        """Close what is open; a program that was not waited for, because something failed here, is ended."""
        if self.pid:
            self._end_session()
            self._reap()
        for descriptor in list(self._open):
            self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        self._open.remove(descriptor)
        if descriptor != self._pidfd:
            self._poll.unregister(descriptor)
        os.close(descriptor)


def _file_of(chunks: Iterable[bytes | memoryview]) -> tuple[int, int]:
    """What is read in place of a pipe, and what is written to: nothing more."""
    file = os.memfd_create("message", os.MFD_CLOEXEC)
    try:
        for chunk in chunks:
            left = memoryview(chunk)
            while left:
                left = left[os.write(file, left) :]
        os.lseek(file, 0, os.SEEK_SET)
        return file, os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        os.close(file)
        raise


def _start(command: Command, given: tuple[int, int]) -> tuple[int, int, int, int, int]:
    """Start the program with `given` as its input; its process id and descriptor, and our ends of 0, 1 and 2.

    Raises OSError.
    """
    ends = [*given]
    pid = 0
    try:
        for _ in range(3):
            ends += os.pipe()
        input_read, input_write, output_read, output_write, error_read, error_write, failed_read, failed_write = ends
        pid = _fork(command, tuple(ends))
        for descriptor in (input_read, output_write, error_write, failed_write):
            ends.remove(descriptor)
            os.close(descriptor)
        _raise_failure(os.read(failed_read, _PIECE), command)
        for descriptor in (input_write, output_read, error_read):
            os.set_blocking(descriptor, False)
        started = (pid, os.pidfd_open(pid), input_write, output_read, error_read)
        ends, pid = [failed_read], 0
        return started
    finally:
        for descriptor in ends:
            os.close(descriptor)
        if pid:
            _discard(pid)


def _fork(command: Command, ends: tuple[int, ...]) -> int:
    call: Callable[..., int] = fork_exec
    argv = [_octets(argument) for argument in command.argv]
    variables = [_octets(f"{name}={text}") for name, text in command.environment]
    programs = [_octets(path) for path in _paths(command)]
    session, user = (True, True, -1), (None, None, None)  # signals as new, a session of its own; no other user
    given = (argv, programs, True, ends[-1:], _octets(command.directory), variables, *ends, *session, *user, _UMASK)
    return call(*given, None) if sys.version_info >= (3, 14) else call(*given, None, True)


def _paths(command: Command) -> Iterator[str]:
    """Where the program may be."""
    program = command.argv[0]
    if "/" in program:
        yield program
        return
    for directory in dict(command.environment).get("PATH", "").split(":"):
        yield f"{directory}/{program}"


def _octets(text: str) -> bytes:
    """As the system knows it, without the NUL no program can be given; other surrogates come from no system."""
    text = text.replace("\0", "")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _raise_failure(said: bytes, command: Command) -> None:
    """What the child wrote before it could become the program: `NAME:ERRNO in hexadecimal:WHERE`."""
    if said:
        _, number, where = said.split(b":", 2)
        raise OSError(int(number, 16), "cannot be started", command.directory if where else None)


def _discard(pid: int) -> None:
    """End and reap a child that is of no use."""
    try:
        os.kill(pid, _SIGKILL)
        os.waitpid(pid, 0)
    except OSError:
        return  # somebody has reaped it already
