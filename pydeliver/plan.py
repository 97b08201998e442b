"""The plan: what becomes of a message, decided and not yet done.

The dry run prints it, the tests in a rule file compare it, the journal records
it and the delivery performs it: one value, told in words or as JSON.  In words
it reads as a rule file does, one line an action, with the rule it came from.

Does not know: rules or messages; how an action is performed.
References: RFC 5228 section 2.10 (implicit keep, actions).
"""

from __future__ import annotations

from pydeliver.jsonline import render_json
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    from pydeliver.jsonline import Json
    from pydeliver.message.edit import Edit

    Argument: TypeAlias = "str | int | float | tuple[str, ...]"

VERSION = 1
STORES = ("keep", "file")
HANDED_ON = ("redirect", "pipe")  # done by others, once everything is stored; it cannot be undone


@value
class Where:
    """The rule, file and line an action came from; all empty for what no rule asked for."""

    rule: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        if not self.file:
            return "nothing placed it" if not self.rule else self.rule
        name = f"rule {quote(self.rule)}, " if self.rule else ""
        return f"{name}{self.file}:{self.line}"


@value
class Action:
    """One step of a plan: a word of the vocabulary, its arguments, and the rule it came from.

    A store (`keep`, `file`) carries the flags its copy gets; it and what hands the
    message on carry the edits that make their version of the message.
    """

    word: str
    arguments: tuple[tuple[str, Argument], ...] = ()
    where: Where = Where()
    also: bool = False  # RFC 3894: an extra, which leaves the implicit keep standing
    flags: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()

    def argument(self, name: str) -> Argument | None:
        return dict(self.arguments).get(name)

    @property
    def words(self) -> str:
        """The action as a rule file would say it."""
        said = [self.word]
        for name, argument in self.arguments:
            if name in ("create", "sender"):
                said.append(f"{name} {argument}")
            elif name == "portion":
                said.append(str(argument))
            elif name == "argv":
                said.append(f"[{_quoted(argument)}]")
            elif name == "on_error":
                said.append(f"on error {argument}")
            elif name == "timeout":
                said.append(f"timeout {argument}s")
            elif name in ("maildir", "mbox", "mh"):
                said += [name, _quoted(argument)]
            else:
                said.append(_quoted(argument))
        return ("also " if self.also else "") + " ".join(said)


@value
class Plan:
    """All actions to come, in order.

    `disposition` says in one word what becomes of the message: keep, file,
    redirect, pipe, discard, reject or defer.  `facts` are those that were asked for, in words.
    `warnings` are what a reader should know: what a sanitiser changed, what
    was left out, and why.  `problem`: the rules failed as they ran, and their
    owner is told.  `new_mailboxes`: what the stores will make because an
    expansion named it, by kind and place; they are counted.
    """

    disposition: str
    actions: tuple[Action, ...]
    flags: tuple[str, ...] = ()
    facts: tuple[tuple[str, str | int | float | bool], ...] = ()
    warnings: tuple[str, ...] = ()
    problem: str = ""
    new_mailboxes: tuple[tuple[str, Argument], ...] = ()

    @property
    def stores(self) -> tuple[Action, ...]:
        return tuple([action for action in self.actions if action.word in STORES])

    @property
    def is_handed_on(self) -> bool:
        return any([action.word in HANDED_ON for action in self.actions])

    def __str__(self) -> str:
        """One line an action: its words, and where it came from."""
        width = max([len(action.words) for action in self.actions] + [0])
        width = min(width, 60)
        lines = [f"{action.words.ljust(width)}    {action.where}" for action in self.actions]
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])

    def as_data(self, octets: list[bytes] | None = None) -> dict[str, Json]:
        """The plan as JSON has it; what programs made of the message is put into `octets`, and named by its place."""
        held: list[bytes] = [] if octets is None else octets
        return {
            "version": VERSION,
            "disposition": self.disposition,
            "actions": [_action_data(action, held) for action in self.actions],
            "flags": list(self.flags),
            "facts": dict(self.facts),
            "warnings": list(self.warnings),
        }

    def as_json(self) -> str:
        return render_json(self.as_data())


def _action_data(action: Action, octets: list[bytes]) -> dict[str, Json]:
    data: dict[str, Json] = {"action": action.word}
    data.update(action.arguments)
    if "flags" in _carried(action.word):
        data["flags"] = list(action.flags)
    if "edits" in _carried(action.word):
        data["edits"] = [_edit_data(edit, octets) for edit in action.edits]
    data["also"] = action.also
    data["rule"], data["file"], data["line"] = action.where.rule, action.where.file, action.where.line
    return data


def _edit_data(edit: Edit, octets: list[bytes]) -> list[Json]:
    if edit.kind != "replace":
        return [edit.kind, edit.name, edit.value]
    if edit.octets not in octets:
        octets.append(edit.octets)
    return [edit.kind, edit.name, octets.index(edit.octets)]


def from_data(data: Mapping[str, Any], octets: Sequence[bytes] = ()) -> Plan:
    """Return the plan that `as_data` wrote, with the same `octets`, less its problem.

    Anything else is an AttributeError, LookupError, TypeError or ValueError.
    """
    if data["version"] != VERSION:
        raise ValueError(f"a plan of version {data['version']}")
    return Plan(
        str(data["disposition"]),
        tuple([_action_from(action, octets) for action in data["actions"]]),
        tuple(data["flags"]),
        tuple(data["facts"].items()),
        tuple(data["warnings"]),
    )


def _action_from(data: Mapping[str, Any], octets: Sequence[bytes]) -> Action:
    carried = _carried(data["action"])
    own = ("action", "also", "rule", "file", "line", *carried)
    arguments = [(name, said) for name, said in data.items() if name not in own]
    return Action(
        str(data["action"]),
        tuple([(name, tuple(said) if isinstance(said, list) else said) for name, said in arguments]),
        Where(data["rule"], data["file"], data["line"]),
        bool(data["also"]),
        tuple(data["flags"]) if "flags" in carried else (),
        _edits(data["edits"], octets) if "edits" in carried else (),
    )


def _carried(word: str) -> tuple[str, ...]:
    """What an action has beside its arguments."""
    return ("flags", "edits") if word in STORES else ("edits",) if word in HANDED_ON else ()


def _edits(data: Sequence[Sequence[Any]], octets: Sequence[bytes]) -> tuple[Edit, ...]:
    if not data:
        return ()
    from pydeliver.message.edit import Edit

    return tuple(
        [
            Edit(kind, name, "", octets[said]) if kind == "replace" else Edit(kind, name, str(said))
            for kind, name, said in data
        ]
    )


def _quoted(argument: Argument) -> str:
    if isinstance(argument, tuple):
        return ", ".join([quote(item) for item in argument])
    return quote(argument) if isinstance(argument, str) else str(argument)


def quote(text: str) -> str:
    """Return `text` as a rule file writes it: quoted, braces doubled, on one line."""
    shown = "".join([c if c.isprintable() else repr(c)[1:-1] for c in text.replace("{", "{{").replace("}", "}}")])
    pieces = []
    for position, character in enumerate(shown):
        following = shown[position + 1 : position + 2]
        is_read = character == '"' or (character == "\\" and following in ('"', "\\", ""))
        pieces.append("\\" + character if is_read else character)
    return '"' + "".join(pieces) + '"'
