"""Declared behaviour as plain data: what :mod:`.interpreter` works on and what is written into generated tests."""

from __future__ import annotations

from typing import Any

from agent_dispatcher.behaviour import (
    Aggregate,
    Attribute,
    Binary,
    Call,
    In,
    IsNull,
    Literal,
    Name,
    Node,
    OperationScopes,
    Scope,
    Selection,
    Type,
    Unary,
    constraint_scope,
    infer_text,
    operation_scopes,
    parse,
    parse_selection,
    to_value,
)
from agent_dispatcher.models import Behaviour, Entity, Field, Operation, Relation

from ...languages.python.interface import entity_slug
from .interpreter import THIS_ROW

__all__ = ["Plain", "plain_behaviour", "plain_field", "returned_type"]

#: A value of dictionaries, tuples and constants.
Plain = Any


def plain_behaviour(behaviour: Behaviour) -> dict[str, Plain]:
    """The whole behaviour as :class:`.interpreter.Model` takes it.

    Raises:
        SpecificationError: an expression that cannot be parsed.
        ExpressionProblem: an expression whose types do not fit.
    """
    return {
        "entities": {entity.name: _entity(behaviour, entity) for entity in behaviour.entities},
        "operations": {operation.name: _operation(behaviour, operation) for operation in behaviour.operations},
    }


def plain_field(field: Field) -> dict[str, Plain]:
    """A field or input; only what it declares is there."""
    plain: dict[str, Plain] = {"type": field.type}
    if field.required:
        plain["required"] = True
    if field.unique:
        plain["unique"] = True
    for name in ("default", "minimum", "maximum"):
        value = getattr(field, name)
        if value is not None:
            plain[name] = to_value(field, value)
    if field.type == "choice":
        plain["choices"] = field.choices
    for name in ("entity", "min_length", "max_length", "pattern"):
        value = getattr(field, name)
        if value is not None:
            plain[name] = value
    return plain


def returned_type(behaviour: Behaviour, operation: Operation) -> Type:
    """The type of what an operation returns; ``null`` for nothing."""
    if operation.returns is None:
        return Type("null")
    return infer_text(operation.returns, operation_scopes(behaviour, operation).returns)


def _entity(behaviour: Behaviour, entity: Entity) -> dict[str, Plain]:
    scope = constraint_scope(behaviour, entity)
    return {
        "slug": entity_slug(entity.name),
        "fields": {field.name: plain_field(field) for field in entity.fields},
        "relations": {relation.name: _relation(relation) for relation in entity.relations},
        "constraints": [
            {
                "error": constraint.error,
                "check": _Encoder(scope, frozenset(scope.names)).node(
                    parse(constraint.check.text, constraint.check.source)
                ),
            }
            for constraint in entity.constraints
        ],
    }


def _relation(relation: Relation) -> tuple[str, str]:
    return relation.entity, relation.by


def _operation(behaviour: Behaviour, operation: Operation) -> dict[str, Plain]:
    scopes = operation_scopes(behaviour, operation)
    encoder = _Encoder(scopes.guards)
    returns = operation.returns
    return {
        "inputs": {given.name: plain_field(given) for given in operation.inputs},
        "guards": [
            {"error": guard.error, "that": encoder.node(parse(guard.that.text, guard.that.source))}
            for guard in operation.requires
        ],
        "changes": _changes(scopes),
        "returns": None if returns is None else encoder.node(parse(returns.text, returns.source)),
    }


def _changes(scopes: OperationScopes) -> list[dict[str, Plain]]:
    changes = []
    for seen in scopes.changes:
        change, encoder = seen.change, _Encoder(seen.inside)
        plain: dict[str, Plain] = {"kind": change.kind, "entity": seen.entity}
        if change.each is not None:
            plain["each"] = _Encoder(seen.before).selection(parse_selection(change.each.text, change.each.source))
        if change.kind != "create" and change.target is not None:
            plain["target"] = encoder.node(parse(change.target.text, change.target.source))
        if change.name is not None:
            plain["name"] = change.name
        plain["values"] = {
            assignment.field: encoder.node(parse(assignment.value.text, assignment.value.source))
            for assignment in change.assignments
        }
        changes.append(plain)
    return changes


class _Encoder:
    """Nodes as tuples.

    Args:
        scope: the names around the expression; a collection that is none of them is an entity.
        members: names that mean a field or relation of the row a constraint is about.
    """

    def __init__(self, scope: Scope, members: frozenset[str] = frozenset()) -> None:
        self.scope = scope
        self.members = members

    def node(self, node: Node) -> Plain:
        match node:
            case Literal():
                return ("literal", node.value)
            case Name():
                return ("field", ("name", THIS_ROW), node.name) if node.name in self.members else ("name", node.name)
            case Attribute():
                return ("field", self.node(node.target), node.name)
            case Unary():
                return ("not" if node.operator == "not" else "negate", self.node(node.operand))
            case Binary():
                return (node.operator, self.node(node.left), self.node(node.right))
            case In():
                found = ("in", self.node(node.value), tuple(self.node(option) for option in node.options))
                return ("not", found) if node.negated else found
            case IsNull():
                null = ("null", self.node(node.operand))
                return ("not", null) if node.negated else null
            case Call():
                return ("call", node.function, tuple(self.node(argument) for argument in node.arguments))
            case Aggregate():
                selection = self.selection(node.selection)
                return (node.kind, selection) if node.value is None else (node.kind, selection, self.node(node.value))

    def selection(self, selection: Selection) -> Plain:
        condition = None if selection.condition is None else self.node(selection.condition)
        return ("rows", self._collection(selection.collection), selection.variable, condition)

    def _collection(self, collection: Node) -> Plain:
        if isinstance(collection, Attribute):
            return ("related", self.node(collection.target), collection.name, self._entity_of(collection.name))
        assert isinstance(collection, Name)
        if collection.name in self.members:
            return ("related", ("name", THIS_ROW), collection.name, self._entity_of(collection.name))
        return ("all", collection.name)

    def _entity_of(self, relation: str) -> str | None:
        """The entity a relation leads to, if every relation of that name leads to the same."""
        entities = self.scope.behaviour.entities
        found = {other.entity for entity in entities for other in entity.relations if other.name == relation}
        return found.pop() if len(found) == 1 else None
