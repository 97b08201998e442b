"""Values of the body and of MIME parts: loaded by the first rule that asks for one.

A part's name has as many values as there are readings of it, and `body` one for
each text part; anything else of a part is one value.

Does not know: how parts are found, or what is done with the values.
References: RFC 2045, RFC 2046, RFC 2183.
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.fold import composed
from pydeliver.message.text import guess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pydeliver.engine.run import Run, Scalar
    from pydeliver.message.part import Part

__all__ = ["body_values", "count_parts", "part_items", "part_values"]


def body_values(run: Run, word: str) -> tuple[Scalar, ...]:
    """The values of `body`, `body.raw`, `headers.raw` and their like."""
    key = ("body", word)
    if key not in run.version.values:
        run.version.values[key] = _BODY[word](run)
    return run.version.values[key]


def part_values(run: Run, word: str, aspect: str) -> tuple[Scalar, ...]:
    """An aspect of every attachment or part; "" is what the word means alone."""
    key = (word, aspect)
    if key not in run.version.values:
        run.version.values[key] = tuple(
            [value for part in part_items(run, word) for value in aspect_of(part, word, aspect)]
        )
        _note_limits(run)
    return run.version.values[key]


def aspect_of(part: Part, word: str, aspect: str) -> tuple[Scalar, ...]:
    return _ASPECTS[aspect or word](part)


def part_items(run: Run, word: str) -> tuple[Part, ...]:
    """What a `for each attachment` or `for each part` turns over."""
    parts = run.message.parts
    return parts.attachments if word == "attachment" else parts.all


def count_parts(run: Run, word: str, aspect: str) -> int:
    """How many attachments or parts have a value, however many readings each has."""
    return len([part for part in part_items(run, word) if aspect_of(part, word, aspect)])


def _note_limits(run: Run) -> None:
    for note in run.message.parts.notes:
        run.note(note)


_ASPECTS: dict[str, Callable[[Part], tuple[Scalar, ...]]] = {
    "attachment": lambda part: part.names or part.types,
    "part": lambda part: part.types,
    "name": lambda part: part.names,
    "type": lambda part: part.types,
    "magic": lambda part: (part.magic,) if part.magic else (),
    "size": lambda part: (part.size,),
    "text": lambda part: (part.text,) if part.text else (),
}


def _texts(run: Run, found: list[str]) -> tuple[Scalar, ...]:
    _note_limits(run)
    return tuple([text for text in found if text])


def _raw(run: Run, octets: memoryview | bytes) -> tuple[Scalar, ...]:
    """Octets as they came, as UTF-8 or else Latin-1."""
    if len(octets) > limits.PART_TEXT_OCTETS:
        run.note(f"raw text: not searched beyond {limits.PART_TEXT_OCTETS} octets")
    return (composed(guess(bytes(octets[: limits.PART_TEXT_OCTETS]))),)


def _whole(run: Run) -> tuple[Scalar, ...]:
    """Header and body; of a large message no more comes into memory than is looked at."""
    pieces, octets = [], 0
    for piece in run.message.chunks():
        pieces.append(bytes(piece[: limits.PART_TEXT_OCTETS + 1]))
        octets += len(pieces[-1])
        if octets > limits.PART_TEXT_OCTETS:
            break
    return _raw(run, b"".join(pieces))


_BODY: dict[str, Callable[[Run], tuple[Scalar, ...]]] = {
    "body": lambda run: _texts(run, [part.text for part in run.message.parts.all]),
    "body.raw": lambda run: _raw(run, run.message.body),
    "body.html": lambda run: _texts(run, [part.source_text for part in run.message.parts.all if part.is_html]),
    "body.size": lambda run: (len(run.message.body),),
    "headers.raw": lambda run: _raw(run, run.message.header),
    "message.raw": _whole,
}
