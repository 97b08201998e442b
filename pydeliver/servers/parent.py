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

import os
import signal
import sys
import time

from pydeliver.config import ConfigError
from pydeliver.servers.listen import notify
from pydeliver.servers.serving import Loads, serve
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

    def __init__(
        self, listening: socket.socket, load: Callable[[], dict[str, Setting]], served: Served, processes: int
    ) -> None:
        self._listening, self._load, self._served = listening, load, served
        self._children: dict[int, int] = {}  # of this generation: their places by process id
        self._loads = Loads(processes)
        self._retired: set[int] = set()  # of generations before it, with sessions still open

    def run(self) -> None:
        """Serve until a signal ends it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        self._fill()
        notify("READY=1")
        while (heard := signal.sigwait(_HEARD)) not in (signal.SIGTERM, signal.SIGINT):
            if heard == signal.SIGHUP:
                self._reload()
            if self._reap():
                time.sleep(_PAUSE)
            self._fill()
        notify("STOPPING=1")
        self._end()

    def _fill(self) -> None:
        for place in set(range(self._loads.processes)) - set(self._children.values()):
            self._children[self._start(place)] = place

    def _start(self, place: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            serve(self._listening, self._served.settings, self._served.users, self._loads.of(place))
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
            self._children.pop(pid, None)
            self._retired.discard(pid)
        return has_failed

    def _reload(self) -> None:
        notify("RELOADING=1")
        try:
            self._served = read(self._load)
        except ConfigError as error:
            sys.stderr.write(f"pydeliver: the old settings stay: {error}\n")
        else:
            for pid in self._children:
                os.kill(pid, signal.SIGHUP)
            self._retired |= set(self._children)
            self._children, self._loads = {}, Loads(self._loads.processes)
            self._fill()
        notify("READY=1")

    def _end(self) -> None:
        for pid in (*self._children, *self._retired):
            os.kill(pid, signal.SIGTERM)
        for pid in (*self._children, *self._retired):
            os.waitpid(pid, 0)
