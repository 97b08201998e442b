"""Which conditions can no longer be true, because each one that they imply is known not to be.

Only what is seen from the text is known: the same condition again, a part of an
`or`, more than an `and`, some of the values of a list.  A condition on a variable
or a group is never known: it may have been set since.

Does not know: why a condition is excluded; the place says.
"""

from __future__ import annotations

from pydeliver.fold import fold
from pydeliver.rules import ast
from pydeliver.rules.check import literal
from pydeliver.rules.names import is_field
from pydeliver.rules.patterns import unbraced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from pydeliver.rules.source import Source, Span

    Form: TypeAlias = tuple[Any, ...]  # of a condition: what it says, without its places
    Place: TypeAlias = tuple[Source, Span]

_NEGATIONS = {"is not": "is", "not in": "in"}
_ANY_OF = ("is", "contains", "starts with", "ends with", "matches", "in")  # of several keys one is enough
_UNSAID = ("span", "operator_span", "word_span", "written")


class Exclusion:
    """Conditions that are not true here, and the place of each; `rewind` forgets those since a `mark`."""

    def __init__(self) -> None:
        self._forms: dict[Form, list[tuple[frozenset[Any], Place]]] = {}  # what else it needs, and its place
        self._added: list[Form] = []

    def mark(self) -> int:
        return len(self._added)

    def rewind(self, mark: int) -> None:
        while len(self._added) > mark:
            form = self._added.pop()
            self._forms[form].pop()

    def forget(self) -> None:
        """Nothing is known any more."""
        self._forms.clear()
        self._added.clear()

    def add(self, condition: ast.Condition, place: Place) -> None:
        form = _form(condition)
        for one in _alternatives(form) if form is not None else ():
            # An `and` is found by its first part and holds where all are; a claim by each of its keys.
            if one[0] == "and":
                self._put(one[1], frozenset(one[2:]), place)
            elif one[0] == "claim":
                for key in one[2]:
                    self._put((*one[:2], key), one[2], place)
            else:
                self._put(one, frozenset(), place)

    def _put(self, form: Form, rest: frozenset[Any], place: Place) -> None:
        self._forms.setdefault(form, []).append((rest, place))
        self._added.append(form)

    def excludes(self, condition: ast.Condition) -> Place | None:
        """The place of a condition that is true wherever this one is; None if none is known."""
        form = _form(condition)
        return self._found(form) if form is not None else None

    def _found(self, form: Form) -> Place | None:
        if form[0] == "or":
            places = [self._found(part) for part in form[1:]]
            return None if None in places else places[0]
        parts = frozenset(form[1:]) if form[0] == "and" else frozenset((form,))
        for part in form[1:] if form[0] == "and" else (form,):
            for found in (self._claim(part), self._whole(part, parts)):
                if found is not None:
                    return found
        return None

    def _claim(self, form: Form) -> Place | None:
        """Of a claim: all its keys are among those of one that is excluded."""
        if form[0] != "claim":
            return None
        for key in form[2]:
            for keys, place in self._forms.get((*form[:2], key), ()):
                if form[2] <= keys:
                    return place
            return None
        return None

    def _whole(self, form: Form, parts: frozenset[Any]) -> Place | None:
        for rest, place in self._forms.get(form, ()):
            if rest <= parts:
                return place
        return None


def _alternatives(form: Form) -> tuple[Form, ...]:
    """An `or` is excluded as each of its parts is."""
    return tuple([one for part in form[1:] for one in _alternatives(part)]) if form[0] == "or" else (form,)


def _form(condition: ast.Condition) -> Form | None:
    """What a condition says, so that two that say the same are equal; None if it depends on a variable."""
    match condition:
        case ast.AllOf() | ast.AnyOf():
            parts = [_form(part) for part in condition.conditions]
            if None in parts:
                return None
            return ("and" if isinstance(condition, ast.AllOf) else "or", *parts)
        case ast.Not():
            inner = _form(condition.condition)
            return None if inner is None else ("not", inner)
        case ast.Claim():
            return _claim_form(condition)
        case ast.Fact():
            return ("fact", _said(condition)) if _is_fixed(condition.arguments) else None


def _claim_form(claim: ast.Claim) -> Form | None:
    operator = _NEGATIONS.get(claim.operator, claim.operator)
    names_list = operator == "in" and isinstance(claim.right[0], ast.Field)
    if not _is_fixed(claim.left) or not (names_list or _is_fixed(claim.right)):
        return None
    head = (operator, claim.every, _said(claim.left))
    if operator in _ANY_OF:
        right = claim.right[0]
        keys = right.items if isinstance(right, ast.List) else (right,)
        form: Form = ("claim", head, frozenset([_key(key) for key in keys]))
    else:
        form = ("order", head, _said(claim.right))
    return ("not", form) if claim.operator in _NEGATIONS else form


def _key(value: Any) -> Any:
    said = literal(value) if isinstance(value, ast.Text) else None
    return _said(value) if said is None else ("text", fold(said))


def _said(node: Any) -> Any:
    """A node of the syntax tree as plain data, without the places it stands at."""
    if isinstance(node, tuple):
        return tuple([_said(part) for part in node])
    names = getattr(type(node), "__match_args__", ())
    if not names:
        return node
    return (type(node).__name__, *[_said(getattr(node, name)) for name in names if name not in _UNSAID])


def _is_fixed(node: Any) -> bool:
    """Whether a value is the same wherever it stands: no variable and no group is in it."""
    if isinstance(node, tuple):
        return all([_is_fixed(part) for part in node])
    if isinstance(node, ast.Group):
        return False
    if isinstance(node, ast.Field):
        return is_field(node.words)
    if isinstance(node, ast.Pattern):
        return len(unbraced(node.regex)) == 1
    return all([_is_fixed(getattr(node, n)) for n in getattr(type(node), "__match_args__", ()) if n not in _UNSAID])
