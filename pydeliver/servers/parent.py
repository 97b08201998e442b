"""The processes of a server: one a core serves, this one starts them again when they end.

    SIGTERM, SIGINT   deliveries under way are finished and answered, then all end
    SIGHUP            settings are read again; sessions go on under the old ones, new ones come under the new;
                      settings with a mistake are told, and the old ones stay

A process that ends by itself is started again, not more often than once a
second.

Does not know: protocols.
References: daemon(7), sd_notify(3).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import uvloop

from pydeliver.config import ConfigError
from pydeliver.servers.listen import notify
from pydeliver.servers.lmtpd import Connection, Lmtpd
from pydeliver.servers.users import OneUser, PasswdFile, Users
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pydeliver.config import Setting

_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_PAUSE = 1.0  # seconds between two starts of a process


@value
class Served:
    """The settings of a generation of processes, and who has mail."""

    settings: dict[str, Setting]
    users: Users


def read(load: Callable[[], dict[str, Setting]]) -> Served:
    """Settings and users; raises ConfigError."""
    settings = load()
    users = str(settings["users"])
    return Served(settings, OneUser() if users == "owner" else PasswdFile(users))


class Parent:
    """The one process that serves nobody."""

    def __init__(self, listening: socket.socket, load: Callable[[], dict[str, Setting]], served: Served) -> None:
        self._listening, self._load, self._served = listening, load, served
        self._children: set[int] = set()  # of this generation
        self._retired: set[int] = set()  # of generations before it, with sessions still open

    def run(self, processes: int) -> None:
        """Serve until a signal ends it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        self._fill(processes)
        notify("READY=1")
        while (heard := signal.sigwait(_HEARD)) not in (signal.SIGTERM, signal.SIGINT):
            if heard == signal.SIGHUP:
                self._reload(processes)
            if self._reap():
                time.sleep(_PAUSE)
            self._fill(processes)
        notify("STOPPING=1")
        self._end()

    def _fill(self, processes: int) -> None:
        while len(self._children) < processes:
            self._children.add(self._start())

    def _start(self) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            serve(self._listening, self._served)
            os._exit(0)
        except BaseException:  # a child never goes on as its parent
            sys.excepthook(*sys.exc_info())
            os._exit(1)

    def _reap(self) -> bool:
        """Forget the processes that have ended; whether one had no reason to."""
        has_failed = False
        while self._children or self._retired:
            pid, ending = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid in self._children:
                has_failed = True
                sys.stderr.write(f"pydeliver: process {pid} ended ({os.waitstatus_to_exitcode(ending)})\n")
            self._children.discard(pid)
            self._retired.discard(pid)
        return has_failed

    def _reload(self, processes: int) -> None:
        notify("RELOADING=1")
        try:
            self._served = read(self._load)
        except ConfigError as error:
            sys.stderr.write(f"pydeliver: the old settings stay: {error}\n")
        else:
            for pid in self._children:
                os.kill(pid, signal.SIGHUP)
            self._retired |= self._children
            self._children = set()
            self._fill(processes)
        notify("READY=1")

    def _end(self) -> None:
        for pid in self._children | self._retired:
            os.kill(pid, signal.SIGTERM)
        for pid in self._children | self._retired:
            os.waitpid(pid, 0)


def serve(listening: socket.socket, served: Served) -> None:
    """Serve in this process until SIGTERM, or until SIGHUP and the end of the last session."""
    uvloop.run(_serve(listening, Lmtpd(served.settings, served.users)))


async def _serve(listening: socket.socket, lmtpd: Lmtpd) -> None:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[bool] = loop.create_future()
    greetings: set[asyncio.Task[None]] = set()

    def end(is_retired: bool) -> None:
        loop.remove_reader(listening)
        if not ended.done():
            ended.set_result(is_retired)

    async def greet(client: socket.socket) -> None:
        await loop.connect_accepted_socket(lambda: Connection(lmtpd), client)

    def accept() -> None:
        """One at a time, so that the other processes have their share."""
        try:
            client, _ = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            sys.stderr.write(f"pydeliver: no session can be taken: {error}\n")
            return
        client.setblocking(False)
        greeting = loop.create_task(greet(client))
        greetings.add(greeting)
        greeting.add_done_callback(greetings.discard)

    loop.add_signal_handler(signal.SIGTERM, end, False)
    loop.add_signal_handler(signal.SIGHUP, end, True)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # of the terminal: the parent says what follows
    loop.add_reader(listening, accept)
    if await ended:
        while lmtpd.sessions:
            await asyncio.sleep(0.1)
    await lmtpd.drain()
