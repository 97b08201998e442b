"""The command line: which command was meant, and how the process ends.

A delivery ends in 0, 67, 75 or 77 and in nothing else, whatever happens; any
exception that nobody expected is 75, its traceback on descriptor 2, which is
the client's own pipe.  The process ends by `os._exit`: at an ordinary exit
Python turns 0 into 120 if a descriptor cannot be flushed.

Does not know: what a command does.
Manual: pydeliver(1).
"""

from __future__ import annotations

import os
import sys

from pydeliver.status import EX_TEMPFAIL, UNEXPECTED, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

COMMANDS = {"check": "pydeliver.cli.check", "show": "pydeliver.cli.show", "serve": "pydeliver.cli.serve"}
_OPTIONS = {"--test": "pydeliver.cli.test", "--help": "pydeliver.cli.help", "-h": "pydeliver.cli.help"}


def main(arguments: list[str], verdict_fd: int | None) -> NoReturn:
    """Run the command and end the process; never returns.

    `verdict_fd` is the pipe to the client that supervises a delivery.
    """
    try:
        if verdict_fd is None and (status := _command(arguments)) is not None:
            _leave(status)
        from pydeliver.cli.deliver import run

        run(arguments, verdict_fd, Teller(verdict_fd))
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)) and verdict_fd is None:
            os._exit(130)
        _complain(error)
        Teller(verdict_fd)(UNEXPECTED)
    os._exit(EX_TEMPFAIL)


def _command(arguments: list[str]) -> int | None:
    """Run a subcommand; its exit status, None if a delivery is meant.

    What the locale cannot show is escaped, not an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if arguments and arguments[0] == "--version":
        from pydeliver import __version__

        print(f"pydeliver {__version__}")
        return 0
    if arguments and not arguments[0].startswith("-"):
        name = COMMANDS.get(arguments[0])
        if name is None:
            return _unknown(arguments[0])
        return int(__import__(name, fromlist=["run"]).run(arguments[1:]))
    from pydeliver.cli.options import find_mode

    mode = find_mode(arguments)
    return None if mode is None else int(__import__(_OPTIONS[mode], fromlist=["run"]).run(arguments))


def _unknown(command: str) -> int:
    print(
        f"pydeliver: there is no command '{command}'; there are {', '.join(COMMANDS)}, --test, --help", file=sys.stderr
    )
    return EX_TEMPFAIL  # a mail server that was told a wrong word would bounce for any other


class Teller:
    """Tells a status, once: to the client, or to the MTA itself where no client supervises."""

    def __init__(self, verdict_fd: int | None) -> None:
        self._verdict_fd = verdict_fd

    def __call__(self, status: Status) -> None:
        if self._verdict_fd is not None:
            verdict = f"verdict {status.exit_status} {status.line}\n".encode()
            try:
                os.write(self._verdict_fd, verdict)
            except OSError:
                os.write(self._verdict_fd, verdict)  # not 75 instead: a delivered message would be delivered again
            return
        if not status.is_success:
            _say(status.line)
        os._exit(status.exit_status)

    def is_wanted(self) -> bool:
        """Whether the client still waits; one that was killed has closed its end."""
        if self._verdict_fd is None:
            return True
        import select

        poll = select.poll()
        poll.register(self._verdict_fd, 0)
        return not poll.poll(0)


def _say(line: str) -> None:
    try:
        os.write(1, line.encode() + b"\n")
    except OSError:
        return  # nobody listens; the exit status says it


def _complain(error: BaseException) -> None:
    """Write the traceback to descriptor 2; under a client that is its pipe, for syslog."""
    try:
        import traceback

        os.write(2, "".join(traceback.format_exception(error)).encode("utf-8", "replace"))
    except (OSError, MemoryError, ImportError):
        return


def _leave(status: int) -> NoReturn:
    """End a command with its output flushed; output that cannot be written is an error."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        os._exit(1)
    os._exit(status)
