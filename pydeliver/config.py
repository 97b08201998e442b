"""The administrator's settings: name, kind, default and what it is for, in one table.

Settings come from /etc/pydeliver/pydeliver.toml and from `-o NAME=VALUE`, which
wins.  Every one has a default that works for one person on one machine.  A
file with a mistake is an error that names file and key; a delivery then ends
in 75, for it cannot know what the administrator meant.

Does not know: what a setting is used for.
Manual: pydeliver.toml(5).
"""

from __future__ import annotations

import os
import stat

from pydeliver import limits
from pydeliver.copies import SYSTEM_COPIES, read_copy, store_copy
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, TypeAlias

    Setting: TypeAlias = "str | int | bool | tuple[str, ...]"

CONFIG_FILE = "/etc/pydeliver/pydeliver.toml"
_READ_OCTETS = 1 << 16


@value
class SettingRow:
    """One setting: its default, whose kind its values have, and what it is for.

    A number is from 1 to `most`.  A `permission` is "allowed" or "refused"; one
    of "programs" may be a list too, of those allowed.
    """

    default: Setting
    doc: str
    permission: str = ""
    most: int = 86_400


SETTINGS = {
    "maildir": SettingRow("~/Maildir", "the Maildir of a user whose rules name none"),
    "rules": SettingRow("~/.pydeliverrc", "a user's rule file"),
    "before_rules": SettingRow("/etc/pydeliver/before.rules", "rules before every user's; what they decide is final"),
    "after_rules": SettingRow(
        "/etc/pydeliver/after.rules", "rules after every user's; extras, flags, header edits and log only"
    ),
    "deadline": SettingRow(limits.DEADLINE, "seconds a delivery may take; below the MTA's own limit"),
    "notices": SettingRow(True, "whether a user is told of mistakes in his rules by a message in his inbox"),
    "mboxrd": SettingRow(False, "whether quoted From_ lines are quoted again in an mbox, so that it can be undone"),
    "sendmail": SettingRow("/usr/sbin/sendmail", "the program that takes a message that is redirected"),
    "run": SettingRow("allowed", "which programs rules may ask", "programs"),
    "rewrite": SettingRow("allowed", "which programs rules may have rewrite a message", "programs"),
    "pipe": SettingRow("allowed", "which programs rules may hand a message to", "programs"),
    "redirect": SettingRow("allowed", "whether rules may pass a message on", "whether"),
    "lmtp": SettingRow("/run/pydeliver/lmtp", "where the server takes mail by LMTP: a path, or host:port"),
    "users": SettingRow("owner", "who has mail at the server: its owner alone, or the users of a passwd-file"),
    "sessions": SettingRow(1_000, "sessions at once in a process of the server"),
    "message_size": SettingRow(50 << 20, "octets of the largest message the server takes", most=1 << 32),
    "bare_line_feeds": SettingRow(False, "whether a message with a CR or LF that stands alone is taken by LMTP"),
}


class ConfigError(Exception):
    """A mistake of the administrator's; says file and key."""


def load_settings(overrides: Iterable[str] = (), path: str = "") -> dict[str, Setting]:
    """Return every setting; `overrides` are NAME=VALUE texts.

    The override `config=FILE` names another file.  Raises ConfigError.
    """
    given = dict([_override(text) for text in overrides])
    named = given.pop("config", path)
    settings = {name: row.default for name, row in SETTINGS.items()}
    settings.update(_read(named or CONFIG_FILE, must_be_there=bool(named)))
    for name, text in given.items():
        settings[name] = _converted(name, text, "-o")
    return settings


def _override(text: str) -> tuple[str, str]:
    name, separator, said = text.partition("=")
    if not separator or (name not in SETTINGS and name != "config"):
        raise ConfigError(f"-o {text}: no setting is called '{name}'; known are {', '.join(SETTINGS)}")
    return name, said


def _read(path: str, must_be_there: bool) -> Mapping[str, Setting]:
    """The file's settings; the usual file sets nothing where it is not there, one that was named must be.

    Importing tomllib costs twice a bare interpreter's start, so what root has
    read once is kept.
    """
    try:
        raw = _octets(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not must_be_there:
            return {}
        raise ConfigError(f"{path}: {error.strerror}") from error
    copy = f"{SYSTEM_COPIES}/settings"
    known = read_copy(copy, (0,))
    if known is not None and known["path"] == path and known["raw"] == raw:
        return dict(known["settings"])
    settings = {name: _converted(name, said, path) for name, said in _parse(path, raw).items()}
    if os.geteuid() == 0 and path == CONFIG_FILE:
        store_copy(copy, {"path": path, "raw": raw, "settings": settings}, 0o644)
    return settings


def _octets(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError(f"{path}: it is not a plain file")
        pieces = [b""]
        while piece := os.read(descriptor, _READ_OCTETS):
            pieces.append(piece)
            if len(pieces) * _READ_OCTETS > limits.RULE_FILE_OCTETS:
                raise ConfigError(f"{path}: it is larger than {limits.RULE_FILE_OCTETS} octets")
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def _parse(path: str, raw: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise ConfigError(f"{path}: {error}") from error


def _converted(name: str, said: Any, place: str) -> Setting:
    """A value of the setting's own kind."""
    if name not in SETTINGS:
        raise ConfigError(f"{place}: no setting is called '{name}'; known are {', '.join(SETTINGS)}")
    default = SETTINGS[name].default
    if SETTINGS[name].permission:
        return _permission(name, said, place)
    if isinstance(said, str) and isinstance(default, bool) and said in ("true", "false"):
        return said == "true"
    if isinstance(said, str) and type(default) is int and said.isascii() and said.isdigit() and len(said) < 10:
        said = int(said)
    if type(said) is not type(default):
        kind = {bool: "true or false", int: "a whole number", str: "a text"}[type(default)]
        raise ConfigError(f"{place}: {name} is {kind}, not {said!r}")
    if said == "":
        raise ConfigError(f"{place}: {name} is empty; leave it out for the default, {default}")
    if type(said) is int and not 1 <= said <= SETTINGS[name].most:
        raise ConfigError(f"{place}: {name} is from 1 to {SETTINGS[name].most}, not {said}")
    return said


def _permission(name: str, said: Any, place: str) -> Setting:
    """ "allowed", "refused", or the programs that are allowed; on the command line with commas between them."""
    if said in ("allowed", "refused"):
        return str(said)
    programs = said.split(",") if isinstance(said, str) and said.startswith("/") else said
    if SETTINGS[name].permission != "programs":
        raise ConfigError(f"{place}: {name} is allowed or refused, not {said!r}")
    if not isinstance(programs, list) or not programs:
        raise ConfigError(f"{place}: {name} is allowed, refused, or a list of programs, not {said!r}")
    for program in programs:
        if not isinstance(program, str) or os.path.normpath(os.path.join("/", program)) != program or program == "/":
            raise ConfigError(f"{place}: {name} lists programs by their whole path, as /usr/bin/spamc, not {program!r}")
    return tuple(programs)
