"""Which names the expressions of a behaviour see: constraints, guards, changes and returns."""

from __future__ import annotations

from attrs import frozen

from ..models import Behaviour, Change, Entity, Operation
from .inference import infer_text, select_text
from .problems import ExpressionProblem
from .types import Scope, Type, field_type, row

__all__ = ["ChangeScope", "OperationScopes", "constraint_scope", "operation_scopes"]


@frozen
class ChangeScope:
    """What one change sees.

    Attributes:
        change: the change itself.
        before: the scope of its ``each`` selection.
        inside: the scope of its target and its values: ``before`` and, with ``each``, the variable.
        entity: the entity that is written.
    """

    change: Change
    before: Scope
    inside: Scope
    entity: str


@frozen
class OperationScopes:
    """What every part of an operation sees.

    Attributes:
        guards: the inputs.
        changes: one for each change, in order.
        returns: the inputs and the created rows that have a name, without the rows that were deleted by name.
    """

    guards: Scope
    changes: tuple[ChangeScope, ...]
    returns: Scope


def constraint_scope(behaviour: Behaviour, entity: Entity | str) -> Scope:
    """The scope of an entity's constraints: ``id``, fields and relations of the row that was written."""
    found = behaviour.entity(entity) if isinstance(entity, str) else entity
    scope = Scope(behaviour)
    return Scope(behaviour, scope.members(found))


def operation_scopes(behaviour: Behaviour, operation: Operation) -> OperationScopes:
    """The scopes at each point of an operation.

    A created row can be named from the next change on. A name whose row was deleted (``delete: loan``, not within ``each``)
    cannot be used afterwards.

    Raises:
        ExpressionProblem: a target or an ``each`` whose type does not fit, with its place.
    """
    guards = Scope(behaviour, {given.name: field_type(given) for given in operation.inputs})
    scope = guards
    changes: list[ChangeScope] = []
    for change in operation.changes:
        found = _change_scope(change, scope)
        changes.append(found)
        scope = _after(change, found)
    return OperationScopes(guards, tuple(changes), scope)


def _change_scope(change: Change, before: Scope) -> ChangeScope:
    inside = before
    if change.each is not None:
        _, inside = select_text(change.each, before)
    if change.kind == "create" or change.target is None:
        return ChangeScope(change, before, inside, change.entity or "")
    found = infer_text(change.target, inside)
    if found.kind != "row":
        raise ExpressionProblem(
            f"what is {'deleted' if change.kind == 'delete' else 'set'} must be a row, and this is {found}",
            0,
            change.target.text,
            change.target.source,
        )
    return ChangeScope(change, before, inside, str(found.entity))


def _after(change: Change, found: ChangeScope) -> Scope:
    scope = found.before
    if change.kind == "create" and change.name and change.each is None:
        return scope.bind(change.name, row(found.entity))
    if change.kind == "delete" and change.each is None and change.target is not None:
        name = change.target.text.strip()
        names: dict[str, Type] = {key: type_ for key, type_ in scope.names.items() if key != name}
        return Scope(scope.behaviour, names)
    return scope
