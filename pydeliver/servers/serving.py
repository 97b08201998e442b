"""One process that serves: it takes its share of the sessions, and ends when it is told to.

Does not know: protocols; why it was started or is ended.
"""

from __future__ import annotations

import asyncio
import mmap
import signal
import sys

import uvloop

from pydeliver.servers.lmtpd import Connection, Lmtpd

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from pydeliver.config import Setting
    from pydeliver.servers.users import Users

_OCTETS = 8
_TURN = 0.001  # seconds a process leaves a session to those that have fewer


class Loads:
    """How many sessions each process of a generation has: memory that they share."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._counts = memoryview(mmap.mmap(-1, _OCTETS * processes)).cast("q")

    def of(self, place: int) -> Load:
        return Load(self._counts, place)


class Load:
    """That of one process."""

    def __init__(self, counts: memoryview[int], place: int) -> None:
        self._counts, self._place = counts, place
        self.say(0)

    def say(self, sessions: int) -> None:
        self._counts[self._place] = sessions

    @property
    def is_least(self) -> bool:
        return self._counts[self._place] <= min(self._counts)


def serve(listening: socket.socket, settings: dict[str, Setting], users: Users, load: Load) -> None:
    """Serve until SIGTERM, or until SIGHUP and the end of the last session."""
    uvloop.run(_serve(Serving(listening, Lmtpd(settings, users), load)))


async def _serve(serving: Serving) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, serving.end, False)
    loop.add_signal_handler(signal.SIGHUP, serving.end, True)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # of the terminal: the parent says what follows
    await serving.run()


class Serving:
    """Sessions are taken one at a time, by the process that has the fewest."""

    def __init__(self, listening: socket.socket, lmtpd: Lmtpd, load: Load) -> None:
        self._listening, self._lmtpd, self._load = listening, lmtpd, load
        self._loop: asyncio.AbstractEventLoop
        self._is_retired: asyncio.Future[bool]
        self._greetings: set[asyncio.Task[None]] = set()
        self._is_waiting = False  # for others to take a session

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_retired = self._loop.create_future()
        self._loop.add_reader(self._listening, self._look)
        if await self._is_retired:
            while self._lmtpd.sessions:
                await asyncio.sleep(0.1)
        await self._lmtpd.drain()

    def end(self, is_retired: bool) -> None:
        """Take no more sessions; a process that is retired waits until those it has are over."""
        self._loop.remove_reader(self._listening)
        if not self._is_retired.done():
            self._is_retired.set_result(is_retired)

    def _look(self) -> None:
        """Somebody wants a session: leave it to the others for a moment, if they have fewer."""
        self._load.say(len(self._lmtpd.sessions) + len(self._greetings))
        if self._load.is_least or self._is_waiting:
            self._is_waiting = False
            self._accept()
        else:
            self._is_waiting = True
            self._loop.remove_reader(self._listening)
            self._loop.call_later(_TURN, self._look_again)

    def _look_again(self) -> None:
        if not self._is_retired.done():
            self._loop.add_reader(self._listening, self._look)

    def _accept(self) -> None:
        try:
            client, _ = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            sys.stderr.write(f"pydeliver: no session can be taken: {error}\n")
            return
        client.setblocking(False)
        greeting = self._loop.create_task(self._greet(client))
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    async def _greet(self, client: socket.socket) -> None:
        await self._loop.connect_accepted_socket(lambda: Connection(self._lmtpd), client)
