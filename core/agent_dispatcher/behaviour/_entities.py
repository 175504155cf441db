"""What must be true of entities: names, fields, relations, constraints."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem, SpecificationError
from ..models import Behaviour, Entity, Expression, Relation
from ._fields import check_field
from ._names import check_name, check_names, entity_slug, is_entity_name, is_name
from .inference import infer_text
from .problems import hint
from .scopes import constraint_scope
from .types import BOOLEAN, NULL, Scope

__all__ = ["check_condition", "check_constraints", "check_entities"]


def check_entities(behaviour: Behaviour) -> Iterator[Problem]:
    """Problems of entities, but for those inside expressions (:func:`check_constraints`)."""
    yield from check_names(((entity.name, entity.source) for entity in behaviour.entities), "the entity")
    slugs: dict[str, str] = {}
    for entity in behaviour.entities:
        if not is_entity_name(entity.name):
            yield Problem(
                f"{entity.name!r} cannot be the name of an entity", entity.source, "camel case, like LoanItem"
            )
        other = slugs.setdefault(entity_slug(entity.name), entity.name)
        if other != entity.name:
            yield Problem(f"the entities {other} and {entity.name} differ only in capital letters", entity.source)
        yield from _check_members(behaviour, entity)
    yield from _check_creatable(behaviour)


def check_constraints(behaviour: Behaviour) -> Iterator[Problem]:
    """Problems inside the expressions of constraints."""
    for entity in behaviour.entities:
        scope = constraint_scope(behaviour, entity)
        for constraint in entity.constraints:
            yield from check_condition(constraint.check, scope, f"constraint {constraint.name!r} of {entity.name}")


def check_condition(expression: Expression, scope: Scope, what: str) -> Iterator[Problem]:
    """Problems of an expression that must be true or false."""
    try:
        found = infer_text(expression, scope)
    except SpecificationError as error:
        yield from error.problems
        return
    if found == NULL or found != BOOLEAN:
        yield Problem(f"{what} must be true or false, and {expression.text.strip()!r} is {found}", expression.source)


def _check_members(behaviour: Behaviour, entity: Entity) -> Iterator[Problem]:
    members = [(field.name, field.source) for field in entity.fields]
    members += [(relation.name, relation.source) for relation in entity.relations]
    yield from check_names(members, f"in {entity.name} the name")
    for field in entity.fields:
        yield from check_field(behaviour, field, f"field {field.name!r} of {entity.name}", is_input=False)
    for relation in entity.relations:
        yield from _check_relation(behaviour, entity, relation)
    yield from check_names(
        ((constraint.name, constraint.source) for constraint in entity.constraints), f"in {entity.name} the constraint"
    )
    for constraint in entity.constraints:
        for name, what in ((constraint.name, "a constraint"), (constraint.error, "an error code")):
            if not is_name(name):
                yield Problem(f"{name!r} cannot be {what}", constraint.source, "snake case, like ends_after_it_begins")


def _check_relation(behaviour: Behaviour, entity: Entity, relation: Relation) -> Iterator[Problem]:
    where = relation.source
    yield from check_name(relation.name, "a relation", where)
    other = next((candidate for candidate in behaviour.entities if candidate.name == relation.entity), None)
    what = f"relation {relation.name!r} of {entity.name}"
    if other is None:
        known = [candidate.name for candidate in behaviour.entities]
        yield Problem(f"{what}: there is no entity {relation.entity!r}{hint(relation.entity, known)}", where)
        return
    by = next((field for field in other.fields if field.name == relation.by), None)
    references = [field.name for field in other.fields if field.type == "reference" and field.entity == entity.name]
    if by is None:
        yield Problem(f"{what}: {other.name} has no field {relation.by!r}{hint(relation.by, references)}", where)
    elif by.name not in references:
        yield Problem(
            f"{what}: {other.name}.{by.name} does not refer to {entity.name}{hint(by.name, references)}", where
        )


def _check_creatable(behaviour: Behaviour) -> Iterator[Problem]:
    """No row can be the first one when each needs another before it."""
    needs = {
        entity.name: [
            str(field.entity)
            for field in entity.fields
            if field.type == "reference" and field.required and field.entity
        ]
        for entity in behaviour.entities
    }
    creatable: set[str] = set()
    while True:
        new = {name for name, wanted in needs.items() if name not in creatable and creatable.issuperset(wanted)}
        if not new:
            break
        creatable |= new
    unknown = {wanted for names in needs.values() for wanted in names} - set(needs)
    for entity in behaviour.entities:
        if entity.name in creatable or unknown:
            continue
        path = _required_circle(entity.name, needs, creatable)
        if path[0] == entity.name:
            yield Problem(
                f"no {entity.name} can ever be created: {' needs '.join(path)}",
                entity.source,
                "make one of these references optional",
            )


def _required_circle(name: str, needs: dict[str, list[str]], creatable: set[str]) -> list[str]:
    path = [name]
    while True:
        following = next(wanted for wanted in needs[path[-1]] if wanted not in creatable)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)
