"""What is written without the json module is what the json module writes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from pydeliver.jsonline import render_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(DATA)
@example({"": [True, False, None, 0, 1, -0.0, 1e300, "\ud800", "\u2028", {}], "b": ()})
def test_it_writes_what_json_writes(data: Any) -> None:
    written = render_json(data)
    assert written == json.dumps(data, separators=(",", ":"))
    assert "\n" not in written
    assert written.isascii()
