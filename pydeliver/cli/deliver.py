"""`pydeliver` as an MTA starts it: one message on standard input, one verdict.

Root becomes the recipient before any of his files is touched.  A message that
cannot be read whole is not delivered; nothing is taken as said that was not.

Does not know: how a verdict reaches the MTA.
Manual: pydeliver(1).
"""

from __future__ import annotations

import os
import pwd
import time

from pydeliver.cli.options import UsageError, parse_delivery
from pydeliver.config import ConfigError, load_settings
from pydeliver.delivery.deliver import Delivery, deliver
from pydeliver.delivery.handover import Told, read_envelope, received
from pydeliver.delivery.prepare import commands_for, prepare
from pydeliver.limits import DEADLINE, SPOOLED_OCTETS
from pydeliver.state.places import Places
from pydeliver.status import DeliveryError, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from pydeliver.cli.options import Options
    from pydeliver.config import Setting

    class Teller(Protocol):
        def __call__(self, status: Status) -> None: ...
        def is_wanted(self) -> bool: ...


_PIECE = 1 << 18


def run(arguments: list[str], verdict_fd: int | None, tell: Teller) -> None:
    """Deliver standard input and tell the status."""
    started = time.monotonic()
    try:
        options = parse_delivery(arguments)
        settings = load_settings(options.settings)
        _announce_deadline(settings, verdict_fd)
        delivery = _prepared(options, settings, find_recipient(options), started)
    except UsageError as error:
        tell(Status("4.3.5", f"pydeliver was started with a wrong option: {error}"))
    except ConfigError as error:
        tell(Status("4.3.5", f"pydeliver is not configured rightly: {error}"))
    except DeliveryError as error:
        tell(error.status)
    else:
        deliver(delivery, tell.is_wanted, tell)


def _announce_deadline(settings: dict[str, Setting], verdict_fd: int | None) -> None:
    """The client waits as long as it was built to, unless the administrator says otherwise.

    It has set an alarm too, for the case that it is killed itself; that goes with the deadline.
    """
    if verdict_fd is not None and settings["deadline"] != DEADLINE:
        from signal import alarm

        os.write(verdict_fd, f"deadline {settings['deadline']}\n".encode())
        alarm(int(str(settings["deadline"])) + 10)


def find_recipient(options: Options) -> tuple[str, str]:
    """The recipient's name and home directory; root becomes him."""
    if options.user is not None:
        from pydeliver.delivery.privileges import become, look_up

        entry = look_up(options.user)
        become(entry)
        return entry.pw_name, entry.pw_dir
    if os.geteuid() == 0 and options.maildir is None:
        raise DeliveryError(Status("4.3.0", "running as root: name the recipient with -d USER"))
    home = os.environ.get("HOME", "")
    name = os.environ.get("LOGNAME") or os.environ.get("USER") or ""
    if home.startswith("/") and name:
        return name, home
    return _own_entry(name, home)


def _own_entry(name: str, home: str) -> tuple[str, str]:
    """Fill what the environment lacks from the user database."""
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:
        if home.startswith("/"):
            return name or str(os.geteuid()), home
        raise DeliveryError(Status("4.3.0", "whose mail this is cannot be found out: name the user with -d")) from None
    return name or entry.pw_name, home if home.startswith("/") else entry.pw_dir


def _prepared(options: Options, settings: dict[str, Setting], user: tuple[str, str], started: float) -> Delivery:
    """The rules first: they say where the Maildir is, into which a large message is spooled."""
    name, home = user
    places = Places(home)
    prepared = prepare(places, settings, options, may_store=True)
    message = received(read_message(0, (prepared.stores.maildir, home)), options.fields)
    envelope = read_envelope(Told(options.sender, options.recipient, options.detail), os.environ, message, name)
    commands = commands_for(name, places, envelope, settings, started)
    notices = bool(settings["notices"])
    return Delivery(message, envelope, prepared.programs, prepared.stores, prepared.problems, notices, commands)


def read_message(descriptor: int, directories: tuple[str, ...] = ()) -> bytes:
    """Return all of a descriptor; raises DeliveryError for an error, or for nothing at all.

    A large message is spooled to a file without a name in one of the directories.
    """
    pieces, octets = [], 0
    try:
        while piece := os.read(descriptor, _PIECE):
            pieces.append(piece)
            octets += len(piece)
            if octets > SPOOLED_OCTETS and directories:
                from pydeliver.delivery.spool import spooled

                return spooled(descriptor, pieces, directories)
    except OSError as error:
        raise DeliveryError(Status("4.3.0", "the message could not be read from the mail system")) from error
    if not pieces:
        raise DeliveryError(Status("4.3.0", "no message came from the mail system"))
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
