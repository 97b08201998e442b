"""Perform a plan: stage every store, then commit them; all or nothing.

Staged messages are whole on the disk and invisible, and can be undone.  A
store that fails because of its mailbox (not ours, no directory, no permission)
undoes all, and the message is kept in the inbox instead; one that fails
because the system does (full, read-only, out of descriptors) would only
scatter mail elsewhere, so the delivery is deferred.  Success is never reported
without a durable copy or an explicit discard.

Does not know: rules; what the MTA is told; how a message is handed on (`retry`).
References: `limits`, RFC 3463 (codes).
"""

from __future__ import annotations

import errno
import os
import time

from pydeliver.mailbox.maildir import Maildir
from pydeliver.naming import MailboxNameError, is_inbox
from pydeliver.plan import Action, Where
from pydeliver.status import DELIVERED, UNEXPECTED, DeliveryError, Status, parse_status
from pydeliver.value import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from pydeliver.envelope import Envelope
    from pydeliver.message.edit import Edit
    from pydeliver.message.view import Message
    from pydeliver.plan import Plan
    from pydeliver.state.places import Places

    class Staged(Protocol):
        """A message in a mailbox of any kind, not yet there to stay.

        `is_locked`: others wait for it, so that it is closed at once.
        """

        is_locked: bool
        notes: tuple[str, ...]

        def commit(self) -> str: ...
        def undo(self) -> None: ...
        def close(self) -> None: ...


FAILURES = {
    errno.ENOSPC: Status("4.3.1", "the mail system's storage is full"),
    errno.EDQUOT: Status("4.2.2", "the mailbox is over its quota"),
    errno.EFBIG: Status("4.3.4", "the message is larger than a file may be here"),
    errno.EROFS: Status("4.3.0", "the mail system's storage is read-only"),
    errno.EIO: Status("4.3.0", "the mail system's storage failed"),
    errno.ESTALE: Status("4.3.0", "the mail system's storage went away"),
    errno.EMFILE: Status("4.3.0", "the mail system has too many files open"),
    errno.ENFILE: Status("4.3.0", "the mail system has too many files open"),
    errno.ENOMEM: Status("4.3.0", "the mail system is out of memory"),
    errno.EINTR: Status("4.3.0", "the delivery was interrupted"),
    errno.EAGAIN: Status("4.3.0", "the mail system is busy"),
}
MAILBOX_FAILED = Status("4.2.0", "the mailbox cannot be written")
_WITHOUT_A_STORE = ("redirect", "pipe", "discard", "reject", "defer")
NOT_WANTED = Status("4.3.0", "the mail system stopped waiting for the delivery")


@value
class Stores:
    """Where a user's mail goes: the Maildir of mailbox names, and what the inbox is instead, if it is.

    `inbox` is ("mailbox", name), or ("maildir", "mbox" or "mh", path).  `mboxrd` is how an mbox is quoted.
    `system` are the files of the system's rules, and the lists these ask.
    """

    places: Places
    maildir: str
    inbox: tuple[str, str] | None = None
    mboxrd: bool = False
    system: tuple[str, ...] = ()

    def path(self, said: str, by: str) -> str:
        """A path that rules give, `by` the file they stand in; raises OutsideHome for what a virtual user may not."""
        return self.places.absolute(said) if by in self.system else self.places.of_rules(said)


def nothing_held() -> None:
    """There is nothing to let go of."""


@value
class Performed:
    """What was done: the status, the paths of the copies stored, and what went otherwise than planned.

    `handed_on` are the actions by which others have taken the message, in words.
    `close` lets go of what is still held of the stores, when the verdict is told:
    until then each system call is a moment in which a kill makes a second copy.
    """

    status: Status
    stored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    handed_on: tuple[str, ...] = ()
    close: Callable[[], None] = nothing_held


class Performance:
    """One plan being performed: `stage`, then `commit`; `undo` at any time before the verdict.

    In a `with` it is undone by whatever failure, foreseen or not.
    """

    def __init__(self, plan: Plan, message: Message, envelope: Envelope, stores: Stores) -> None:
        self._plan, self._message, self._envelope, self._stores = plan, message, envelope, stores
        self._staged: list[Staged] = []
        self._versions: dict[tuple[Edit, ...], Message] = {(): message}
        self.problem = ""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None:
            self.undo()

    def stage(self) -> None:
        """Stage every store of the plan; raises DeliveryError if not even the inbox takes the message.

        A plan that neither stores nor hands on, refuses or discards was not made by
        any rule: it is a mistake of ours, and no success.
        """
        decided = [action.word for action in self._plan.actions if not action.also]
        if not self._plan.stores and not any([word in _WITHOUT_A_STORE for word in decided]):
            raise DeliveryError(UNEXPECTED)
        for action in _stored_once(self._plan.stores, self._stores):
            try:
                self._stage(action)
            except (OSError, MailboxNameError) as error:
                self.undo()
                self._keep_instead(action, error)
                return

    def _keep_instead(self, action: Action, error: OSError | MailboxNameError) -> None:
        if failure := _system_failure(error):
            raise DeliveryError(failure) from error
        reason = error.strerror if isinstance(error, OSError) else str(error)
        self.problem = f"{action.words} failed ({reason}; {action.where}); the message was kept in the inbox"
        try:
            self._stage(Action("keep", (), Where(), False, self._plan.flags))
        except (OSError, MailboxNameError) as second:
            raise DeliveryError(_failure(second)) from second

    def _stage(self, action: Action) -> None:
        kind, name = _place(action, self._stores)
        version = self._version(action.edits)
        chunks, flags, file = version.chunks(), action.flags, version.file
        if kind == "mailbox":
            return self._staged.append(Maildir(self._stores.maildir).stage(name, chunks, flags, file=file))
        path = self._stores.path(name, action.where.file)
        if kind == "maildir":
            return self._staged.append(Maildir(path).stage("INBOX", chunks, flags, file=file))
        if kind == "mh":
            from pydeliver.mailbox.mh import Mh

            return self._staged.append(Mh(path).stage(chunks, flags))
        from pydeliver.mailbox.mbox import Mbox
        from pydeliver.mailbox.mbox_format import from_line

        begin = from_line(self._envelope.sender, time.time())
        mbox = Mbox(path, self._stores.places.mbox_records, begin, self._stores.mboxrd)
        return self._staged.append(mbox.stage(chunks, flags))

    def _version(self, edits: tuple[Edit, ...]) -> Message:
        """The message as the rules had edited it; rules edit rarely."""
        if edits not in self._versions:
            from pydeliver.message.edit import edited

            self._versions[edits] = edited(self._message, edits)
        return self._versions[edits]

    def commit(self) -> Performed:
        """Make every staged copy visible and durable; after a DeliveryError `undo` takes them back."""
        stored = []
        try:
            for staged in self._staged:
                stored.append(staged.commit())
        except OSError as error:
            raise DeliveryError(_failure(error)) from error
        for staged in self._staged:
            if staged.is_locked:
                staged.close()
        notes = [note for staged in self._staged for note in staged.notes]
        return Performed(_status(self._plan), tuple(stored), tuple(notes), self.problem)

    def close(self) -> None:
        """Let go of what was committed, which can then no longer be undone."""
        for staged in self._staged:
            staged.close()
        self._staged.clear()

    def undo(self) -> None:
        for staged in self._staged:
            staged.undo()
        self._staged.clear()


def perform(
    plan: Plan, message: Message, envelope: Envelope, stores: Stores, is_wanted: Callable[[], bool]
) -> Performed:
    """Stage, ask whether anybody still waits for the verdict, commit.

    Raises DeliveryError; then nothing of the message is visible, as far as the
    file system lets us undo.
    """
    performance = Performance(plan, message, envelope, stores)
    with performance:
        performance.stage()
        if not is_wanted():
            raise DeliveryError(NOT_WANTED)
        performed = performance.commit()
    return replace(performed, close=performance.close)


def _stored_once(actions: tuple[Action, ...], stores: Stores) -> list[Action]:
    """One store for each mailbox, be its path written in two ways, with the flags of all.

    Those that are locked come last, for others wait, and in one order, so that
    two deliveries into the same two never wait for each other.
    """
    if len(actions) == 1:
        return list(actions)
    found: dict[tuple[str, str], Action] = {}
    for action in actions:
        place = _identity(*_place(action, stores), stores)
        if place in found:
            action = replace(found[place], flags=tuple(dict.fromkeys((*found[place].flags, *action.flags))))
        found[place] = action
    mboxes = sorted([place for place in found if place[0] == "mbox"])
    return [found[place] for place in (*[place for place in found if place[0] != "mbox"], *mboxes)]


def _identity(kind: str, name: str, stores: Stores) -> tuple[str, str]:
    """The kind of a mailbox and the one path it has, whatever it is called; of a mailbox in the Maildir, its name."""
    if kind == "mailbox" and not is_inbox(name):
        return kind, name
    path = stores.maildir if kind == "mailbox" else stores.places.absolute(name)
    return "maildir" if kind == "mailbox" else kind, os.path.realpath(path)


def _place(action: Action, stores: Stores) -> tuple[str, str]:
    if action.word == "keep":
        return stores.inbox or ("mailbox", "INBOX")
    kind, name = action.arguments[0]
    return kind, str(name)


def _failure(error: OSError | MailboxNameError) -> Status:
    return _system_failure(error) or MAILBOX_FAILED


def _system_failure(error: OSError | MailboxNameError) -> Status | None:
    """The status of a failure that is not the mailbox's own, and that another mailbox would not mend."""
    if isinstance(error, TimeoutError):  # of a lock
        return Status("4.2.0", f"the mailbox is {error.strerror}")
    return FAILURES.get(error.errno or 0) if isinstance(error, OSError) else None


def _status(plan: Plan) -> Status:
    """The status a plan ends in once it is performed."""
    for action in plan.actions:
        if action.word == "reject":
            return parse_status(str(action.argument("status")), "5.7.1")
        if action.word == "defer":
            return parse_status(str(action.argument("status")), "4.7.1")
    return DELIVERED
