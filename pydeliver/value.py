"""Immutable values: what the rooms hand to each other.

`@value` turns annotated class attributes into a frozen, slotted class with
equality, a hash and a readable `repr`.  It is what a frozen dataclass is, for
a start-up that cannot afford one: forty dataclasses take a bare interpreter
five times as long to start, forty values take no longer at all.

Does not know: what any value means.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")

    @dataclass_transform(frozen_default=True)
    def value(cls: type[T], /) -> type[T]: ...

    def replace(original: T, /, **changes: Any) -> T: ...

else:

    def value(cls, /):
        """Return `cls` rebuilt with slots; its annotated attributes are its fields, in order."""
        names = tuple(getattr(cls, "__annotations__", ()))
        namespace = {
            key: attribute
            for key, attribute in cls.__dict__.items()
            if key not in names and key not in ("__dict__", "__weakref__")
        }
        defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
        namespace["__slots__"] = names
        namespace["__match_args__"] = names
        built = type(cls)(cls.__name__, cls.__bases__, namespace)
        setters = [built.__dict__[name].__set__ for name in names]

        def __init__(self, *positional, **named):
            if len(positional) > len(names):
                raise TypeError(f"{cls.__name__} takes {len(names)} fields, {len(positional)} were given")
            for setter, given in zip(setters, positional, strict=False):
                setter(self, given)
            for index in range(len(positional), len(names)):
                name = names[index]
                if name in named:
                    setters[index](self, named.pop(name))
                elif name in defaults:
                    setters[index](self, defaults[name])
                else:
                    raise TypeError(f"{cls.__name__} needs {name!r}")
            if named:
                raise TypeError(f"{cls.__name__} has no field {next(iter(named))!r}, or it was given twice")

        def __setattr__(self, name, _):
            raise AttributeError(f"{cls.__name__} is immutable: cannot set {name!r}")

        def __delattr__(self, name):
            raise AttributeError(f"{cls.__name__} is immutable: cannot delete {name!r}")

        def _fields(self):
            return tuple([getattr(self, name) for name in names])

        def __eq__(self, other):
            return _fields(self) == _fields(other) if other.__class__ is built else NotImplemented

        def __hash__(self):
            return hash((cls.__name__, _fields(self)))

        def __repr__(self):
            shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
            return f"{cls.__name__}({shown})"

        for method in (__init__, __setattr__, __delattr__, __eq__, __hash__, __repr__):
            if method.__name__ not in namespace:
                setattr(built, method.__name__, method)
        return built

    def replace(original, /, **changes):
        """Return a copy of a value with some fields changed."""
        kept = {name: getattr(original, name) for name in type(original).__slots__}
        return type(original)(**{**kept, **changes})
