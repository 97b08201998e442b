"""The sockets a server listens on: made by us, or handed over by systemd.

A Unix socket that nobody listens on any more is replaced; one that is in use
is an error.  Everybody who reaches its directory may connect, as everybody
may send mail.

Does not know: who is served.
References: sd_listen_fds(3), sd_notify(3).
"""

from __future__ import annotations

import os
import socket
import stat

from pydeliver.config import ConfigError

_BACKLOG = 1_024
_FIRST_HANDED_OVER = 3


def listen(where: str) -> socket.socket:
    """Listen at a path or at `host:port`; raises ConfigError with the reason."""
    handed_over = _handed_over()
    if handed_over is not None:
        return handed_over
    try:
        return _listen_at_path(where) if where.startswith("/") else _listen_at_port(where)
    except OSError as error:
        raise ConfigError(f"cannot listen at {where}: {error.strerror or error}") from error


def _handed_over() -> socket.socket | None:
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    handed_over = socket.socket(fileno=_FIRST_HANDED_OVER)
    handed_over.setblocking(False)
    os.set_inheritable(_FIRST_HANDED_OVER, False)
    return handed_over


def _listen_at_path(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    if _is_stale(path):
        os.unlink(path)
    others = os.umask(0o111)
    try:
        listening.bind(path)
    finally:
        os.umask(others)
    return _ready(listening)


def _is_stale(path: str) -> bool:
    """Whether there is a socket that nobody listens on."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
    return False


def _listen_at_port(where: str) -> socket.socket:
    host, colon, port = where.rpartition(":")
    if not colon or not port.isdigit():
        raise ConfigError(f"lmtp is a path or host:port, not {where!r}")
    family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    return _ready(listening)


def _ready(listening: socket.socket) -> socket.socket:
    listening.setblocking(False)
    listening.listen(_BACKLOG)
    return listening


def notify(state: str) -> None:
    """Tell systemd how we are, where it wants to know."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        try:
            systemd.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return  # it has gone; we serve all the same
