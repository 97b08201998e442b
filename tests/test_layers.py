"""Imports point to lower layers only, and pure rooms do nothing: the table, and every import there is.

The same floor plan stands in `pydeliver/__init__.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pydeliver

ROOT = Path(pydeliver.__file__).parent

LAYERS = {
    0: (
        "value",
        "address",
        "envelope",
        "status",
        "limits",
        "fold",
        "flags",
        "naming",
        "jsonline",
        "vocabulary",
        "copies",
    ),
    1: ("message", "copies"),
    2: ("plan", "rules", "mailbox", "protocol", "config", "world"),
    3: ("engine", "state"),
    4: ("delivery",),
    5: ("servers",),
    6: ("cli",),
}
LAYER = {room: layer for layer, rooms in LAYERS.items() for room in rooms}
APART = ("client",)  # builds and starts the program; imports none of it but `cli`

PURE = ("message", "plan", "rules", "protocol", "engine")
DOORS = ("rules.load",)  # of pure rooms: they read files
IMPURE = {"os", "socket", "subprocess", "time", "random", "asyncio", "logging", "pwd", "fcntl", "shutil"}

# What a delivery may not load: each costs a good part of a bare interpreter's start.
SLOW = {
    *("dataclasses", "typing", "enum", "re", "json", "subprocess", "argparse", "inspect", "functools", "collections"),
    *("pathlib", "tomllib", "zoneinfo", "email", "asyncio", "lark", "ssl", "logging", "importlib", "socket", "shutil"),
    *("tempfile", "random", "re2", "unicodedata"),
}
SLOW_AT_THEIR_HEAD = (
    "rules.native",
    "cli.check",
    "cli.test",
    "cli.show",
    "cli.help",
    "servers",
    "client",
)  # no delivery loads these


def modules() -> list[str]:
    found = [path.relative_to(ROOT).with_suffix("").parts for path in sorted(ROOT.rglob("*.py"))]
    return [".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in found]


def source_of(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()


def imports(source: str, at_head_only: bool = False) -> Iterator[str]:
    """The dotted names a module imports, inside its functions too; what stands under TYPE_CHECKING is no import."""
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from [f"{node.module}.{name.name}" for name in node.names]
        if not (at_head_only and isinstance(node, (ast.FunctionDef, ast.Lambda))):
            waiting.extend(ast.iter_child_nodes(node))


def room_of(name: str) -> str:
    return name.split(".")[0]


def wrong_arrow(module: str, imported: str) -> str:
    """Why `module` may not import this; empty text if it may."""
    if not imported.startswith("pydeliver."):
        return ""
    here, there = room_of(module), room_of(imported.removeprefix("pydeliver."))
    if there == "__version__" or here == there or not module:
        return ""
    if there not in LAYER or here not in LAYER:
        return f"{here} or {there} stands in no layer"
    if LAYER[there] >= LAYER[here] and LAYER[here] != 0:
        return f"{here} (layer {LAYER[here]}) imports {there} (layer {LAYER[there]})"
    if LAYER[here] == 0 and LAYER[there] != 0:
        return f"{here}, a word every room speaks, imports {there}"
    return ""


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) not in APART])
def test_imports_point_down(module: str) -> None:
    wrong = [wrong_arrow(module, imported) for imported in imports(source_of(module))]
    assert [reason for reason in wrong if reason] == []


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) in PURE and m not in DOORS])
def test_pure_rooms_touch_nothing(module: str) -> None:
    assert {room_of(imported) for imported in imports(source_of(module))} & IMPURE == set()


@pytest.mark.parametrize("module", [m for m in modules() if not m.startswith(SLOW_AT_THEIR_HEAD)])
def test_what_a_delivery_loads_is_quick_to_load(module: str) -> None:
    slow = {room_of(name) for name in imports(source_of(module), at_head_only=True)} & SLOW
    assert slow == set()


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) != "rules" or not m.startswith("rules.native")])
def test_only_the_front_end_knows_its_parser(module: str) -> None:
    assert "lark" not in {room_of(name) for name in imports(source_of(module))} or module == "client.build"


@pytest.mark.parametrize("module", modules())
def test_a_module_says_what_it_is_and_that_annotations_cost_nothing(module: str) -> None:
    tree = ast.parse(source_of(module))
    if not tree.body:
        return  # an empty __init__
    assert ast.get_docstring(tree)
    if module and "FunctionDef" in ast.dump(tree):
        assert "__future__.annotations" in imports(source_of(module))


def test_the_floor_plan_names_every_room() -> None:
    assert pydeliver.__doc__ is not None
    plan = pydeliver.__doc__.replace("/", " ").split()
    rooms = {room_of(module) for module in modules() if module}
    assert rooms - set(plan) == set()
    assert rooms - set(LAYER) == set(APART)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("rules.check", "pydeliver.mailbox.maildir"),
        ("rules.check", "pydeliver.engine.evaluate"),
        ("message.view", "pydeliver.plan.Plan"),
        ("value", "pydeliver.message.view"),
        ("engine.evaluate", "pydeliver.state.journal"),
        ("plan", "pydeliver.unheard_of"),
    ],
)
def test_a_wrong_arrow_is_seen(module: str, imported: str) -> None:
    assert wrong_arrow(module, imported)


def test_an_import_inside_a_function_is_seen() -> None:
    assert list(imports("def f():\n    from pydeliver.mailbox import maildir\n")) == ["pydeliver.mailbox.maildir"]
    assert list(imports("if TYPE_CHECKING:\n    import os\nelse:\n    import time\n")) == ["time"]
