"""Which names may be given, and what error codes are made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..errors import Problem
from ..models import Behaviour, Entity, Field, Operation
from .parser import KEYWORDS

__all__ = [
    "FIELD_KINDS",
    "INPUT_KINDS",
    "check_name",
    "check_names",
    "entity_slug",
    "is_entity_name",
    "is_name",
    "operation_errors",
]

INPUT_KINDS = ("type", "required", "choice", "pattern", "length", "range")
FIELD_KINDS = (*INPUT_KINDS, "unique")

_NAME = re.compile(r"[a-z](?:[a-z0-9_]*[a-z0-9])?")
_ENTITY = re.compile(r"[A-Z][A-Za-z0-9]*")
_MAX_NAME = 60


def is_name(name: str) -> bool:
    """Whether it is snake case: lower-case letters, digits and underscores, beginning with a letter and not ending with ``_``."""
    return _NAME.fullmatch(name) is not None and "__" not in name and len(name) <= _MAX_NAME


def is_entity_name(name: str) -> bool:
    """Whether it is camel case: ``LoanItem``."""
    return _ENTITY.fullmatch(name) is not None and len(name) <= _MAX_NAME


def entity_slug(name: str) -> str:
    """``LoanItem`` -> ``loan_item``: the entity in error codes."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def check_name(name: str, what: str, where: str) -> Iterator[Problem]:
    """Problems of the name of a field, input, row, relation or alias."""
    if not is_name(name):
        yield Problem(
            f"{name!r} cannot be the name of {what}",
            where,
            "snake case: lower-case letters, digits and single underscores",
        )
    elif name in KEYWORDS:
        yield Problem(f"{what} cannot be called {name!r}", where, "it is a word of the expression language")
    elif name == "id":
        yield Problem(f"{what} cannot be called 'id'", where, "every row has an id of its own")


def check_names(items: Iterable[tuple[str, str]], what: str) -> Iterator[Problem]:
    """A problem for each name that stands twice; ``items`` are names with their places."""
    first: dict[str, str] = {}
    for name, where in items:
        if name in first:
            yield Problem(f"{what} {name!r} is declared twice", where, f"first at {first[name]}" if first[name] else "")
        else:
            first[name] = where


def operation_errors(behaviour: Behaviour, operation: Operation, written: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Every error code an operation could end with.

    Args:
        behaviour: the behaviour.
        operation: one of its operations.
        written: the kind of each change with the entity it writes.
    """
    codes = {guard.error for guard in operation.requires}
    for given in operation.inputs:
        codes.update(f"{operation.name}_{given.name}_{kind}" for kind in INPUT_KINDS)
        codes.update(_not_found(given))
    entities = {entity.name: entity for entity in behaviour.entities}
    for kind, name in written:
        entity = entities.get(name)
        if entity is None:
            continue
        codes.add(f"{entity_slug(name)}_not_found")
        codes.update([f"{entity_slug(name)}_in_use"] if kind == "delete" else _written_errors(entity))
    return frozenset(codes)


def _written_errors(entity: Entity) -> Iterator[str]:
    for field in entity.fields:
        yield from (f"{entity_slug(entity.name)}_{field.name}_{kind}" for kind in FIELD_KINDS)
        yield from _not_found(field)
    for constraint in entity.constraints:
        yield constraint.error


def _not_found(field: Field) -> Iterator[str]:
    if field.type == "reference" and field.entity:
        yield f"{entity_slug(field.entity)}_not_found"
