"""`pydeliver --test MSG…`: what would become of each message, and why; nothing is written, anywhere.

The rules are loaded, the envelope is read and the plan is decided by the code
that delivers.

Does not know: how a plan is performed.
Manual: pydeliver(1).
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from pydeliver.cli.deliver import find_recipient, read_message
from pydeliver.cli.options import UsageError, parse_test
from pydeliver.config import ConfigError, load_settings
from pydeliver.delivery.answer import answers_from, decide
from pydeliver.delivery.commands import ask_program, refusal
from pydeliver.delivery.handover import Told, read_envelope, received
from pydeliver.delivery.prepare import commands_for, prepare
from pydeliver.engine.explain import explain
from pydeliver.engine.facts import Ran
from pydeliver.plan import quote
from pydeliver.state.places import Places
from pydeliver.status import EX_USAGE, DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydeliver.cli.options import Options
    from pydeliver.config import Setting
    from pydeliver.delivery.answer import Answerer
    from pydeliver.delivery.commands import Commands
    from pydeliver.delivery.prepare import Prepared
    from pydeliver.engine.facts import Answer, Question
    from pydeliver.message.view import Message


def run(arguments: list[str]) -> int:
    """Print the plan of each message; 0, 1 if there was anything wrong, 64 for a wrong command line."""
    try:
        options = parse_test(arguments)
        settings = load_settings(options.settings)
        _check_now(options.now)
        user = _whose(options)
    except (UsageError, ConfigError) as error:
        print(f"pydeliver: {error}", file=sys.stderr)
        return EX_USAGE
    except DeliveryError as error:
        print(f"pydeliver: {error.status.text}", file=sys.stderr)
        return 1
    prepared = prepare(Places(user[1]), settings, options, may_store=False)
    for problem in prepared.problems:
        print(problem, file=sys.stderr)
    failures = [_test(options, prepared, path, user, settings) for path in options.messages]
    return 1 if prepared.problems or any(failures) else 0


def _whose(options: Options) -> tuple[str, str]:
    """The user whose rules are tried; root without -d tries his own."""
    if options.user is None and os.geteuid() == 0:
        return os.environ.get("LOGNAME", "root"), os.environ.get("HOME", "/root")
    return find_recipient(options)


def _check_now(now: str | None) -> None:
    if now is None:
        return
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            time.strptime(now, form)
            return
        except ValueError:
            continue
    raise UsageError(f'--now takes a date and time, as "2026-11-24 10:00", not {now!r}')


def _test(options: Options, prepared: Prepared, path: str, user: tuple[str, str], settings: dict[str, Setting]) -> bool:
    """Print one message's plan; whether it could not be read."""
    try:
        message = received(read_named(path), options.fields)
    except (OSError, DeliveryError) as error:
        reason = error.status.text if isinstance(error, DeliveryError) else error.strerror
        print(f"{path}: {reason}", file=sys.stderr)
        return True
    envelope = read_envelope(Told(options.sender, options.recipient, options.detail), os.environ, message, user[0])
    trace: list[Any] | None = [] if options.trace else None
    commands = commands_for(user[0], Places(user[1]), envelope, settings, time.monotonic())
    answers = answers_from(prepared.stores, commands, _ask_program(options, commands, message), may_store=False)
    plan = decide(prepared.programs, message, envelope, answers, trace)
    lines = explain(trace, prepared.programs, plan, envelope) if trace is not None else ()
    notices = [f"notice {quote(problem.splitlines()[0])}" for problem in (*prepared.problems, plan.problem) if problem]
    if options.json:
        print(json.dumps({**plan.as_data(), **_extras(options, path, lines, notices)}, separators=(",", ":")))
    else:
        heading = [f"{path}:"] if len(options.messages) > 1 else []
        print("\n".join([*heading, *lines, str(plan), *notices]))
    return False


def _ask_program(options: Options, commands: Callable[[], Commands], message: Message) -> Answerer:
    """Programs that are asked are run, those that rewrite are not: the plan says so."""

    def answer(question: Question) -> Answer:
        if reason := refusal(commands(), question[0], question[2]):
            return Ran("refused", reason=reason)
        if question[0] == "rewrite":
            return Ran("not run")
        if options.offline:
            return Ran("failed", reason="no program is asked, because of --offline")
        return ask_program(commands(), message, question)

    return answer


def _extras(options: Options, path: str, lines: tuple[str, ...], notices: list[str]) -> dict[str, Any]:
    """What is said beside the plan, if there is any."""
    extras: dict[str, Any] = {"message": path} if len(options.messages) > 1 else {}
    if lines:
        extras["trace"] = lines
    if notices:
        extras["notices"] = notices
    return extras


def read_named(path: str) -> bytes:
    """Return the octets of a file, or of standard input for `-`; raises OSError or DeliveryError."""
    if path == "-":
        return read_message(0)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_message(descriptor)
    finally:
        os.close(descriptor)
