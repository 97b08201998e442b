"""The messages of the shared corpora: name and octets, none left out.

Does not know: what is done with them.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path


def collected(shared: Path) -> Iterator[tuple[str, bytes]]:
    """The messages that mail programs test themselves with."""
    for path in sorted((shared / "corpus/messages").rglob("*")):
        if path.is_file():
            yield str(path.relative_to(shared)), path.read_bytes()


def labelled(shared: Path) -> Iterator[tuple[str, bytes]]:
    """SpamAssassin's public corpus: what people were sent."""
    with tarfile.open(shared / "corpus/spamassassin-corpus-dev.tar.xz") as archive:
        for member in archive:
            if member.isfile() and (file := archive.extractfile(member)) is not None:
                yield member.name, file.read()


_FROM_LINE = re.compile(rb"From (?![ \t]*:)[^\n]*\n?")  # `From : ann@x` is a field as RFC 822 allowed it


def less_from_line(raw: bytes) -> bytes:
    """The message without the line that mbox files and some mail systems put before it."""
    match = _FROM_LINE.match(raw)
    return raw[match.end() :] if match else raw
