"""`pydeliver serve`: take mail by LMTP and deliver it, until a signal ends it.

Does not know: how; see `servers`.
Manual: pydeliverd(8).
"""

from __future__ import annotations

import os
import sys

from pydeliver.config import ConfigError, load_settings
from pydeliver.status import EX_USAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.config import Setting

_HELP = """\
pydeliver serve [-o NAME=VALUE]...

Takes mail by LMTP at the setting `lmtp` and delivers it by the rules of each
user.  In the foreground; SIGTERM ends it, SIGHUP reads the settings again.
The manual: pydeliverd(8).
"""


def run(arguments: list[str]) -> int:
    """Serve; 0 when it was ended, 1 if it could not begin, 64 for a wrong command line."""
    if "--help" in arguments or "-h" in arguments:
        print(_HELP, end="")
        return 0
    options, words = [], list(arguments)
    while words[:1] == ["-o"] and len(words) > 1:
        options.append(words[1])
        words = words[2:]
    if words:
        print(f"pydeliver serve: '{words[0]}' is no option; say -o NAME=VALUE", file=sys.stderr)
        return EX_USAGE
    if os.geteuid() == 0:
        print("pydeliver serve: root serves nobody: start it as the user whom the mail belongs to", file=sys.stderr)
        return 1
    try:
        _serve(options)
    except ConfigError as error:
        print(f"pydeliver serve: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(options: list[str]) -> None:
    from pydeliver.servers.listen import listen
    from pydeliver.servers.parent import Parent, read

    def load() -> dict[str, Setting]:
        return load_settings(options)

    served = read(load)
    listening = listen(str(served.settings["lmtp"]))
    print(f"pydeliver: LMTP at {served.settings['lmtp']}", file=sys.stderr)
    Parent(listening, load, served, len(os.sched_getaffinity(0))).run()
