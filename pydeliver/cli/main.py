"""The program's entry: which command is meant, or a delivery.

Never returns and never raises: a delivery ends in a verdict or in 75, a
command in its own exit status.

Does not know: what any command does.
"""

from __future__ import annotations

import os

from pydeliver import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main(arguments: list[str], verdict_fd: int | None) -> NoReturn:
    """Run a command, or a delivery whose verdict goes to `verdict_fd`."""
    if verdict_fd is not None:
        os.write(verdict_fd, b"verdict 75 4.3.5 this version delivers nothing yet\n")
        os._exit(75)
    os.write(1, f"pydeliver {__version__}\n".encode())
    os._exit(0)
