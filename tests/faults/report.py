"""What the sweeps tried and what came of it, as tables that can be quoted.

Printed at the end of the test run, whatever pytest captures.
"""

from __future__ import annotations

from collections.abc import Mapping

TABLES: list[str] = []


def report(title: str, counts: Mapping[str, object], notes: list[str] | None = None) -> None:
    """Add one row: what was tried, then each count by its name."""
    TABLES.append(f"{title}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    TABLES.extend(f"    {note}" for note in notes or [])
