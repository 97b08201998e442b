"""Perform a plan: stage every store, then commit them; all or nothing.

Staged messages are whole on the disk and invisible, and can be undone.  A
store that fails because of its mailbox (not ours, no directory, no permission)
undoes all, and the message is kept in the inbox instead; one that fails
because the system does (full, read-only, out of descriptors) would only
scatter mail elsewhere, so the delivery is deferred.  Success is never reported
without a durable copy or an explicit discard.

Does not know: rules; what the MTA is told.
References: `limits`, RFC 3463 (codes).
"""

from __future__ import annotations

import errno

from pydeliver.mailbox.maildir import Maildir
from pydeliver.naming import MailboxNameError
from pydeliver.plan import Action, Where
from pydeliver.status import DELIVERED, UNEXPECTED, DeliveryError, Status, parse_status
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pydeliver.mailbox.maildir import Staged
    from pydeliver.message.edit import Edit
    from pydeliver.message.view import Message
    from pydeliver.plan import Plan
    from pydeliver.state.places import Places

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
_WITHOUT_A_STORE = ("discard", "reject", "defer")
NOT_WANTED = Status("4.3.0", "the mail system stopped waiting for the delivery")


@value
class Stores:
    """Where a user's mail goes: the Maildir of mailbox names, and what the inbox is instead, if it is.

    `inbox` is ("mailbox", name) or ("maildir", path).
    """

    places: Places
    maildir: str
    inbox: tuple[str, str] | None = None


@value
class Performed:
    """What was done: the status, the paths of the copies stored, and what went otherwise than planned."""

    status: Status
    stored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


class Performance:
    """One plan being performed: `stage`, then `commit`; `undo` at any time before the verdict."""

    def __init__(self, plan: Plan, message: Message, stores: Stores) -> None:
        self._plan, self._message, self._stores = plan, message, stores
        self._staged: list[Staged] = []
        self._versions: dict[tuple[Edit, ...], Message] = {(): message}
        self._problem = ""

    def stage(self) -> None:
        """Stage every store of the plan; raises DeliveryError if not even the inbox takes the message.

        A plan that neither stores nor refuses nor discards was not made by any
        rule: it is a mistake of ours, and no success.
        """
        if not self._plan.stores and not any([action.word in _WITHOUT_A_STORE for action in self._plan.actions]):
            raise DeliveryError(UNEXPECTED)
        for action in self._plan.stores:
            try:
                self._stage(action)
            except (OSError, MailboxNameError) as error:
                self.undo()
                self._keep_instead(action, error)
                return

    def _keep_instead(self, action: Action, error: OSError | MailboxNameError) -> None:
        if isinstance(error, OSError) and error.errno in FAILURES:
            raise DeliveryError(FAILURES[error.errno]) from error
        reason = error.strerror if isinstance(error, OSError) else str(error)
        self._problem = f"{action.words} failed ({reason}; {action.where}); the message was kept in the inbox"
        try:
            self._stage(Action("keep", (), Where(), False, self._plan.flags))
        except (OSError, MailboxNameError) as second:
            self.undo()
            raise DeliveryError(_failure(second)) from second

    def _stage(self, action: Action) -> None:
        maildir, mailbox = _target(action, self._stores)
        self._staged.append(maildir.stage(mailbox, self._version(action.edits).chunks(), action.flags))

    def _version(self, edits: tuple[Edit, ...]) -> Message:
        """The message as the rules had edited it; rules edit rarely."""
        if edits not in self._versions:
            from pydeliver.message.edit import edited

            self._versions[edits] = edited(self._message, edits)
        return self._versions[edits]

    def commit(self) -> Performed:
        """Make every staged copy visible and durable; raises DeliveryError with all of them undone."""
        stored = []
        try:
            for staged in self._staged:
                stored.append(staged.commit())
        except OSError as error:
            self.undo()
            raise DeliveryError(_failure(error)) from error
        notes = [note for staged in self._staged for note in staged.notes]
        return Performed(_status(self._plan), tuple(stored), tuple(notes), self._problem)

    def undo(self) -> None:
        for staged in self._staged:
            staged.undo()
        self._staged.clear()


def perform(plan: Plan, message: Message, stores: Stores, is_wanted: Callable[[], bool]) -> Performed:
    """Stage, ask whether anybody still waits for the verdict, commit.

    Raises DeliveryError; then nothing of the message is visible, as far as the
    file system lets us undo.
    """
    performance = Performance(plan, message, stores)
    performance.stage()
    if not is_wanted():
        performance.undo()
        raise DeliveryError(NOT_WANTED)
    return performance.commit()


def _target(action: Action, stores: Stores) -> tuple[Maildir, str]:
    """The Maildir and mailbox a store means."""
    kind, name = _place(action, stores)
    if kind == "maildir":
        return Maildir(stores.places.absolute(name)), "INBOX"
    return Maildir(stores.maildir), name


def _place(action: Action, stores: Stores) -> tuple[str, str]:
    if action.word == "keep":
        return stores.inbox or ("mailbox", "INBOX")
    kind, name = action.arguments[0]
    return kind, str(name)


def _failure(error: OSError | MailboxNameError) -> Status:
    if isinstance(error, OSError) and error.errno in FAILURES:
        return FAILURES[error.errno]
    return MAILBOX_FAILED


def _status(plan: Plan) -> Status:
    """The status a plan ends in once it is performed."""
    for action in plan.actions:
        if action.word == "reject":
            return parse_status(str(action.argument("status")), "5.7.1")
        if action.word == "defer":
            return parse_status(str(action.argument("status")), "4.7.1")
    return DELIVERED
