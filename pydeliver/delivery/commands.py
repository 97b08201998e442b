"""Commands of a rule: who allows them, what they find around them, and how long they may take.

A command runs in the user's home with a clean environment, whose values hold
only characters that no shell takes for more than text.  It never has longer
than the delivery: what is kept back of the deadline is for storing the message.

Does not know: how a program is run, nor what becomes of its output.
Manual: pydeliverrc(5) "PROGRAMS", pydeliver.toml(5).
"""

from __future__ import annotations

import os
import time

from pydeliver import limits
from pydeliver.address import parse_address
from pydeliver.engine.facts import Ran
from pydeliver.message.edit import edited, portion_of
from pydeliver.message.text import guess
from pydeliver.value import value
from pydeliver.world.process import Command, Outcome, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydeliver.config import Setting
    from pydeliver.engine.facts import Question
    from pydeliver.envelope import Envelope
    from pydeliver.message.view import Message

__all__ = [
    "VARIABLES",
    "Commands",
    "ask_program",
    "refusal",
    "restriction",
    "run_command",
    "variables",
    "with_complaint",
]

VARIABLES = (
    *("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG"),
    *("SENDER", "RECIPIENT", "ORIGINAL_RECIPIENT", "LOCAL", "DOMAIN", "EXTENSION"),
)
_PATH = "/usr/local/bin:/usr/bin:/bin"
_HARMLESS = frozenset("1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")  # as Postfix has it
_VALUE_CHARACTERS = 1_000  # an address has at most 254 (RFC 5321 section 4.5.3.1.3)


@value
class Commands:
    """For whom commands are run, what the administrator allows, and when all must be over (on the monotonic clock).

    `is_virtual`: his user id is others' too.
    """

    user: str
    home: str
    envelope: Envelope
    settings: Mapping[str, Setting]
    until: float
    is_virtual: bool = False


def commands_until(started: float, deadline: int) -> float:
    """When the last command must be over, so that the message can still be stored."""
    return started + max(deadline - limits.STORING_SECONDS, deadline / 2)


def refusal(commands: Commands, word: str, argv: tuple[str, ...] = ()) -> str:
    """Why `word` (run, rewrite, pipe or redirect) may not do this; empty text if it may."""
    if os.geteuid() == 0:
        return "root runs no programs"
    if commands.is_virtual and commands.settings[word] == "allowed" and word != "redirect":
        return f"{word} runs only what the administrator names, for a user whose user id is not his own"
    return restriction(commands.settings, commands.home, word, argv)


def restriction(settings: Mapping[str, Setting], home: str, word: str, argv: tuple[str, ...]) -> str:
    """Why the administrator does not let `word` do this; empty text if he does."""
    allowed = settings[word]
    if allowed == "allowed" or (isinstance(allowed, tuple) and _path(home, argv[0], allowed) in allowed):
        return ""
    if isinstance(allowed, tuple):
        return f"the administrator allows {word} for {', '.join(allowed)} only"
    return f"the administrator refuses {word}"


def run_command(
    commands: Commands, word: str, argv: tuple[str, ...], chunks: Iterable[bytes | memoryview], timeout: float
) -> Outcome:
    """Run a command that `word` may run; raises nothing, whatever it does."""
    timeout = min(timeout, commands.until - time.monotonic())
    if timeout <= 0:
        return Outcome(is_timed_out=True)
    allowed = commands.settings[word]
    path = _path(commands.home, argv[0], allowed if isinstance(allowed, tuple) else ())
    octets = limits.REWRITE_OCTETS if word == "rewrite" else limits.OUTPUT_OCTETS
    command = Command((path, *argv[1:]), variables(commands), commands.home, timeout, octets, takes_all=word == "pipe")
    return run(command, chunks)


def ask_program(commands: Commands, message: Message, question: Question) -> Ran:
    """Answer `run` and `rewrite`: give a program its version of the message, or the part that is asked for."""
    word, portion, argv, edits, *timeout = question
    if reason := refusal(commands, word, argv):
        return Ran("refused", reason=reason)
    chunks = portion_of(edited(message, edits), portion)
    outcome = run_command(commands, word, argv, chunks, timeout[0] if timeout else limits.PROGRAM_SECONDS)
    if outcome.status is None:
        return Ran("failed", reason=with_complaint(outcome))
    if word == "rewrite" and outcome.is_truncated:
        return Ran("failed", reason=f"it gave more than {limits.REWRITE_OCTETS} octets")
    return Ran("exited", outcome.status, outcome.output, with_complaint(outcome))


def with_complaint(outcome: Outcome) -> str:
    """Why it failed, and the first line of what it had to say."""
    said = guess(outcome.complaint).strip().partition("\n")[0].strip()
    return f"{outcome.failure} ({said})" if outcome.failure and said else outcome.failure


def _path(home: str, program: str, allowed: tuple[str, ...]) -> str:
    """The program's path where that is known before it is looked for."""
    if program.startswith("~/"):
        return home + program[1:]
    if "/" in program:
        return program
    for directory in _PATH.split(":"):
        if f"{directory}/{program}" in allowed:
            return f"{directory}/{program}"
    return program


def variables(commands: Commands) -> tuple[tuple[str, str], ...]:
    """The environment: VARIABLES, each there whatever is known of it."""
    envelope = commands.envelope
    recipient = parse_address(envelope.recipient)
    values = (
        *(commands.home, _harmless(commands.user), _harmless(commands.user), "/bin/sh", _PATH, "C.UTF-8"),
        *(_harmless(envelope.sender), _harmless(envelope.recipient), _harmless(envelope.original_recipient)),
        *(_harmless(recipient.local), _harmless(recipient.domain)),
        _harmless(recipient.detail if envelope.detail is None else envelope.detail),
    )
    return tuple(zip(VARIABLES, values, strict=True))


def _harmless(text: str) -> str:
    return "".join([c if c in _HARMLESS else "_" for c in text[:_VALUE_CHARACTERS]])
