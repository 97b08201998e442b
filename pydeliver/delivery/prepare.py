"""What a delivery and its dry run have in common: rules, places and settings made ready.

One code for both is what makes the dry run tell the truth.

Does not know: the message.
"""

from __future__ import annotations

from pydeliver.copies import SYSTEM_COPIES
from pydeliver.delivery.perform import Stores
from pydeliver.rules.load import NO_RULES, Loaded, Origin, load_rules
from pydeliver.state.places import OutsideHome
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from pydeliver.config import Setting
    from pydeliver.delivery.commands import Commands
    from pydeliver.envelope import Envelope
    from pydeliver.rules.program import Program
    from pydeliver.state.places import Places

    class Options(Protocol):
        """What whoever delivers may say otherwise: another rule file, another Maildir, no rules of the system's."""

        @property
        def rules(self) -> str | None: ...
        @property
        def maildir(self) -> str | None: ...
        @property
        def no_system(self) -> bool: ...


_XDG_RULES = "~/.config/pydeliver/rules"  # where it is looked for second; ~/.pydeliverrc wins


@value
class Prepared:
    """The phases of rules in order, where mail goes, and what is wrong with the rules.

    `files` are those whose change would change it, be they there or not.
    """

    programs: tuple[tuple[str, Program], ...]
    stores: Stores
    problems: tuple[str, ...]
    files: tuple[str, ...]


def prepare(places: Places, settings: dict[str, Setting], options: Options, may_store: bool) -> Prepared:
    """Load the rules of every phase.

    Rules that cannot be used are no rules: what they would have placed is kept.
    """
    loaded = [("user", _user_rules(places, settings, options, may_store))]
    if not options.no_system:
        loaded = [
            ("before", _system_rules(settings, "before", may_store)),
            *loaded,
            ("after", _system_rules(settings, "after", may_store)),
        ]
    programs = tuple([(phase, found.program) for phase, found in loaded if found.program is not None])
    problems = tuple([found.problem for _, found in loaded if found.problem])
    user = dict(programs).get("user")
    maildir = places.absolute(options.maildir or str(settings["maildir"]))
    if user and user.setting("maildir") and not options.maildir:
        try:
            maildir = places.of_rules(user.setting("maildir"))
        except OutsideHome as error:
            problems += (f"maildir {error.filename}: {error.strerror}; {maildir} was used",)
    inbox = user.setting("inbox") if user else None
    system = [name for phase, program in programs if phase != "user" for name in (*program.files, *program.lists)]
    stores = Stores(places, maildir, inbox, bool(settings["mboxrd"]), tuple(system))
    return Prepared(programs, stores, problems, (*_looked_for(places, settings), *_included(loaded)))


def _looked_for(places: Places, settings: dict[str, Setting]) -> list[str]:
    """Where the rules of every phase may be."""
    own = [places.absolute(written) for written in (str(settings["rules"]), _XDG_RULES)]
    return [*own, str(settings["before_rules"]), str(settings["after_rules"])]


def _included(loaded: list[tuple[str, Loaded]]) -> list[str]:
    return [path for _, found in loaded for path in found.included]


def commands_for(
    name: str, places: Places, envelope: Envelope, settings: dict[str, Setting], started: float
) -> Callable[[], Commands]:
    """What may be run for a user; found out when it is asked for, since most messages need not know."""

    def commands() -> Commands:
        from pydeliver.delivery.commands import Commands, commands_until

        deadline = settings["deadline"]
        assert isinstance(deadline, int)
        until = commands_until(started, deadline)
        return Commands(name, places.home, envelope, settings, until, places.is_virtual)

    return commands


def _user_rules(places: Places, settings: dict[str, Setting], options: Options, may_store: bool) -> Loaded:
    if options.rules is not None:
        path = places.absolute(options.rules) if options.rules.startswith("~") else options.rules
        found = load_rules(_origin(places, path), places.program(path, False), may_store)
        return Loaded(None, f"{path}: there is no such rule file") if found == NO_RULES else found
    for written in (str(settings["rules"]), _XDG_RULES):
        path = places.absolute(written)
        found = load_rules(_origin(places, path), places.program(path, True), may_store)
        if found != NO_RULES:
            return found
    return NO_RULES


def _origin(places: Places, path: str) -> Origin:
    return Origin(path, places.name(path), "user", places.home, places.is_virtual)


def _system_rules(settings: dict[str, Setting], phase: str, may_store: bool) -> Loaded:
    path = str(settings[f"{phase}_rules"])
    return load_rules(Origin(path, phase=phase), f"{SYSTEM_COPIES}/{phase}", may_store)
