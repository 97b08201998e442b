"""The client where no C compiler worked: the same supervision, as well as Python can.

The build hook installs this as `bin/pydeliver` in place of the program made
from `pydeliver.c`, whose header says what is promised and why.  Two things it
cannot promise: each delivery pays the start of a second interpreter, and that
interpreter is not supervised itself; if it does not start, the mail server
sees a status for which it may bounce.  Nor does it report to the system's log.

Does not know: rules, messages, users, or what options mean (but `-o deadline=`).
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

EX_TEMPFAIL = 75
VERDICTS = {b"0": b"2.", b"67": b"5.", b"75": b"4.", b"77": b"5."}
WITH_ARGUMENT = "dfraAoV"
LONG_WITH_ARGUMENT = ("--rules", "--maildir")
NO_DELIVERY = ("--test", "--help", "--version", "-h")
ENDING = tuple(
    getattr(signal, f"SIG{name}") for name in ("TERM", "HUP", "INT", "QUIT", "ALRM", "USR1", "USR2", "XCPU", "XFSZ")
)


def seconds(text: str) -> int:
    """A deadline from 1 to 86,400; 0 if it is none."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return number if number <= 86400 else 0


def delivery_deadline(arguments: list[str]) -> int | None:
    """The deadline of a delivery, or None if this is a command or `--test`."""
    deadline = 240
    if arguments and arguments[0][:1] not in ("-", ""):
        return None  # a command is the first word
    words = iter(arguments)
    for word in words:
        if word in NO_DELIVERY:
            return None
        letter, argument = option_with_argument(word)
        if letter and not argument:
            argument = next(words, "")
        if letter == "o" and argument.startswith("deadline="):
            deadline = seconds(argument[9:]) or deadline
    return deadline


def option_with_argument(word: str) -> tuple[str, str]:
    """The option of this word whose argument follows, and what of that stands in the same word: `-tYf-` is `f`, `-`."""
    if word in LONG_WITH_ARGUMENT:
        return word, ""
    if word[:1] == "-" and word[1:2] != "-":
        for place, letter in enumerate(word):
            if place and letter in WITH_ARGUMENT:
                return letter, word[place + 1 :]
    return "", ""


def become_python(form: str, arguments: list[str]) -> NoReturn:
    """Run the interpreter beside us, as PATH and environment are others' to set."""
    binaries = os.path.dirname(os.path.realpath(__file__))
    boot = os.path.dirname(binaries) + "/share/pydeliver/boot.py"
    python = f"{binaries}/python3"
    try:
        os.execv(python, [python, "-I", "-S", "-B", boot, form, *arguments])
    except OSError as reason:
        os.write(2, f"pydeliver: cannot run {python}: {reason}\n".encode())
    finally:
        os._exit(EX_TEMPFAIL)


def answer(line: bytes) -> None:
    """Say the one line for the mail server, whether it can be written or not."""
    try:
        os.write(1, line)
    except OSError:
        return


class Supervision:
    """One delivery, from the fork to the exit status."""

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline
        self.started = time.monotonic()
        self.child = 0
        self.received = b""

    def give_up(self, why: str) -> NoReturn:
        """No verdict: stop what still runs, then ask for another attempt."""
        for process in (-self.child, self.child):
            try:
                if self.child:
                    os.kill(process, signal.SIGKILL)
            except OSError:
                continue
        answer(f"4.3.0 {why}; it will be tried again\n".encode())
        os._exit(EX_TEMPFAIL)

    def interrupted(self, number: int, frame: FrameType | None) -> NoReturn:
        self.give_up("the delivery was interrupted")

    def obey(self, line: bytes) -> None:
        """Do what one line from the child says; returns if that was no verdict."""
        words = line.split(b" ", 3)
        sound = all([32 <= octet < 127 for octet in line])
        if sound and words[0] == b"deadline" and len(words) == 2 and seconds(words[1].decode()):
            self.deadline = int(words[1])
            return
        if not (sound and words[0] == b"verdict" and len(words) > 2 and words[1] in VERDICTS):
            self.give_up("the delivery program gave no sound verdict")
        if not words[2].startswith(VERDICTS[words[1]]):
            self.give_up("the delivery program gave no sound verdict")
        if words[1] != b"0":
            answer(b" ".join(words[2:]) + b"\n")
        os._exit(int(words[1]))

    def read_verdict(self, verdict: int) -> None:
        octets = os.read(verdict, 1024)
        if not octets:
            self.give_up("the delivery program ended without a verdict")
        *lines, self.received = (self.received + octets).split(b"\n")
        for line in lines:
            self.obey(line)
        if len(self.received) >= 1024:
            self.give_up("the delivery program gave no sound verdict")

    def run_child(self, verdict: int, output: int, arguments: list[str]) -> NoReturn:
        """Our pipes instead of the server's, a process group of its own, signals as new."""
        try:
            os.setsid()
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.set_inheritable(verdict, True)
            for number in (*ENDING, signal.SIGPIPE, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            become_python(f"deliver={verdict}", arguments)
        finally:
            os._exit(EX_TEMPFAIL)

    def run(self, arguments: list[str]) -> NoReturn:
        for number in ENDING:
            signal.signal(number, self.interrupted)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the server may have blocked what it ends us with
        while (descriptor := os.open("/dev/null", os.O_RDWR)) < 3:
            os.set_inheritable(descriptor, True)  # no pipe of ours may become 0, 1 or 2
        os.closerange(descriptor, 256)  # what the server forgot to close is not for the child
        (verdict, verdict_end), (output, output_end) = os.pipe(), os.pipe()
        self.child = os.fork()
        if self.child == 0:
            self.run_child(verdict_end, output_end, arguments)
        os.close(verdict_end)
        os.close(output_end)
        self.wait(verdict, output)

    def wait(self, verdict: int, output: int) -> NoReturn:
        waiting = select.poll()
        waiting.register(verdict, select.POLLIN)
        waiting.register(output, select.POLLIN)
        while True:
            left = self.deadline - (time.monotonic() - self.started)
            ready = [descriptor for descriptor, _ in waiting.poll(max(left, 0) * 1000)]
            if verdict in ready:
                self.read_verdict(verdict)
            if output in ready and not os.read(output, 65536):
                waiting.unregister(output)
            if left <= 0:
                self.give_up("the delivery took too long")


def main(arguments: list[str]) -> NoReturn:
    deadline = delivery_deadline(arguments)
    if deadline is None:
        become_python("run", arguments)
    supervision = Supervision(deadline)
    try:
        supervision.run(arguments)
    finally:
        supervision.give_up("the delivery program cannot be started")


if __name__ == "__main__":
    main(sys.argv[1:])
