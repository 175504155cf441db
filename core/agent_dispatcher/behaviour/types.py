"""The types of expressions, and what the names in an expression stand for. Which type an expression has is found in :mod:`.inference`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from attrs import evolve, field, frozen

from ..models import Behaviour, Entity, Field
from .expression import Node, Selection
from .problems import ExpressionProblem

__all__ = [
    "BOOLEAN",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DURATION",
    "INTEGER",
    "NULL",
    "NUMBERS",
    "ORDERED",
    "TEXT",
    "Scope",
    "Type",
    "assignable",
    "field_type",
    "refuse",
    "row",
    "rows",
    "shown",
]


@frozen
class Type:
    """The type of an expression.

    Attributes:
        kind: ``text integer decimal boolean date datetime duration row rows null``. A choice is a text, a reference is a row;
            ``null`` is the type of the word ``null`` alone and fits every other.
        entity: of ``row`` and ``rows``.
    """

    kind: str
    entity: str | None = None

    def __str__(self) -> str:
        if self.kind == "row":
            return f"a {self.entity}"
        if self.kind == "rows":
            return f"rows of {self.entity}"
        return self.kind


TEXT, INTEGER, DECIMAL, BOOLEAN = Type("text"), Type("integer"), Type("decimal"), Type("boolean")
DATE, DATETIME, DURATION, NULL = Type("date"), Type("datetime"), Type("duration"), Type("null")

#: What can be calculated with.
NUMBERS = (INTEGER, DECIMAL)
#: What has an order.
ORDERED = (TEXT, INTEGER, DECIMAL, DATE, DATETIME, DURATION)


def row(entity: str) -> Type:
    """The type of one row of ``entity``."""
    return Type("row", entity)


def rows(entity: str) -> Type:
    """The type of several rows of ``entity``, in order of id."""
    return Type("rows", entity)


def field_type(declared: Field) -> Type:
    """The type an expression has that names this field or input."""
    if declared.type == "reference":
        return row(declared.entity or "")
    return TEXT if declared.type == "choice" else Type(declared.type)


@frozen
class Scope:
    """The names an expression may use.

    Attributes:
        behaviour: the entities; their names are collections in selections.
        names: type by name.
    """

    behaviour: Behaviour
    names: Mapping[str, Type] = field(factory=dict)

    def bind(self, name: str, type_: Type) -> Scope:
        """This scope and one name more."""
        return evolve(self, names={**self.names, name: type_})

    def entity(self, name: str) -> Entity | None:
        """The entity of that name, if there is one."""
        return next((entity for entity in self.behaviour.entities if entity.name == name), None)

    def members(self, entity: Entity) -> dict[str, Type]:
        """What can be read of a row: ``id``, its fields and its relations."""
        return {
            "id": INTEGER,
            **{declared.name: field_type(declared) for declared in entity.fields},
            **{relation.name: rows(relation.entity) for relation in entity.relations},
        }


def assignable(found: Type, wanted: Type) -> bool:
    """Whether a value of type ``found`` may stand where ``wanted`` is expected: the same, null, or an integer for a decimal."""
    return found in (wanted, NULL) or (found == INTEGER and wanted == DECIMAL)


def refuse(message: str, node: Node | Selection) -> NoReturn:
    """Say that an expression makes no sense, and where in it."""
    raise ExpressionProblem(message, node.position)


def shown(type_: Type) -> str:
    """A type as a message names it, with its article."""
    if type_.kind in ("row", "rows", "null"):
        return str(type_)
    return f"{'an' if type_.kind == 'integer' else 'a'} {type_.kind}"
