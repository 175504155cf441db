"""Random behaviours that are valid, for tests of whatever implements, tests or reads declared behaviour. Needs Hypothesis.

Every kind of field, constraint, change and expression occurs. What is drawn makes sense to the type checker and none to people.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from attrs import evolve
from hypothesis import strategies as st

from ..behaviour import (
    ExpressionProblem,
    Scope,
    Type,
    constraint_scope,
    field_type,
    infer_text,
    operation_scopes,
    select_text,
)
from ..behaviour.checking import check_behaviour
from ..models import (
    Assignment,
    Behaviour,
    Change,
    Constraint,
    Entity,
    Expression,
    Field,
    Guard,
    Operation,
    Relation,
    Scalar,
)
from .random_expressions import ATTEMPTS, RandomExpressions

__all__ = ["behaviours", "random_behaviour"]

_ENTITIES = ("Crate", "Depot", "ParcelRoute", "Wagon")
_SCALARS = ("text", "integer", "decimal", "boolean", "date", "datetime", "choice")
_PATTERNS = (r"[A-Z]{2}\d{2}", r"[a-z]+(-[a-z]+)?", r"(north|south)\d?", r"\d{3}")
_CHOICES = ("red", "green", "blue")


@st.composite
def behaviours(draw: st.DrawFn) -> Behaviour:
    """Valid behaviours without examples: one to three entities, one to four operations."""
    seed = draw(st.integers(0, 2**32 - 1))
    return random_behaviour(random.Random(seed))


def random_behaviour(rng: random.Random) -> Behaviour:
    """One valid behaviour; the same for the same state of ``rng``."""
    while True:
        behaviour = _Builder(rng).behaviour()
        if not check_behaviour(behaviour):
            return behaviour


class _Builder:
    """Puts one behaviour together, declarations first, then what refers to them."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.expressions = RandomExpressions(rng)

    def behaviour(self) -> Behaviour:
        entities = self._with_relations(self._entities())
        bare = Behaviour(package="random_rules", entities=entities)
        constrained = Behaviour(
            package="random_rules", entities=tuple(self._with_constraints(bare, entity) for entity in entities)
        )
        operations: list[Operation] = []
        for index in range(self.rng.randint(1, 4)):
            operation = self._operation(constrained, f"{self.rng.choice(('ship', 'load', 'weigh'))}_{index}")
            if operation is not None:
                operations.append(operation)
        return Behaviour(package="random_rules", entities=constrained.entities, operations=tuple(operations))

    # --- entities

    def _entities(self) -> tuple[Entity, ...]:
        entities: list[Entity] = []
        for name in self.rng.sample(_ENTITIES, self.rng.randint(1, 3)):
            fields = [self._field(f"f{number}", unique=True) for number in range(self.rng.randint(1, 5))]
            targets = [entity.name for entity in entities]
            for number, target in enumerate(targets):
                if self.rng.random() < 0.7:
                    required = self.rng.random() < 0.6
                    fields.append(Field(name=f"r{number}", type="reference", entity=target, required=required))
            if self.rng.random() < 0.2:
                fields.append(Field(name="parent", type="reference", entity=name))
            entities.append(Entity(name=name, fields=tuple(fields)))
        return tuple(entities)

    def _field(self, name: str, *, unique: bool = False) -> Field:
        kind = self.rng.choice(_SCALARS)
        required = self.rng.random() < 0.5
        limits = self._limits(kind)
        default = self._default(kind, limits) if self.rng.random() < 0.3 else None
        only = unique and default is None and kind not in ("boolean", "choice") and self.rng.random() < 0.2
        return Field(name=name, type=kind, required=required, unique=only, default=default, **limits)  # type: ignore[arg-type]

    def _limits(self, kind: str) -> dict[str, Scalar | tuple[str, ...]]:
        rng = self.rng
        limits: dict[str, Scalar | tuple[str, ...]] = {}
        if kind == "choice":
            return {"choices": _CHOICES[: rng.randint(2, 3)]}
        if kind == "text" and rng.random() < 0.4:
            return {"pattern": rng.choice(_PATTERNS)}
        if kind == "text":
            if rng.random() < 0.5:
                limits["min_length"] = rng.randint(1, 3)
            if rng.random() < 0.5:
                limits["max_length"] = rng.randint(8, 30)
        bounds: dict[str, tuple[Scalar, Scalar]] = {
            "integer": (rng.randint(-3, 2), rng.randint(5, 500)),
            "decimal": (f"{rng.randint(-2, 1)}.50", f"{rng.randint(5, 99)}.25"),
            "date": ("2024-02-29", "2027-12-31"),
            "datetime": ("2024-02-29T12:00:00", "2027-12-31T23:59:59"),
        }
        low, high = bounds.get(kind, (None, None))
        if low is not None and rng.random() < 0.5:
            limits["minimum"] = low
        if high is not None and rng.random() < 0.4:
            limits["maximum"] = high
        return limits

    def _default(self, kind: str, limits: Mapping[str, Scalar | tuple[str, ...]]) -> Scalar:
        if kind == "text" and ("pattern" in limits or "min_length" in limits):
            return None
        defaults: dict[str, Scalar] = {
            "text": "plain",
            "integer": 4,
            "decimal": "3.75",
            "boolean": self.rng.random() < 0.5,
            "date": "2026-01-31",
            "datetime": "2026-01-31T08:00:00",
            "choice": _CHOICES[0],
        }
        return defaults[kind]

    def _with_relations(self, entities: tuple[Entity, ...]) -> tuple[Entity, ...]:
        found = []
        for entity in entities:
            relations = [
                Relation(name=f"{other.name.lower()}_{field.name}_rows", entity=other.name, by=field.name)
                for other in entities
                for field in other.fields
                if field.entity == entity.name and self.rng.random() < 0.8
            ]
            found.append(Entity(name=entity.name, fields=entity.fields, relations=tuple(relations)))
        return tuple(found)

    def _with_constraints(self, behaviour: Behaviour, entity: Entity) -> Entity:
        scope = constraint_scope(behaviour, entity)
        constraints = []
        for number in range(self.rng.choice((0, 0, 1, 2))):
            check = self.expressions.of_type(scope, Type("boolean"))
            # a constraint that can be met: it holds where some field is null or has a certain value
            escape = self._escape(entity)
            if check is not None and escape:
                text = f"{escape} or {check}"
                constraints.append(
                    Constraint(name=f"rule_{number}", check=Expression(text=text), error=f"broken_{number}")
                )
        return Entity(
            name=entity.name, fields=entity.fields, relations=entity.relations, constraints=tuple(constraints)
        )

    def _escape(self, entity: Entity) -> str:
        field = self.rng.choice(entity.fields)
        if not field.required:
            return f"{field.name} is null"
        if field.type == "boolean":
            return field.name
        if field.type == "choice":
            return f'{field.name} == "{field.choices[-1]}"'
        return f"{field.name} > 2" if field.type == "integer" and field.maximum is None else ""

    # --- operations

    def _operation(self, behaviour: Behaviour, name: str) -> Operation | None:
        inputs = [self._field(f"given_{number}") for number in range(self.rng.randint(0, 3))]
        for entity in behaviour.entities:
            if self.rng.random() < 0.6:
                inputs.append(
                    Field(
                        name=f"the_{entity.name.lower()}",
                        type="reference",
                        entity=entity.name,
                        required=self.rng.random() < 0.8,
                    )
                )
        self.rng.shuffle(inputs)
        scope = Scope(behaviour, {given.name: field_type(given) for given in inputs})
        guards = []
        for number in range(self.rng.randint(0, 3)):
            text = self.expressions.of_type(scope, Type("boolean"))
            if text is not None:
                guards.append(Guard(error=f"{name}_refused_{number}", that=Expression(text=text)))
        operation = Operation(name=name, inputs=tuple(inputs), requires=tuple(guards))
        for number in range(self.rng.randint(0, 3)):
            operation = self._with_change(behaviour, operation, number)
        return self._with_returns(behaviour, operation)

    def _with_change(self, behaviour: Behaviour, operation: Operation, number: int) -> Operation:
        """The operation with one change more; unchanged when none that fits was found."""
        scope = operation_scopes(behaviour, operation).returns
        for _ in range(ATTEMPTS):
            change = self._change(behaviour, scope, number)
            if change is None:
                continue
            candidate = evolve(operation, changes=(*operation.changes, change))
            if not check_behaviour(
                Behaviour(package="random_rules", entities=behaviour.entities, operations=(candidate,))
            ):
                return candidate
        return operation

    def _change(self, behaviour: Behaviour, scope: Scope, number: int) -> Change | None:
        kind = self.rng.choice(("create", "create", "set", "set", "delete"))
        each, inside = None, scope
        if self.rng.random() < 0.25:
            each = Expression(text=self.expressions.selection(scope, f"one_{number}"))
            try:
                _, inside = select_text(each, scope)
            except ExpressionProblem:
                return None
        if kind == "create":
            entity = self.rng.choice(behaviour.entities)
            assignments = self._assignments(inside, entity, create=True)
            if assignments is None:
                return None
            named = each is None and self.rng.random() < 0.7
            return Change(
                kind=kind,
                entity=entity.name,
                assignments=assignments,
                name=f"made_{number}" if named else None,
                each=each,
            )
        rows = list(self.expressions.paths(inside, Type("row"), any_entity=True))
        if not rows:
            return None
        target = Expression(text=self.rng.choice(rows))
        found = infer_text(target, inside)
        entity = behaviour.entity(str(found.entity))
        assignments = self._assignments(inside, entity, create=False) if kind == "set" else ()
        if assignments is None or (kind == "set" and not assignments):
            return None
        return Change(kind=kind, target=target, assignments=assignments, each=each)

    def _assignments(self, scope: Scope, entity: Entity, *, create: bool) -> tuple[Assignment, ...] | None:
        found = []
        for field in entity.fields:
            needed = create and field.required and field.default is None
            if not needed and self.rng.random() < 0.5:
                continue
            text = self.expressions.of_type(scope, field_type(field))
            if text is None:
                if needed:
                    return None
                continue
            found.append(Assignment(field=field.name, value=Expression(text=text)))
        return tuple(found)

    def _with_returns(self, behaviour: Behaviour, operation: Operation) -> Operation:
        scope = operation_scopes(behaviour, operation).returns
        kind = self.rng.choice(("nothing", "row", "select", "value", "value"))
        text: str | None = None
        if kind == "row":
            rows = list(self.expressions.paths(scope, Type("row"), any_entity=True))
            text = self.rng.choice(rows) if rows else None
        elif kind == "select":
            text = f"select({self.expressions.selection(scope, 'kept')})"
        elif kind == "value":
            wanted = self.rng.choice(("text", "integer", "decimal", "boolean", "date", "datetime"))
            text = self.expressions.of_type(scope, Type(wanted))
        if text is None:
            return operation
        return evolve(operation, returns=Expression(text=text))
