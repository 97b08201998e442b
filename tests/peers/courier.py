"""A real Courier mail server on loopback, from Debian's package, in a name space of its own.

Does not know: how it delivers; that is the default delivery it is given.
References: courier(8), dot-courier(5).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.peers.beside import beside
from tests.peers.mail_server import DOMAIN, HOST, MailServer
from tests.peers.smtp import free_port

PREPARE = f"""
id courier >&2 || useradd --system --user-group --no-create-home courier
chown -R courier:courier /var/lib/courier
install -d -o root -g courier -m 775 /run/courier
install -d -o courier -g courier /run/courier/authdaemon
chown root:courier /usr/sbin/sendmail
chmod 2755 /usr/sbin/sendmail
chown courier:courier /usr/lib/courier/courier/submitmkdir
chmod 4755 /usr/lib/courier/courier/submitmkdir
cd /etc/courier
echo {HOST} > me
echo {HOST} > defaultdomain
printf '{DOMAIN}\\n{HOST}\\nlocalhost\\n' > locals
echo postmaster@{DOMAIN} > dsnfrom
echo {DOMAIN} > esmtpacceptmailfor.dir/default
: > aliases/system
chgrp -R courier aliases aliasdir
chmod 755 aliases aliasdir
sed -i 's/^authmodulelist=.*/authmodulelist="authpam"/' authdaemonrc
cat @DIR@/files/courierd >> courierd
cat @DIR@/files/esmtpd >> esmtpd
for what in aliases acceptmailfor smtpaccess; do /usr/lib/courier/make$what >&2; done
authdaemond start >&2
"""

LISTENING = """
ADDRESS=127.0.0.1
PORT={port}
ULIMIT=unlimited
BLACKLISTS=
BOFHCHECKDNS=0
TCPDOPTS="-nodnslookup -noidentlookup"
MAXPERC=100
MAXPERIP=100
"""


class Courier(MailServer):
    delimiter = "-"
    own_file = (".courier", "courier/courier-default")

    def waiting(self) -> int:
        """By its files, from where they are new to where they wait: its own list knows a message only after a while."""
        walks = [os.walk(self.inside.path(f"/var/lib/courier/{place}")) for place in ("tmp", "msgs")]
        return len({name for walk in walks for *_, names in walk for name in names if name.startswith("D")})

    def retry(self) -> None:
        self.inside.run("courier", "flush")

    def log(self) -> str:
        return self.inside.run("mailq")


@contextmanager
def running_courier(settings: str) -> Iterator[Courier]:
    """`settings` are lines of its file courierd."""
    port = free_port()
    files = {"/courierd": settings, "/esmtpd": LISTENING.format(port=port), "/etc/mailname": f"{DOMAIN}\n"}
    with beside("courier-mta", files=files, prepare=PREPARE) as inside:
        inside.run("courier", "start")
        inside.run("/usr/lib/courier/esmtpd", "start")
        server = Courier(inside, port)
        server.wait_until_it_answers()
        yield server
