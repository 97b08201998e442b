"""JSON on one line, written without the `json` module.

Importing `json` costs a delivery a third of a bare interpreter's start-up; its
string encoder in C comes free.  Only writing is here: what is read is read by
commands that can afford the module.

Does not know: what is written.
References: RFC 8259.
"""

from __future__ import annotations

from _json import encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Json: TypeAlias = "str | int | float | bool | tuple[Json, ...] | list[Json] | Mapping[str, Json] | None"


def render_json(data: Json) -> str:
    """Return `data` as JSON in ASCII on one line, keys in the order given; not for NaN or infinity."""
    if data is None or data is True or data is False:
        return {None: "null", True: "true", False: "false"}[data]
    if isinstance(data, str):
        return encode_basestring_ascii(data)
    if isinstance(data, (int, float)):
        return repr(data)
    if isinstance(data, (tuple, list)):
        return "[" + ",".join([render_json(item) for item in data]) + "]"
    return "{" + ",".join([f"{encode_basestring_ascii(key)}:{render_json(item)}" for key, item in data.items()]) + "}"
