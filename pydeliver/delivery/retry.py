"""A plan that hands the message on, performed so that it can be gone on with.

What is stored stays stored; what is handed over cannot be taken back.  So when
a step fails after another is done, the rest is written down before 75 is said,
and the retry does the rest of that plan, whatever the rules say by then.  It is
written down as soon as the message is stored, too, for a kill announces itself
to nobody.  Where it cannot be written down, what was stored is taken back.

A second delivery of the same message waits for the first.

Does not know: rules; how a step is done.
References: `state/retry` (the record), RFC 3463 (codes).
"""

from __future__ import annotations

import time

from pydeliver.delivery.perform import NOT_WANTED, Performance, Performed
from pydeliver.delivery.pipe import pipe
from pydeliver.delivery.redirect import redirect
from pydeliver.message.edit import Edit, edited
from pydeliver.plan import HANDED_ON, STORES
from pydeliver.state.retry import Record, RecordFile, fingerprint, has_records
from pydeliver.status import DELIVERED, DeliveryError, Status
from pydeliver.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydeliver.delivery.deliver import Delivery
    from pydeliver.plan import Action, Plan

BUSY = Status("4.3.0", "another delivery of the same message is under way")
REFUSED = Status("4.3.0", "the mail system does not pass this message on")
_FINISHED = "another delivery of the same message has done all of it meanwhile"
_NOT_RECORDED = "what is done could not be written down for a retry"
_STEPS = {"redirect": redirect, "pipe": pipe}


def resume(delivery: Delivery) -> Attempt | None:
    """Go on with the plan that an earlier attempt has left; None if there is none for this message."""
    if not has_records(delivery.stores.places, time.time()):
        return None
    file = _record_file(delivery)
    if file.read(time.time()) is None:
        return None
    attempt = _left(delivery, file)
    if attempt is None:
        file.close()
    return attempt


def begin(delivery: Delivery, plan: Plan) -> Attempt:
    """Begin with a plan, or go on with the one that was left while this delivery waited for its turn."""
    file = _record_file(delivery)
    return _left(delivery, file) or Attempt(delivery, file, Record(plan, (), plan.problem))


def _left(delivery: Delivery, file: RecordFile) -> Attempt | None:
    """Wait for the turn of this delivery; then what others have left, be it nothing to do."""
    _lock(delivery, file)
    record = file.read(time.time())
    if record is None and file.seen is not None and file.is_finished:
        return Attempt(delivery, file, file.seen, is_finished=True)
    return Attempt(delivery, file, record) if record is not None else None


def _record_file(delivery: Delivery) -> RecordFile:
    return RecordFile(delivery.stores.places, fingerprint(delivery.envelope, _handed_over(delivery)))


def _handed_over(delivery: Delivery) -> Iterable[bytes | memoryview]:
    """What is the same at each attempt: without the time of it, which Exim puts at the top."""
    if delivery.received is not None:
        return (delivery.received,)
    return edited(delivery.message, (Edit("remove", "Delivery-date", ""),)).chunks()


def _lock(delivery: Delivery, file: RecordFile) -> None:
    """Where nothing can be locked, nothing can be written down either: then this delivery is the only one."""
    try:
        is_locked = file.lock(delivery.commands().until - time.monotonic())
    except OSError:
        return
    if not is_locked:
        file.close()
        raise DeliveryError(BUSY)


class Attempt:
    """One delivery of a plan, from its beginning or from where an earlier one stopped."""

    def __init__(self, delivery: Delivery, file: RecordFile, record: Record, is_finished: bool = False) -> None:
        self.plan = replace(record.plan, problem=record.problem)
        self._delivery, self._file, self._is_finished = delivery, file, is_finished
        self._done = list(record.done)
        self._problem = record.problem
        self._handed_on: list[str] = []
        self._notes: list[str] = []

    def perform(self, is_wanted: Callable[[], bool]) -> Performed:
        """Do what is left of the plan; raises DeliveryError if that comes to nothing at all."""
        if self._is_finished:
            return Performed(DELIVERED, notes=(_FINISHED,))
        given, rest = self._delivery, self._rest()
        performance = Performance(rest, given.message, given.envelope, given.stores)
        is_known = bool(self._done)
        with performance:
            if rest.stores or not self._done:
                performance.stage()
            if not is_wanted():
                raise DeliveryError(NOT_WANTED)
            self._problem = self._problem or performance.problem
            stores = [place for place, action in enumerate(self.plan.actions) if action.word in STORES]
            self._done += [place for place in stores if place not in self._done]
            is_prepared = bool(rest.stores) and self._try(self._file.prepare, self._record())
            performed = performance.commit()
        if is_prepared and self._try(self._file.publish):
            is_known = True
            performance.close()  # others may have the mailboxes meanwhile
        status = self._hand_on(is_wanted)
        if status.is_temporary and self._done and not self._try(self._file.write, self._record()) and not is_known:
            performance.undo()
            performed = replace(performed, stored=())
        return replace(
            performed,
            status=status,
            notes=(*performed.notes, *self._notes),
            problem="" if self._problem == self.plan.problem else self._problem,
            handed_on=tuple(self._handed_on),
            close=performance.close,
        )

    def _rest(self) -> Plan:
        left = [action for place, action in enumerate(self.plan.actions) if place not in self._done]
        return replace(self.plan, actions=tuple(left))

    def finish(self, status: Status) -> None:
        """Before the verdict is told: unless there is a retry, nothing is left to do."""
        if not status.is_temporary:
            self._file.finish()

    def close(self) -> None:
        """Let others have their turn."""
        self._file.close()

    def _hand_on(self, is_wanted: Callable[[], bool]) -> Status:
        """Take the steps that are left, in order, up to one that fails.

        Whoever does not wait for the verdict will try again: then nothing more is handed on,
        and what is done is written down even if it is all.
        """
        for place, action in enumerate(self.plan.actions):
            if action.word in HANDED_ON and place not in self._done:
                if not is_wanted():
                    return NOT_WANTED
                status, note = self._step(action)
                if status.is_success:
                    self._handed_on.append(action.words)
                else:
                    self._notes.append(f"{action.words} ({action.where}): {note}")
                    if not _is_optional(action):
                        return status
                    self._problem = self._problem or f"{action.words} failed ({note}; {action.where})"
                self._done.append(place)
        return DELIVERED if is_wanted() else NOT_WANTED

    def _step(self, action: Action) -> tuple[Status, str]:
        """Take one; the administrator may have refused since it was planned."""
        from pydeliver.delivery.commands import refusal

        commands = self._delivery.commands()
        argv = action.argument("argv")
        refused = refusal(commands, action.word, argv if isinstance(argv, tuple) else ())
        if refused:
            return REFUSED, refused
        return _STEPS[action.word](action, self._delivery.message, commands)

    def _record(self) -> Record:
        return Record(self.plan, tuple(self._done), self._problem)

    def _try(self, write: Callable[..., None], *record: Record) -> bool:
        """Whether what is done could be written down."""
        try:
            write(*record)
        except OSError:
            self._notes.append(_NOT_RECORDED)
            return False
        return True


def _is_optional(action: Action) -> bool:
    """Whether its failure holds nothing up: an extra program's exit status is nobody's."""
    return action.also and action.word == "pipe"
