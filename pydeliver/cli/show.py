"""`pydeliver show MSG…`: a message as the rules see it: fields, addresses, parts, file names, text, limits.

With `--json` the same as data, and beside it the whole of the message as
mail-parser reads it.  Text of the message is printed with its controls escaped.

Does not know: rules; what becomes of the message says `--test`.
Manual: pydeliver-show(1).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydeliver.cli.test import read_named
from pydeliver.message.view import Message
from pydeliver.rules.source import printable
from pydeliver.status import EX_USAGE, DeliveryError
from pydeliver.vocabulary import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydeliver.message.header import Field
    from pydeliver.message.part import Part

_SHOWN_LINES = 12  # of a part's text
_SHOWN_CHARACTERS = 200  # of a line, and of a field
_SECONDS = 10  # for mail-parser: the library beneath it can go on for ever (CPython's issue 138223)

_ADDRESSES = frozenset([name for word in FIELDS.values() if word.kind == "addresses" for name in word.headers])


class _Parser(argparse.ArgumentParser):
    """Ends in 64, as sysexits(3) has it."""

    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(EX_USAGE)


def run(arguments: list[str]) -> int:
    """Show each message; 0, 1 if one could not be read, 64 for a wrong command line."""
    parser = _Parser(prog="pydeliver show", description="Show a message as the rules see it.")
    parser.add_argument("messages", nargs="+", metavar="MSG", help="a file; - is standard input")
    parser.add_argument("--json", action="store_true", help="print one JSON object a message")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    failures = [_show(path, options.json, len(options.messages) > 1) for path in options.messages]
    return 1 if any(failures) else 0


def _show(path: str, as_json: bool, is_one_of_several: bool) -> bool:
    """Print one message; whether it could not be read."""
    try:
        message = Message(read_named(path))
    except (OSError, DeliveryError) as error:
        reason = error.status.text if isinstance(error, DeliveryError) else error.strerror
        print(f"{path}: {reason}", file=sys.stderr)
        return True
    if as_json:
        print(json.dumps({"message": path, **_data(message), **_by_mail_parser(message)}))
    else:
        print("\n".join([*([f"{path}:"] if is_one_of_several else []), *_in_words(message)]))
    return False


# ---------------------------------------------------------------- as data


def _data(message: Message) -> dict[str, Any]:
    fields = [_field_data(field) for field in message.fields]
    parts = [_part_data(number, part) for number, part in enumerate(message.parts.all)]
    return {
        "size": message.size,
        "lines": message.lines,
        "fields": fields,
        "parts": parts,
        "notes": [*message.notes, *message.parts.notes],  # of what has been looked at, which is now all
    }


def _field_data(field: Field) -> dict[str, Any]:
    data: dict[str, Any] = {"name": field.name, "text": field.text}
    if field.name.lower() in _ADDRESSES:
        data["addresses"] = [{"name": one.name, "address": one.address} for one in field.addresses]
    return data


def _part_data(number: int, part: Part) -> dict[str, Any]:
    return {
        "part": number,
        "depth": part.depth,
        "types": part.types,
        "magic": part.magic,
        "encoding": part.encoding,
        "attachment": part.is_attachment,
        "names": part.names,
        "size": part.size,
        "text": part.text,
    }


def _by_mail_parser(message: Message) -> dict[str, Any]:
    """The message as mail-parser has it; why not, where it cannot.

    It stands on the library `email`, which raises what it likes on messages made to break it.
    """
    import logging

    import mailparser
    from mailparser.exceptions import MailParserError

    logging.disable(logging.CRITICAL)  # else it writes of what it passes over to standard error
    try:
        with _deadline(_SECONDS):
            raw = message.raw[len(message.from_line) :]
            return {"mailparser": json.loads(mailparser.parse_from_bytes(raw).mail_json)}
    except TimeoutError:
        reason = f"it took more than {_SECONDS} seconds"
    except MailParserError as error:
        reason = str(error)
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        reason = f"{type(error).__name__}: {error}"
    return {"mailparser_error": reason}


@contextmanager
def _deadline(seconds: int) -> Iterator[None]:
    def over(number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------- in words


def _in_words(message: Message) -> Iterator[str]:
    lines = f"{message.lines} line{'' if message.lines == 1 else 's'} in the body"
    yield f"{message.size} octets, {lines}"
    for field in message.fields:
        yield f"{field.name}: {_shown(field.text)}"
        if field.name.lower() in _ADDRESSES:
            for address in field.addresses:
                name = f', name "{_shown(address.name)}"' if address.name else ""
                yield f"    address {_shown(address.address) or 'none'}{name}"
    for number, part in enumerate(message.parts.all):
        yield from ["  " * part.depth + line for line in _part_lines(number, part)]
    yield from [f"limit: {note}" for note in (*message.notes, *message.parts.notes)]


def _part_lines(number: int, part: Part) -> Iterator[str]:
    is_told = part.magic and part.magic not in part.types and not (part.is_text and part.magic == "text/plain")
    magic = f", {part.magic} by its octets" if is_told else ""
    kind = ", an attachment" if part.is_attachment else ""
    yield f"part {number}: {_shown(' or '.join(part.types))}{magic}, {part.size} octets{kind}"
    for count, name in enumerate(part.names):
        yield f"    {'name' if not count else 'or'} {_shown(name)}"
    lines = part.text.splitlines()
    for line in lines[:_SHOWN_LINES]:
        yield f"    | {_shown(line)}"
    if len(lines) > _SHOWN_LINES:
        more = len(lines) - _SHOWN_LINES
        yield f"    and {more} more line{'' if more == 1 else 's'}"


def _shown(text: str) -> str:
    return printable(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…")
