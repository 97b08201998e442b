"""Values of a message and its envelope, in the form a comparison asks for.

`texts` gives every value there is, `scalar` the one that stands in a text or a
sum.  A value that is missing is empty text; text that is no number counts 0.
Nothing a message holds makes them fail.

Does not know: comparisons, nor the rules' syntax.
References: RFC 5322 section 3.6, RFC 5233 (detail).
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.address import Address, parse_address
from pydeliver.engine.run import Run
from pydeliver.fold import composed
from pydeliver.message.header import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pydeliver.engine.run import Scalar
    from pydeliver.message.part import Part
    from pydeliver.rules.program import Pattern, Value


def texts(run: Run, value: Value) -> tuple[Scalar, ...]:
    """Every value: of a header field each field or address, of a part's name each reading, mostly the one."""
    kind = value[0]
    if kind == "header":
        return _header(run, value)
    if kind in _SEVERAL:
        return _SEVERAL[kind](run, value)
    if kind == "text":
        return (value[1],)  # an empty text is a value too: `is ""` asks for it
    if kind == "texts":
        return tuple([scalar(run, item) for item in value[1:]])
    return (scalar(run, value),)


def scalar(run: Run, value: Value) -> Scalar:
    """The one value: of several the first, "" if there is none."""
    return _SCALARS[value[0]](run, value)


def text_of(scalar: Scalar) -> str:
    """A value as text; a whole number has no point."""
    if isinstance(scalar, str):
        return scalar
    if isinstance(scalar, float):
        return f"{scalar:.6f}".rstrip("0").rstrip(".").removesuffix("-0") or "0"
    return str(scalar)


def number_of(scalar: Scalar) -> int | float | None:
    """A value as a number; None for text that is none."""
    if not isinstance(scalar, str):
        return scalar
    text = scalar.strip()
    if len(text) > 32 or not text.isascii() or text.strip("+-.0123456789"):
        return None
    try:
        return int(text) if "." not in text else float(text)
    except ValueError:
        return None


# ---------------------------------------------------------------- header fields


def _header(run: Run, value: Value) -> tuple[Scalar, ...]:
    key = value[1:]
    known = run.version.values
    if key not in known:
        known[key] = _header_values(run, *key)
    return known[key]


def _header_values(run: Run, names: tuple[str, ...], form: str, pick: str) -> tuple[str, ...]:
    if pick:
        # `.first` and `.last` are of fields in the order of the message, whatever their names.
        picked = sorted([field for name in names for field in run.message.values(name)], key=lambda field: field.start)
        fields = tuple(picked[:1] if pick == "first" else picked[-1:])
    else:
        fields = tuple([field for name in names for field in run.message.values(name)])
    reader = _FIELD_FORMS.get(form)
    if reader is not None:
        return tuple([reader(field) for field in fields])
    return tuple([_address_form(address, form) for field in fields for address in field.addresses])


def _header_items(run: Run, names: tuple[str, ...], form: str) -> tuple[Address | Field, ...]:
    fields = [field for name in names for field in run.message.values(name)]
    if form == "address items":
        return tuple([address for field in fields for address in field.addresses])
    return tuple(fields)


_FIELD_FORMS: dict[str, Callable[[Field], str]] = {
    "text": lambda field: field.text,
    "raw": lambda field: composed(field.raw_text),
    "angle": lambda field: composed(field.angle),
}


def _address_form(address: Address, form: str) -> str:
    return composed(str(getattr(address, form)))


# ---------------------------------------------------------------- the body, parts and the current item of a loop


def _body(run: Run, value: Value) -> tuple[Scalar, ...]:
    from pydeliver.engine.body import body_values

    return body_values(run, value[1])


def _parts(run: Run, value: Value) -> tuple[Scalar, ...]:
    from pydeliver.engine.body import part_values

    return part_values(run, value[1], value[2])


def _item(run: Run, value: Value) -> tuple[Scalar, ...]:
    word, form = value[1], value[2]
    item = run.item(word)
    if isinstance(item, Address):
        if form in ("text", "raw"):
            return (composed(f"{item.name} <{item.address}>" if item.name else item.address),)
        return (_address_form(item, form),)
    if isinstance(item, dict):
        return (item["0"],)
    if isinstance(item, Field):
        reader = _FIELD_FORMS.get(form)
        return (reader(item),) if reader else tuple([_address_form(address, form) for address in item.addresses])
    from pydeliver.engine.body import aspect_of

    return aspect_of(item, word, form)


_SEVERAL: dict[str, Callable[[Run, Value], tuple[Scalar, ...]]] = {
    "body": _body,
    "parts": _parts,
    "item": _item,
}


# ---------------------------------------------------------------- loops


def items(run: Run, value: Value) -> tuple[Address | Field | Part, ...]:
    """What a `for each` turns over: addresses, fields or parts, at most limits.TURNS."""
    found: tuple[Address | Field | Part, ...]
    if value[0] == "parts":
        from pydeliver.engine.body import part_items

        found = part_items(run, value[1])
    else:
        found = _header_items(run, value[1], value[2])
    if len(found) > limits.TURNS:
        run.note(f"for each: only the first {limits.TURNS} of {len(found)} were looked at")
    return found[: limits.TURNS]


def match_items(run: Run, pattern: Pattern, value: Value) -> tuple[dict[str, str], ...]:
    """The captures of each match a `for each match` turns over, at most limits.TURNS."""
    from pydeliver.engine.match import matches_in

    found: list[dict[str, str]] = []
    for text in texts(run, value):
        run.spend(len(text_of(text)) // limits.CHARACTERS_PER_STEP)
        for captures in matches_in(pattern, text_of(text)):
            if len(found) == limits.TURNS:
                run.note(f"for each match: only the first {limits.TURNS} were looked at")
                return tuple(found)
            found.append(captures)
    return tuple(found)


# ---------------------------------------------------------------- commands


def arguments(run: Run, value: Value) -> tuple[str, ...]:
    """The arguments of a command: what expands in one is never split, and cut where no system would take it."""
    said = [text_of(scalar(run, item)) for item in value[1:]]
    for argument in said:
        if len(argument) > limits.ARGUMENT_CHARACTERS:
            run.note(f"an argument of {said[0]} was cut at {limits.ARGUMENT_CHARACTERS} characters")
    return tuple([argument[: limits.ARGUMENT_CHARACTERS] for argument in said])


# ---------------------------------------------------------------- one value


def _first(run: Run, value: Value) -> Scalar:
    values = texts(run, value)
    return values[0] if values else ""


def _envelope(run: Run, value: Value) -> Scalar:
    word, part = value[1], value[2]
    envelope = run.envelope
    if word == "client.address":
        return envelope.client_address
    if word == "auth.user":
        return envelope.auth_user
    if word == "recipient" and part == "detail" and envelope.detail is not None:
        return envelope.detail
    said = {
        "envelope.sender": envelope.sender,
        "recipient": envelope.recipient,
        "original-recipient": envelope.original_recipient,
    }[word]
    return _address_form(parse_address(said), part)


def _variable(run: Run, value: Value) -> Scalar:
    return run.variables.get(value[1], "")


def _template(run: Run, value: Value) -> Scalar:
    from pydeliver.engine.expand import expand

    return expand(run, value)


def _arithmetic(run: Run, value: Value) -> Scalar:
    _, operator, left, right = value
    one, other = number_of(scalar(run, left)) or 0, number_of(scalar(run, right)) or 0
    if operator == "/":
        if not other:
            run.note("a division by zero counts 0")
            return 0
        result: int | float = one / other
    else:
        result = one + other if operator == "+" else one - other if operator == "-" else one * other
    if abs(result) > limits.NUMBER_MAGNITUDE:
        run.note(f"a number was held at {limits.NUMBER_MAGNITUDE}")
        return limits.NUMBER_MAGNITUDE if result > 0 else -limits.NUMBER_MAGNITUDE
    return int(result) if result == int(result) else result


def _count(run: Run, value: Value) -> Scalar:
    counted = value[1]
    if counted[0] == "parts":
        from pydeliver.engine.body import count_parts

        return count_parts(run, counted[1], counted[2])
    return len(texts(run, counted))


def _hits(run: Run, value: Value) -> Scalar:
    from pydeliver.engine.match import matches_in
    from pydeliver.engine.pattern import pattern_of

    pattern = pattern_of(run, value[1])
    if pattern is None:
        return 0
    searched = [text_of(text) for text in texts(run, value[2])]
    run.spend(sum([len(text) for text in searched]) // limits.CHARACTERS_PER_STEP)
    return sum([sum([1 for _ in matches_in(pattern, text)]) for text in searched])


_SCALARS: dict[str, Callable[[Run, Value], Scalar]] = {
    "text": lambda run, value: str(value[1]),
    "number": lambda run, value: value[1],
    "header": _first,
    "body": _first,
    "parts": _first,
    "item": _first,
    "envelope": _envelope,
    "size": lambda run, value: run.message.size,
    "lines": lambda run, value: run.message.lines,
    "variable": _variable,
    "template": _template,
    "arithmetic": _arithmetic,
    "count": _count,
    "hits": _hits,
}


def truncated(run: Run, text: str) -> str:
    """Hold a text within limits.TEXT_CHARACTERS."""
    if len(text) <= limits.TEXT_CHARACTERS:
        return text
    run.note(f"a text was cut at {limits.TEXT_CHARACTERS} characters")
    return text[: limits.TEXT_CHARACTERS]


__all__ = ["arguments", "items", "match_items", "number_of", "scalar", "text_of", "texts", "truncated"]
