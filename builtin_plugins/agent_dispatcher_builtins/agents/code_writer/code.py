"""What an expression of the specification is in Python: source text, and what must be known about it to put it somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from agent_dispatcher.behaviour import (
    Aggregate,
    Attribute,
    Binary,
    Call,
    In,
    IsNull,
    Node,
    Selection,
    Type,
    Unary,
)
from agent_dispatcher.models import Behaviour, Entity, Field

from ...languages.python.interface import PYTHON_TYPES, class_name

# How tightly the outermost operator of a source text binds.
CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, ATOM = range(9)

BOOLEAN, INTEGER = Type("boolean"), Type("integer")


@frozen
class Code:
    """An expression in Python.

    Attributes:
        text: flat source text.
        type: what it is in the specification's terms.
        nullable: whether it can be ``None``.
        binds: how tightly its outermost operator binds.
    """

    text: str
    type: Type
    nullable: bool = False
    binds: int = ATOM

    def at(self, level: int) -> str:
        """The text, in parentheses where something that binds at ``level`` stands around it."""
        return self.text if self.binds >= level else f"({self.text})"

    @property
    def simple(self) -> bool:
        """Whether it is a name or a path of attributes, so that it may stand twice."""
        return all(part.isidentifier() for part in self.text.split("."))


@frozen(kw_only=True)
class RowName:
    """How a name that stands for a row is written at this point of the code.

    Attributes:
        ident: source text of its id.
        row: source text of the row itself, as it is now; ``None`` where it has to be read from the storage.
        row_nullable: whether ``row`` can be ``None``.
        nullable: whether there may be no row at all.
        gone: whether the row may have been deleted meanwhile.
        stored: whether ``ident`` is the ``id`` of a row object, which has type ``int | None``.
        key: what is told to :attr:`Compiler.read` when the row object is used.
    """

    entity: Entity
    ident: str
    row: str | None = None
    row_nullable: bool = False
    nullable: bool = False
    gone: bool = False
    stored: bool = False
    key: str = ""


def python_type(declared: Field | Type, behaviour: Behaviour, *, nullable: bool) -> str:
    """The annotation of a field or of an expression's result; a row is its class, a reference an ``int``."""
    if isinstance(declared, Type) and declared.kind in ("row", "rows"):
        name = class_name(behaviour.entity(str(declared.entity)))
        name = f"list[{name}]" if declared.kind == "rows" else name
    elif isinstance(declared, Type):
        name = {"duration": "timedelta", "null": "None"}.get(declared.kind) or PYTHON_TYPES[declared.kind]
    else:
        name = PYTHON_TYPES[declared.type]
    return f"{name} | None" if nullable and name != "None" else name


def walk(node: Node | Selection) -> Iterator[Node | Selection]:
    """A node and everything below it."""
    yield node
    below: tuple[Node | Selection | None, ...]
    match node:
        case Attribute(target=target):
            below = (target,)
        case Unary(operand=operand) | IsNull(operand=operand):
            below = (operand,)
        case Binary(left=left, right=right):
            below = (left, right)
        case In(value=value, options=options):
            below = (value, *options)
        case Call(arguments=arguments):
            below = arguments
        case Aggregate(selection=selection, value=value):
            below = (selection, value)
        case Selection(collection=collection, condition=condition):
            below = (collection, condition)
        case _:
            below = ()
    for part in below:
        if part is not None:
            yield from walk(part)
