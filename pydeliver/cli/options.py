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
    "-A": "fields",
    "--rules": "rules",
    "--maildir": "maildir",
    "-o": "settings",
}
# What procmail, maildrop and dovecot-lda are started with and we do anyway: 75 when in doubt, a status for a rejection.
MEANINGLESS = ("-t", "-Y", "-e", "-k")
MEANINGLESS_WITH_ARGUMENT = ("-V",)
TEST_WITH_ARGUMENT = {"--now": "now"}
TEST_FLAGS = {
    "--test": "test",
    "--json": "json",
    "--trace": "trace",
    "--no-system": "no_system",
    "--offline": "offline",
}
_SEVERAL = ("settings", "fields")
_HINTS = {
    "-m": "-m is not understood: the mailbox is for rules to say, and --rules names a rule file",
    "-p": "-p is not understood: the message is read from standard input, and no variable is passed on",
    "-D": "-D is not understood: -d names the user",
    "-w": "-w is not understood: there are no quotas",
    "-z": "-z is not understood: this is no LMTP server",
}


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
    fields: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    now: str | None = None
    test: bool = False
    json: bool = False
    trace: bool = False
    no_system: bool = False
    offline: bool = False


def find_mode(arguments: list[str]) -> str | None:
    """Which of MODES stands among the arguments; not what is the argument of another option."""
    rest = iter(_apart(arguments))
    for argument in rest:
        if argument in MODES:
            return argument
        if _takes_argument(argument):
            next(rest, None)
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


def _takes_argument(option: str) -> bool:
    return option in WITH_ARGUMENT or option in TEST_WITH_ARGUMENT or option in MEANINGLESS_WITH_ARGUMENT


def _apart(arguments: list[str]) -> list[str]:
    """The words with letters that stand together taken apart, as getopt(3) reads them: `-tYf-` is `-t -Y -f -`."""
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument[:1] == "-" and argument[1:2] not in ("-", ""):
            letters = argument[1:]
            while letters and not _takes_argument("-" + letters[0]):
                words.append("-" + letters[0])
                letters = letters[1:]
            if not letters:
                continue
            words.append("-" + letters[0])
            attached = [letters[1:]] if letters[1:] else []
        else:
            words.append(argument)
            attached = []
        if _takes_argument(words[-1]):
            words += attached or [word for word in [next(rest, None)] if word is not None]
    return words


def _parse(arguments: list[str], with_argument: dict[str, str], flags: dict[str, str]) -> Options:
    found: dict[str, str | bool] = {}
    several: dict[str, list[str]] = {name: [] for name in _SEVERAL}
    messages: list[str] = []
    rest = iter(_apart(arguments))
    for argument in rest:
        if argument in with_argument or argument in MEANINGLESS_WITH_ARGUMENT:
            said = next(rest, None)
            if said is None:
                raise UsageError(f"{argument} needs an argument")
            name = with_argument.get(argument, "")
            if name in several:
                several[name].append(said)
            elif name and not (name == "sender" and said == "-"):  # procmail's -f-: whoever the message says it is
                found[name] = said
        elif argument in flags:
            found[flags[argument]] = True
        elif flags and (argument == "-" or not argument.startswith("-")):
            messages.append(argument)
        elif argument not in MEANINGLESS:
            raise _mistake(argument)
    _check_fields(several["fields"])
    settings, fields = [tuple(several[name]) for name in _SEVERAL]
    return Options(settings=settings, fields=fields, messages=tuple(messages), **found)  # type: ignore[arg-type]


def _mistake(argument: str) -> UsageError:
    if argument.startswith("-"):
        return UsageError(_HINTS.get(argument, f"there is no option {argument}"))
    return UsageError(
        f"{argument!r} is no option: -f names the sender, -r the recipient, -a the detail, --rules a rule file"
    )


def _check_fields(fields: list[str]) -> None:
    for field in fields:
        name, colon, _ = field.partition(":")
        if not (colon and name) or not all(["!" <= c <= "~" for c in name]) or not field.isprintable():
            raise UsageError(f"-A takes one line of a header, as 'Name: text', not {field!r}")
