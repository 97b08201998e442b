"""The retry record: what is left of a plan, for the delivery that will be tried again.

A message that is stored cannot be stored again because its redirect failed.
So the plan and what is done of it are written down, durably, under the
fingerprint of the message and its envelope, and a retry does the rest.
A record of somebody else's, of another form or older than a week is none.

A record is emptied before it is removed: whoever has read it and waited for
its lock sees by that that there is nothing left to do.

Does not know: how a step is done.
"""

from __future__ import annotations

import os
import stat
import time
from binascii import a2b_base64, b2a_base64

from pydeliver import limits
from pydeliver.jsonline import render_json
from pydeliver.plan import from_data
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydeliver.envelope import Envelope
    from pydeliver.jsonline import Json
    from pydeliver.plan import Plan
    from pydeliver.state.places import Places

_READ = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_WAIT = 0.02  # seconds between two looks at a lock
_KEY_DIGITS = 15  # of a fingerprint, as the place of its lock: 60 bits, for a place has no sign


@value
class Record:
    """A plan under way; `done` are the places in it of the actions that are not to be done again."""

    plan: Plan
    done: tuple[int, ...]
    problem: str = ""


def has_records(places: Places, now: float) -> bool:
    """Whether any delivery is to be gone on with; records too old to be used are removed."""
    try:
        names = os.listdir(places.retry)
    except OSError:
        return False
    found = False
    for name in names:
        path = f"{places.retry}/{name}"
        try:
            if abs(now - os.lstat(path).st_mtime) > limits.RETRY_RECORD_AGE:
                os.unlink(path)
            else:
                found = True
        except OSError:
            continue
    return found


def fingerprint(envelope: Envelope, chunks: Iterable[bytes | memoryview]) -> str:
    """Name a message and its envelope: the same at each attempt of a mail server, another for all else.

    `chunks` are without the From_ line, which has the time of the attempt in it.
    """
    from hashlib import blake2b

    digest = blake2b(digest_size=32)
    for said in (envelope.sender, envelope.recipient, "" if envelope.detail is None else f"+{envelope.detail}"):
        raw = said.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(raw), raw))
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


class RecordFile:
    """The record of one fingerprint, and the lock under which alone it is to be changed or relied on."""

    def __init__(self, places: Places, name: str) -> None:
        self._places, self._name, self._path = places, name, f"{places.retry}/{name}"
        self._file = -1
        self._lock: int | None = None
        self._prepared: tuple[int, str] | None = None
        self._is_done = False
        self.seen: Record | None = None  # the record that was read last

    def lock(self, seconds: float) -> bool:
        """Wait for the lock, which is held until `close`; whether it was free in time.  Raises OSError.

        The record is read as soon as there is one, to see in the end whether it was finished.
        """
        from pydeliver.state.lock import hold

        until = time.monotonic() + seconds
        key = int(self._name[:_KEY_DIGITS], 16)
        self._places.make_state()
        self._lock = hold(self._places.lock, key)
        while self._lock is None and time.monotonic() < until:
            if self.seen is None:
                self.read(time.time())
            time.sleep(_WAIT)
            self._lock = hold(self._places.lock, key)
        return self._lock is not None

    def read(self, now: float) -> Record | None:
        """Return the record, if there is one that can be used."""
        try:
            file = os.open(self._path, _READ)
        except OSError:
            return None
        try:
            raw = _octets(file, now)
            record = _parse(raw) if raw else None
        except OSError:
            record = None
        if record is None:
            os.close(file)
        else:
            self.seen = record
            self._keep(file)
        return record

    @property
    def is_finished(self) -> bool:
        """Whether the record that was read or written has been finished since."""
        return self._file >= 0 and os.fstat(self._file).st_size == 0

    def write(self, record: Record) -> None:
        """Write the record in place of the one that is there, durably; raises OSError."""
        self.prepare(record)
        self.publish()

    def prepare(self, record: Record) -> None:
        """Do all that takes long, before what the record says is true; raises OSError."""
        held: list[bytes] = []
        plan = record.plan.as_data(held)
        octets: list[Json] = [b2a_base64(one, newline=False).decode() for one in held]
        raw = render_json({"plan": plan, "octets": octets, "done": record.done, "problem": record.problem}).encode()
        path = f"{self._path}.new"
        _try(os.unlink, path)  # of a delivery that was killed; this one has the lock
        file = self._create(path)
        try:
            if len(raw) > limits.RETRY_RECORD_OCTETS or os.write(file, raw) != len(raw):
                raise OSError("the retry record was cut short")
            os.fsync(file)
        except OSError:
            os.close(file)
            _try(os.unlink, path)
            raise
        self._prepared = (file, path)

    def publish(self) -> None:
        """Put what was prepared in place; raises OSError."""
        assert self._prepared is not None
        file, path = self._prepared
        os.rename(path, self._path)
        self._prepared = None
        self._keep(file)
        _sync(self._places.retry)

    def finish(self) -> None:
        """Say that nothing is left to do; the file itself goes at `close`."""
        if self._file >= 0:
            try:
                os.ftruncate(self._file, 0)
            except OSError:
                _try(os.unlink, self._path)
            self._is_done = True

    def close(self) -> None:
        """Let go of the lock, and of the record, which is removed if it was finished."""
        if self._prepared is not None:
            _try(os.close, self._prepared[0])
            _try(os.unlink, self._prepared[1])
        if self._is_done:
            _try(os.unlink, self._path)
            _try(os.rmdir, self._places.retry)  # where it is not there, nobody need look into it
        for descriptor in (self._file, self._lock):
            if descriptor is not None and descriptor >= 0:
                _try(os.close, descriptor)
        self._file, self._lock, self._prepared, self._is_done = -1, None, None, False

    def _create(self, path: str) -> int:
        try:
            return os.open(path, _CREATE, 0o600)
        except FileNotFoundError:
            os.makedirs(self._places.retry, 0o700, exist_ok=True)
            _sync(self._places.state)
            return os.open(path, _CREATE, 0o600)

    def _keep(self, file: int) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = file


def _octets(file: int, now: float) -> bytes:
    """What is in the file; nothing if it is not to be trusted."""
    found = os.fstat(file)
    is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    if not is_ours or found.st_nlink != 1 or abs(now - found.st_mtime) > limits.RETRY_RECORD_AGE:
        return b""
    if found.st_size > limits.RETRY_RECORD_OCTETS:
        return b""
    raw = os.read(file, found.st_size + 1)
    return raw if len(raw) == found.st_size else b""


def _parse(raw: bytes) -> Record | None:
    import json

    try:
        data = json.loads(raw)
        plan = from_data(data["plan"], [a2b_base64(one) for one in data["octets"]])
        done = tuple([place for place in data["done"] if 0 <= place < len(plan.actions)])
        return Record(plan, done, str(data["problem"]))
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return None


def _sync(path: str) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _try(call: Callable[..., None], *arguments: str | int) -> None:
    """Call what may fail without harm."""
    try:
        call(*arguments)
    except OSError:
        return
