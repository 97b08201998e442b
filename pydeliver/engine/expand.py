"""Expand `{name|filter}` in a text, and make what comes out fit for the place it goes to.

What a message brings can never be more than a text there: in a mailbox name it
is part of one level, in a glob it is literal, nothing is expanded twice.

Does not know: where the text goes; the compiled template says.
"""

from __future__ import annotations

from pydeliver.address import Address, parse_address
from pydeliver.engine.run import Run
from pydeliver.engine.values import scalar, text_of, truncated
from pydeliver.fold import composed
from pydeliver.limits import CHARACTERS_PER_STEP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pydeliver.rules.program import Value


def expand(run: Run, template: Value) -> str:
    """Return the text of a template: pieces are texts, and (value, filters)."""
    _, pieces, place = template
    expanded = [piece if isinstance(piece, str) else _piece(run, piece, place) for piece in pieces]
    text = "".join(expanded)
    run.spend(len(text) // CHARACTERS_PER_STEP)
    return truncated(run, composed(text))


def _piece(run: Run, piece: tuple[Value, tuple[tuple[str, int], ...]], place: str) -> str:
    value, filters = piece
    text = text_of(scalar(run, value))
    for name, argument in filters:
        text = _FILTERS[name](text, argument)
    return _level(run, text) if place == "mailbox" else text


def _level(run: Run, text: str) -> str:
    fit = _path(text, 0)
    if fit != text:
        run.note(f"in a mailbox name {_shown(text)} was made {_shown(fit)}")
    return fit


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _domain(text: str, _: int) -> str:
    return _first_address(text).domain


def _address(text: str, _: int) -> str:
    return _first_address(text).address


def _first_address(text: str) -> Address:
    from pydeliver.message.addresses import parse_addresses

    found = parse_addresses(text.encode("utf-8", "replace"))
    return found[0] if found else parse_address("")


def _path(text: str, _: int) -> str:
    from pydeliver.naming import sanitise

    return sanitise(text)


def _header(text: str, _: int) -> str:
    return " ".join(text.replace("\0", " ").split())


def _first_word(text: str, _: int) -> str:
    words = text.split(None, 1)
    return words[0] if words else ""


_FILTERS: dict[str, Callable[[str, int], str]] = {
    "lower": lambda text, _: text.lower(),
    "upper": lambda text, _: text.upper(),
    "first": _first_word,
    "domain": _domain,
    "address": _address,
    "truncate": lambda text, length: text[:length],
    "header": _header,
    "path": _path,
}
