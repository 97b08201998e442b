"""What a dotted name in a rule file stands for: a field, one of its parts, or a variable.

Does not know: whether it makes sense where it stands; `check` says.
"""

from __future__ import annotations

from pydeliver import vocabulary
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.rules import ast


@value
class Reading:
    """A name that is a field of the vocabulary: which, and which part and pick of it are meant."""

    word: str
    kind: str
    headers: tuple[str, ...]
    part: str = ""
    pick: str = ""
    later: str = ""


class NameMistake(Exception):
    """A name that stands for nothing; says why, and what to write instead."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text, self.hint = text, hint


def is_field(words: tuple[str, ...]) -> bool:
    """Whether the name begins with a field's name."""
    return words[0] == "header" or _field_word(words) is not None


def read_field(field: ast.Field) -> Reading:
    """Return what a field's name means; raises NameMistake for a part it has not."""
    if field.words[0] == "header":
        return _read_parts(field.words[1:], "header", vocabulary.HEADER_FIELD, _header_names(field))
    name = _field_word(field.words)
    if name is None:
        raise NameMistake(f"unknown field '{'.'.join(field.words)}'", _nearest(".".join(field.words)))
    word = vocabulary.FIELDS[name]
    return _read_parts(field.words[len(name.split(".")) :], name, word, word.headers)


def item_word(reading: Reading) -> str:
    """What the current item of a `for each` over a field is called: its word, or the name of the header field."""
    return f"header {reading.headers[0]}" if reading.word == "header" else reading.word


def _field_word(words: tuple[str, ...]) -> str | None:
    for length in range(len(words), 0, -1):
        name = ".".join(words[:length])
        if name in vocabulary.FIELDS:
            return name
    return None


def _header_names(field: ast.Field) -> tuple[str, ...]:
    if field.header is None or len(field.header.parts) != 1 or not isinstance(field.header.parts[0], str):
        raise NameMistake("the name of a header field is written out", 'write its name in quotes: header "X-Spam-Flag"')
    name = field.header.parts[0].strip().rstrip(":")
    if not name or not all(["!" <= character <= "~" and character != ":" for character in name]):
        raise NameMistake(f"no header field can be called '{name}'", "use letters, digits and hyphens")
    return (name.lower(),)


def _read_parts(rest: tuple[str, ...], name: str, word: vocabulary.FieldWord, headers: tuple[str, ...]) -> Reading:
    part = pick = ""
    for said in rest:
        if said in vocabulary.PICKS and said in word.parts and not pick:
            pick = said
        elif said in word.parts and said not in vocabulary.PICKS and not part:
            part = said
        else:
            raise NameMistake(f"{name} has no '.{said}'", _parts_hint(name, word, said))
    return Reading(name, word.kind, headers, part, pick, word.later)


def _parts_hint(name: str, word: vocabulary.FieldWord, said: str) -> str:
    import difflib

    parts = word.parts or tuple([f.removeprefix(f"{name}.") for f in vocabulary.FIELDS if f.startswith(f"{name}.")])
    near = difflib.get_close_matches(said, parts, 1, 0.7)
    if near:
        return f"did you mean {name}.{near[0]}?"
    return f"{name} has " + " ".join(["." + part for part in parts]) if parts else ""


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(vocabulary.FIELDS), 1, 0.7)
    if near:
        return f"did you mean {near[0]}?"
    return f'another header field is written header "{name.title()}"'
