"""LMTP: a message for several recipients is delivered for each, and each has its reply as soon as it is decided.

A thin shell: `protocol/smtp` understands the octets, `delivery/deliver` does
the work, in threads, for it waits for the disk.  Deliveries of one message go
on side by side; their replies are told in the order of the recipients.  A
recipient named twice is delivered to once and answered twice.  What fails for
one recipient, whatever it is, is a temporary failure for him alone.

Does not know: SMTP; what a rule is.
References: RFC 2033.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from pydeliver.delivery.deliver import Delivery, deliver
from pydeliver.delivery.prepare import commands_for
from pydeliver.envelope import Envelope
from pydeliver.protocol.smtp import LMTP, Closed, End, Octets, Offer, Reset, Session
from pydeliver.protocol.smtp_commands import Recipient, Sender
from pydeliver.servers.rules import Rules
from pydeliver.servers.trace import Hop, traced
from pydeliver.servers.users import User, Users
from pydeliver.status import UNEXPECTED, DeliveryError, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.config import Setting

IDLE = 300  # seconds without a word from the client; RFC 5321 section 4.5.3.2.7
THREADS = 16  # deliveries at once in a process; more wait in line
_ACCEPTED = Status("2.1.0", "sender ok")
_KNOWN = Status("2.1.5", "recipient ok")
_IDLE = Status("4.4.2", "nothing came for too long")
_BUSY = Status("4.3.2", "too many sessions; come again later")
_ENDING = Status("4.3.2", "the server is ending; come again later")


class Lmtpd:
    """What all sessions of a process share."""

    def __init__(self, settings: dict[str, Setting], users: Users) -> None:
        self.settings, self.users, self.rules = settings, users, Rules(settings)
        largest, takes_bare = int(str(settings["message_size"])), bool(settings["bare_line_feeds"])
        self.offer = Offer(os.uname().nodename, largest, takes_bare=takes_bare)
        self.most_sessions = int(str(settings["sessions"]))
        self.threads = ThreadPoolExecutor(THREADS, "delivery")
        self.sessions: set[Connection] = set()
        self.is_ending = False

    async def drain(self) -> None:
        """End: sessions that wait for nothing are closed, deliveries under way are finished and answered."""
        self.is_ending = True
        for session in list(self.sessions):
            session.end_if_idle()
        while self.sessions:
            await asyncio.sleep(0.02)
        self.threads.shutdown()


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Lmtpd) -> None:
        self._server = server
        self._session = Session(LMTP, server.offer)
        self._transport: asyncio.Transport
        self._pieces: list[bytes] = []
        self._users: dict[str, User] = {}  # of the recipients accepted, by address
        self._is_open = True
        self._heard = 0.0
        self._timer: asyncio.TimerHandle
        self._underway: asyncio.Task[None] | None = None  # the delivery of the last message

    # ------------------------------------------------------------ called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's says so of itself, and is none
        self._server.sessions.add(self)
        self._heard = asyncio.get_running_loop().time()
        self._watch()
        if self._server.is_ending or len(self._server.sessions) > self._server.most_sessions:
            self._session.take_output()  # the greeting: 421 stands in its place
            self._end(_ENDING if self._server.is_ending else _BUSY)
        else:
            self._flush()

    def data_received(self, octets: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        self._session.receive(octets)
        self._advance()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_open = False
        self._timer.cancel()
        self._server.sessions.discard(self)

    # ------------------------------------------------------------ the session

    def _advance(self) -> None:
        """Act on what came, until the session waits for the client or for deliveries."""
        for event in self._session.events():
            if isinstance(event, Octets):
                self._pieces.append(event.octets.replace(b"\r\n", b"\n"))
            elif isinstance(event, Sender):
                self._session.answer(_ACCEPTED)
            elif isinstance(event, Recipient):
                self._session.answer(self._look_up(event))
            elif isinstance(event, End):
                self._transport.pause_reading()
                self._underway = asyncio.get_running_loop().create_task(self._deliver(event))
            elif isinstance(event, Reset):
                self._forget()
            elif isinstance(event, Closed):
                break
        self._flush()
        if self._session.is_closed:
            self._transport.close()

    def _look_up(self, recipient: Recipient) -> Status:
        try:
            self._users[recipient.address] = self._server.users.find(recipient.address)
        except DeliveryError as error:
            return error.status
        return _KNOWN

    def _forget(self) -> None:
        self._pieces, self._users = [], {}

    def _flush(self) -> None:
        if output := self._session.take_output():
            self._transport.write(output)

    # ------------------------------------------------------------ deliveries

    async def _deliver(self, end: End) -> None:
        """Deliver for each recipient and answer in their order."""
        sender = self._session.sender
        assert sender is not None
        raw = b"".join(self._pieces)
        hop = self._hop()
        users = self._users
        self._forget()
        loop = asyncio.get_running_loop()
        underway: dict[str, asyncio.Future[Status]] = {}
        for recipient in end.recipients:
            if recipient.address not in underway:
                arguments = (users[recipient.address], raw, sender, recipient, hop)
                underway[recipient.address] = loop.run_in_executor(self._server.threads, self._delivered, *arguments)
        for recipient in end.recipients:
            status = await underway[recipient.address]
            if self._is_open:
                self._session.answer(status)
                self._flush()
        if self._is_open:
            self._heard = loop.time()
            self._transport.resume_reading()
            self._advance()
            if self._server.is_ending:
                self.end_if_idle()

    def _delivered(self, user: User, raw: bytes, sender: Sender, recipient: Recipient, hop: Hop) -> Status:
        """Deliver to one recipient, in a thread; whatever goes wrong is his temporary failure."""
        told: list[Status] = []
        try:
            settings = self._server.settings
            message = traced(raw, sender.address, recipient.address, hop, time.time())
            client = self._session.forwarded.get("ADDR", "")
            envelope = Envelope(sender.address, recipient.address, None, recipient.original, client, "", "LMTP")
            prepared = self._server.rules.of(user)
            places = prepared.stores.places
            commands = commands_for(user.name, places, envelope, settings, time.monotonic())
            found = (prepared.programs, prepared.stores, prepared.problems)
            delivery = Delivery(message, envelope, *found, bool(settings["notices"]), commands, raw)
            deliver(delivery, lambda: self._is_open, told.append)
        except DeliveryError as error:
            return error.status
        except Exception as error:  # of one recipient: the others have their deliveries
            sys.stderr.write("".join(traceback.format_exception(error)))
        return told[0] if told else UNEXPECTED

    def _hop(self) -> Hop:
        client = self._session.forwarded.get("ADDR", "")
        return Hop(self._session.hello, client, "LMTP", self._server.offer.host)

    # ------------------------------------------------------------ ends

    def _watch(self) -> None:
        """End a session whose client is silent; while deliveries are under way it is we who are."""
        loop = asyncio.get_running_loop()
        if self._session.is_waiting:
            self._heard = loop.time()
        left = self._heard + IDLE - loop.time()
        if left <= 0:
            self._end(_IDLE)
        else:
            self._timer = loop.call_later(left + 0.1, self._watch)

    def end_if_idle(self) -> None:
        if not self._session.is_waiting:
            self._end(_ENDING)

    def _end(self, status: Status) -> None:
        self._session.close(status)
        self._flush()
        self._transport.close()
