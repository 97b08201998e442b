"""`pydeliver --help`: the command line on one screen.

Does not know: any more than pydeliver(1) says.
"""

from __future__ import annotations

TEXT = """\
pydeliver: delivers a message as your rules say, and never loses one.

  pydeliver [-d USER] [-f SENDER] [-r RECIPIENT] [-a DETAIL] [-A FIELD]... [--rules FILE]
            [--maildir DIR] [-o NAME=VALUE]...     deliver the message on standard input
  pydeliver --test MSG... [--rules FILE] [--json] [--trace] [-f ...] [-r ...] [-a ...]
            [--now "2026-11-24 10:00"] [--no-system] [--offline]
                                               say what would become of it; writes nothing
  pydeliver check [FILE]... [--json] [--phase P]   find every mistake in rules, run their tests
  pydeliver show MSG... [--json]                   show a message as the rules see it
  pydeliver serve [-o NAME=VALUE]...               take mail by LMTP until a signal ends it
  pydeliver --version

  -d USER        the recipient; root becomes that user      -o NAME=VALUE  a setting of pydeliver.toml
  -f SENDER      the envelope's sender                      --rules FILE   instead of ~/.pydeliverrc
  -r RECIPIENT   the envelope's recipient                   --maildir DIR  instead of ~/Maildir
  -a DETAIL      what stands behind the + in ann+lists@x    --trace        why each rule did or did not match
  -A FIELD       put "Name: text" at the message's top

A delivery ends in 0 (done), 67 (no such user), 77 (rejected by a rule) or 75 (try again later).
Manual: pydeliver(1), pydeliverrc(5), pydeliver-check(1), pydeliver-show(1),
pydeliver.toml(5), pydeliverd(8).
"""


def run(arguments: list[str]) -> int:
    """Print the help; 0."""
    print(TEXT, end="")
    return 0
