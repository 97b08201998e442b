"""A real Exim on loopback, from Debian's package, in a name space of its own.

Does not know: how it delivers; that is the router and the transport it is given.
References: Exim's specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.peers.beside import beside
from tests.peers.mail_server import DOMAIN, HOST, MailServer
from tests.peers.smtp import free_port

CONFIGURATION = f"""
primary_hostname = {HOST}
domainlist local_domains = {DOMAIN}
qualify_domain = {DOMAIN}
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
pid_file_path =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {{port}}
tls_advertise_hosts =
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
never_users = root
acl_smtp_rcpt = accept
begin routers
forward_file:
  driver = redirect
  check_local_user
  file = $home/.forward
  pipe_transport = address_pipe
{{router}}
begin transports
address_pipe:
  driver = pipe
{{transport}}
begin retry
* * F,2h,15m
"""

PREPARE = """
useradd --system --user-group --no-create-home Debian-exim
install -d -o Debian-exim -g Debian-exim @DIR@/spool @DIR@/log
"""


class Exim(MailServer):
    def waiting(self) -> int:
        return int(self.inside.run("exim4", "-bpc"))

    def retry(self) -> None:
        self.inside.run("exim4", "-qff")

    def log(self) -> str:
        return (self.inside.directory / "log/mainlog").read_text(errors="replace")


@contextmanager
def running_exim(router: str, transport: str) -> Iterator[Exim]:
    port = free_port()
    configuration = CONFIGURATION.format(port=port, router=router, transport=transport)
    with beside("exim4-daemon-light", files={"/etc/exim4/exim4.conf": configuration}, prepare=PREPARE) as inside:
        inside.start("exim4", "-bdf")
        server = Exim(inside, port)
        server.wait_until_it_answers()
        yield server
