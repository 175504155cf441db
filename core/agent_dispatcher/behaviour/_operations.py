"""What must be true of operations: inputs, guards, changes, returns."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem, SpecificationError
from ..models import Assignment, Behaviour, Change, Entity, Expression, Field, Operation
from ._entities import check_condition
from ._fields import check_field
from ._names import check_name, check_names, is_name
from .expression import Aggregate, Literal
from .inference import infer_text
from .parser import parse
from .problems import hint
from .scopes import ChangeScope, operation_scopes
from .types import DURATION, NULL, Scope, assignable, field_type

__all__ = ["check_operation_names", "check_operations"]


def check_operation_names(behaviour: Behaviour) -> Iterator[Problem]:
    """Problems of the names and inputs of operations."""
    yield from check_names(((operation.name, operation.source) for operation in behaviour.operations), "the operation")
    for operation in behaviour.operations:
        if not is_name(operation.name):
            yield Problem(
                f"{operation.name!r} cannot be the name of an operation", operation.source, "snake case, like lend_copy"
            )
        what = f"in operation {operation.name!r} the input"
        yield from check_names(((given.name, given.source) for given in operation.inputs), what)
        for given in operation.inputs:
            what = f"input {given.name!r} of operation {operation.name!r}"
            yield from check_field(behaviour, given, what, is_input=True)


def check_operations(behaviour: Behaviour) -> Iterator[Problem]:
    """Problems of what operations do; entities and inputs are known to be sound."""
    for operation in behaviour.operations:
        yield from _check_operation(behaviour, operation)


def _check_operation(behaviour: Behaviour, operation: Operation) -> Iterator[Problem]:
    structural = list(_check_structure(behaviour, operation))
    yield from structural
    if structural:
        return
    try:
        scopes = operation_scopes(behaviour, operation)
    except SpecificationError as error:
        yield from error.problems
        return
    for guard in operation.requires:
        if not is_name(guard.error):
            yield Problem(f"{guard.error!r} cannot be an error code", guard.source, "snake case, like copy_on_loan")
        yield from check_condition(guard.that, scopes.guards, f"the guard {guard.error!r}")
    for seen in scopes.changes:
        yield from _check_values(behaviour, seen)
    if operation.returns is not None:
        yield from _check_returns(operation.returns, scopes.returns)


def _check_structure(behaviour: Behaviour, operation: Operation) -> Iterator[Problem]:
    entities = [entity.name for entity in behaviour.entities]
    names = {given.name for given in operation.inputs}
    for change in operation.changes:
        where = change.source
        if change.kind == "create":
            if change.entity not in entities:
                yield Problem(
                    f"create: there is no entity {change.entity!r}{hint(change.entity or '', entities)}", where
                )
            if change.target is not None:
                yield Problem("create has no target", where)
        elif change.target is None:
            yield Problem(f"{change.kind} needs the row to {change.kind}", where)
        if change.kind == "set" and not change.assignments:
            yield Problem("set changes nothing: give the new values under 'with'", where)
        if change.kind == "delete" and change.assignments:
            yield Problem("delete has no values", where)
        if change.name is None:
            continue
        yield from check_name(change.name, "a created row", where)
        if change.kind != "create" or change.each is not None:
            yield Problem(f"only a single created row can be given a name ('as: {change.name}')", where)
        if change.name in names:
            yield Problem(f"the name {change.name!r} is taken in this operation", where, "choose another after 'as'")
        names.add(change.name)


def _check_values(behaviour: Behaviour, seen: ChangeScope) -> Iterator[Problem]:
    change = seen.change
    entity = behaviour.entity(seen.entity)
    fields = {field.name: field for field in entity.fields}
    yield from check_names(
        ((assignment.field, assignment.value.source) for assignment in change.assignments), "the value of"
    )
    for assignment in change.assignments:
        where = assignment.value.source or change.source
        field = fields.get(assignment.field)
        if field is None:
            yield _no_field(entity, assignment.field, where)
        else:
            yield from _check_assignment(assignment, field, entity, seen.inside)
    if change.kind == "create":
        yield from _check_complete(change, entity)


def _no_field(entity: Entity, name: str, where: str) -> Problem:
    if name == "id":
        return Problem("the id of a row is given by the storage and cannot be set", where)
    if any(relation.name == name for relation in entity.relations):
        return Problem(f"{name!r} of {entity.name} is a relation: set the reference on the other side", where)
    return Problem(f"{entity.name} has no field {name!r}{hint(name, (field.name for field in entity.fields))}", where)


def _check_assignment(assignment: Assignment, field: Field, entity: Entity, scope: Scope) -> Iterator[Problem]:
    value = assignment.value
    try:
        found = infer_text(value, scope)
    except SpecificationError as error:
        yield from error.problems
        return
    wanted = field_type(field)
    what = f"{field.name!r} of {entity.name}"
    if not assignable(found, wanted):
        remedy = ""
        if field.type in ("text", "choice") and value.text.strip().isidentifier():
            remedy = "a text is written in quotes within the expression"
        yield Problem(
            f"{what} is {_article(str(wanted))}, and {_quoted(value)} is {_article(str(found))}", value.source, remedy
        )
    elif found == NULL and field.required:
        yield Problem(f"{what} is required and cannot become null", value.source)
    elif field.type == "choice":
        node = parse(value.text)
        if isinstance(node, Literal) and isinstance(node.value, str) and node.value not in field.choices:
            known = hint(node.value, field.choices)
            yield Problem(f"{node.value!r} is no choice of {what}{known}", value.source)


def _check_complete(change: Change, entity: Entity) -> Iterator[Problem]:
    assigned = {assignment.field for assignment in change.assignments}
    missing = [
        field.name for field in entity.fields if field.required and field.default is None and field.name not in assigned
    ]
    if missing:
        yield Problem(
            f"create {entity.name} gives no value for {', '.join(missing)}",
            change.source,
            "required fields without a default need one",
        )


def _check_returns(returns: Expression, scope: Scope) -> Iterator[Problem]:
    try:
        found = infer_text(returns, scope)
    except SpecificationError as error:
        yield from error.problems
        return
    if found.kind == "rows" and not isinstance(parse(returns.text), Aggregate):
        yield Problem(
            f"returns: {_quoted(returns)} is a relation", returns.source, f"write select({returns.text.strip()} as x)"
        )
    elif found in (NULL, DURATION):
        yield Problem(f"returns: {_quoted(returns)} is {found}, which has no form as a result", returns.source)


def _quoted(expression: Expression) -> str:
    text = " ".join(expression.text.split())
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _article(kind: str) -> str:
    if kind.startswith(("a ", "rows")) or kind == "null":
        return kind
    return f"an {kind}" if kind == "integer" else f"a {kind}"
