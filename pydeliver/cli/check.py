"""`pydeliver check [FILE]…`: every mistake drawn, and the file's own tests run.

Exit status 0: sound; 1: each mistake and each failing test is printed; 64: a
wrong command line.  Of a sound file what is hardly meant is told as warnings,
which change no status.

Does not know: how rules are evaluated.
Manual: pydeliver-check(1).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from pydeliver import limits
from pydeliver.config import SETTINGS, ConfigError, load_settings
from pydeliver.delivery.commands import restriction
from pydeliver.engine.trial import run_tests
from pydeliver.rules.ast import placed_items
from pydeliver.rules.check import check
from pydeliver.rules.compile import compile_rules
from pydeliver.rules.lint import lint
from pydeliver.rules.load import Files, Origin, Unusable, decode_rules, load_rules, read_rule_file, read_rules
from pydeliver.rules.source import Mistake, RuleError, draw
from pydeliver.state.listfile import ListError, faults_in, open_list
from pydeliver.state.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydeliver.config import Setting
    from pydeliver.engine.trial import Trial
    from pydeliver.rules.lint import Lint, ListFaults
    from pydeliver.rules.source import Source


class _Parser(argparse.ArgumentParser):
    """Ends in 64, as sysexits(3) has it."""

    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(64)


def run(arguments: list[str]) -> int:
    """Check each file, the user's own if none is named; 0, 1 or 64."""
    parser = _Parser(prog="pydeliver check", description="Check rule files and run the tests in them.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="a rule file; without one, your own")
    parser.add_argument("--json", action="store_true", help="print one JSON object a file")
    parser.add_argument(
        "--phase",
        choices=("before", "user", "after"),
        default="user",
        help="the phase the files are for: system rules that run after the user's may not decide",
    )
    try:
        options = parser.parse_args(arguments)
        settings = load_settings()
    except SystemExit as stop:
        return int(stop.code or 0)
    except ConfigError as error:
        print(f"pydeliver: {error}", file=sys.stderr)
        return 1
    files = options.files or [_own_file(str(settings["rules"]))]
    reports = [_check(path, options.phase, settings) for path in files]
    for report in reports:
        print(json.dumps(report) if options.json else _in_words(report))
    _renew_system_copies(settings)
    return 0 if all([report["sound"] for report in reports]) else 1


def _own_file(rules: str) -> str:
    """The user's rule file; the one beneath .config only if the other is not there."""
    places = Places(os.path.expanduser("~"))
    first, second = places.absolute(rules), places.absolute("~/.config/pydeliver/rules")
    if os.path.exists(first) and os.path.exists(second):
        print(f"warning: {second} is not used, because {first} exists", file=sys.stderr)
    return second if os.path.exists(second) and not os.path.exists(first) else first


def _check(path: str, phase: str, settings: dict[str, Setting]) -> dict[str, Any]:
    report: dict[str, Any] = {"file": path, "sound": False, "mistakes": [], "warnings": [], "tests": []}
    try:
        raw = read_rule_file(path)
        home = os.path.expanduser("~") if phase == "user" else ""
        rules = read_rules(decode_rules(path, raw, os.path.abspath(path)), Files(home, len(raw)))
        check(rules, phase)
    except FileNotFoundError:
        report["mistakes"] = [{"text": f"{path}: there is no such file"}]
    except Unusable as reason:
        report["mistakes"] = [{"text": f"{path}: {reason}"}]
    except RuleError as error:
        report["mistakes"], report["drawn"] = _mistakes(error), str(error)
    else:
        look = look_at_list if phase == "user" else _look_at_systems_list
        report["warnings"] = [_warning(found, rules.source) for found in lint(rules, look, _refusal(settings))]
        trials = run_tests(rules, compile_rules(rules))
        report["tests"] = [_trial(trial) for trial in trials]
        report["rules"] = sum([1 for _, item in placed_items(rules) if type(item).__name__ in ("Rule", "If")])
        report["sound"] = all([trial.passed for trial in trials])
    return report


def _refusal(settings: dict[str, Setting]) -> Callable[[str, str], str]:
    """What the administrator says of a word that runs a program."""
    home = os.path.expanduser("~")
    return lambda word, program: restriction(settings, home, word, (program,))


def look_at_list(path: str) -> ListFaults:
    """What is wrong with a list file, and with its lines: no more of them than of mistakes in rules."""
    faults: list[tuple[int, str, str]] = []
    try:
        descriptor = open_list(Places(os.path.expanduser("~")).absolute(path))
        try:
            for fault in faults_in(descriptor):
                faults.append(fault)
                if len(faults) == limits.MISTAKES:
                    faults.append((fault[0] + 1, "", "no more lines were looked at; mend those above first"))
                    break
        finally:
            os.close(descriptor)
    except ListError as error:
        return str(error), tuple(faults)
    return "", tuple(faults)


def _look_at_systems_list(path: str) -> ListFaults:
    """The same; what is in a home directory is each user's."""
    return ("", ()) if path.startswith("~") else look_at_list(path)


def _warning(found: Lint, source: Source) -> dict[str, Any]:
    told = found.told
    place = told.source or source
    named = Mistake(told.span, f"{told.text} [{found.name}]", told.hint)
    return {
        "lint": found.name,
        "file": place.name,
        "line": place.line_of(told.span.start),
        "column": place.column_of(told.span.start),
        "text": told.text,
        "hint": told.hint,
        "drawn": draw(place, named, "warning: "),
    }


def _mistakes(error: RuleError) -> list[dict[str, Any]]:
    return [
        {
            "file": source.name,
            "line": source.line_of(mistake.span.start),
            "column": source.column_of(mistake.span.start),
            "text": mistake.text,
            "hint": mistake.hint,
        }
        for mistake in error.mistakes
        for source in (mistake.source or error.source,)
    ]


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "line": trial.line,
        "passed": trial.passed,
        "expected": list(trial.expected),
        "found": list(trial.found),
        "quiet": list(trial.quiet),
    }


def _in_words(report: dict[str, Any]) -> str:
    if report["mistakes"]:
        return str(report.get("drawn") or report["mistakes"][0]["text"])
    return "\n".join([*[warning["drawn"] for warning in report["warnings"]], _outcome(report)])


def _outcome(report: dict[str, Any]) -> str:
    failed = [trial for trial in report["tests"] if not trial["passed"]]
    lines = [line for trial in failed for line in _failure(report["file"], trial)]
    if failed:
        return "\n".join(
            [*lines, f"{report['file']}: {len(failed)} of {_counted(len(report['tests']), 'test')} failed"]
        )
    passed = f", {_counted(len(report['tests']), 'test')} passed" if report["tests"] else ""
    return f"{report['file']}: sound; {_counted(report['rules'], 'rule')}{passed}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _failure(path: str, trial: dict[str, Any]) -> list[str]:
    """A failing test as a difference of plans."""
    lines = [f'{path}:{trial["line"]}: test "{trial["name"]}" failed']
    expected, found = trial["expected"], trial["found"]
    lines += [f"  - {words}" for words in expected if words not in found]
    lines += [f"  + {words}" for words in found if words not in expected]
    if sorted(expected) == sorted(found):
        lines += ["  the same actions, in another order:", *[f"  + {words}" for words in found]]
    return lines + [f"  taken as the quiet answer: {answer}" for answer in trial["quiet"]]


def _renew_system_copies(settings: dict[str, Any]) -> None:
    """Root's check compiles the system's rules and indexes their lists, so that no user's delivery has to."""
    if os.geteuid() != 0:
        return
    from pydeliver.copies import SYSTEM_COPIES
    from pydeliver.delivery.lists import renew_system_index

    for phase in ("before", "after"):
        path = str(settings[f"{phase}_rules"])
        if path == SETTINGS[f"{phase}_rules"].default:
            loaded = load_rules(Origin(path, phase=phase), f"{SYSTEM_COPIES}/{phase}")
            for list_file in loaded.program.lists if loaded.program else ():
                if not list_file.startswith("~"):  # each user's own
                    renew_system_index(list_file)
