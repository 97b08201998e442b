"""The options of a delivery and of `--test`, parsed by hand: argparse would double the start-up.

Does not know: what the options do.
Manual: pydeliver(1).
"""

from __future__ import annotations

from pydeliver.value import value

MODES = ("--test", "--help", "-h")
WITH_ARGUMENT = {
    "-d": "user",
    "-f": "sender",
    "-r": "recipient",
    "-a": "detail",
    "--rules": "rules",
    "--maildir": "maildir",
    "-o": "settings",
}
TEST_WITH_ARGUMENT = {"--now": "now"}
TEST_FLAGS = {"--test": "test", "--json": "json", "--trace": "trace", "--no-system": "no_system"}


class UsageError(Exception):
    """A command line that means nothing; says what is wrong with it."""


@value
class Options:
    """What the command line says; None or empty where it says nothing."""

    user: str | None = None
    sender: str | None = None
    recipient: str | None = None
    detail: str | None = None
    rules: str | None = None
    maildir: str | None = None
    settings: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    now: str | None = None
    test: bool = False
    json: bool = False
    trace: bool = False
    no_system: bool = False


def find_mode(arguments: list[str]) -> str | None:
    """Which of MODES stands among the arguments; not what is the argument of another option."""
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in MODES:
            return argument
        else:
            skip = argument in WITH_ARGUMENT or argument in TEST_WITH_ARGUMENT
    return None


def parse_delivery(arguments: list[str]) -> Options:
    """Return the options of a delivery; raises UsageError."""
    return _parse(arguments, WITH_ARGUMENT, {})


def parse_test(arguments: list[str]) -> Options:
    """Return the options of `--test`; raises UsageError."""
    options = _parse(arguments, {**WITH_ARGUMENT, **TEST_WITH_ARGUMENT}, TEST_FLAGS)
    if not options.messages:
        raise UsageError("--test needs a message: the name of a file, or - for standard input")
    return options


def _parse(arguments: list[str], with_argument: dict[str, str], flags: dict[str, str]) -> Options:
    found: dict[str, str | bool] = {}
    settings: list[str] = []
    messages: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument in with_argument:
            said = next(rest, None)
            if said is None:
                raise UsageError(f"{argument} needs an argument")
            if argument == "-o":
                settings.append(said)
            else:
                found[with_argument[argument]] = said
        elif argument in flags:
            found[flags[argument]] = True
        elif flags and (argument == "-" or not argument.startswith("-")):
            messages.append(argument)
        else:
            raise UsageError(f"there is no option {argument}")
    return Options(settings=tuple(settings), messages=tuple(messages), **found)  # type: ignore[arg-type]
