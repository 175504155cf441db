"""What the tests are about: the behaviour in all forms that writing tests needs, made once per specification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import PurePath
from typing import Any

from agent_dispatcher.models import Behaviour, Entity, Field, Operation

from ...languages.python.interface import (
    class_name,
    entity_module,
    entity_slug,
    identifier,
    operation_group,
    operations_module,
    package_name,
)
from .plain import Plain, plain_behaviour
from .scenarios import Alias, Call, Given, NotPossible, Scenario, from_example, prepare
from .search import TRIES
from .variation import Variation

__all__ = ["Subject", "place"]


def place(source: str) -> str:
    """``file:line`` without the folders, which differ from machine to machine."""
    return PurePath(source).name


class Subject:
    """One behaviour: as declared, as plain data, and with a knack for situations.

    Attributes:
        behaviour: as declared.
        tries: how many situations to play at most when looking for those that matter.
        plain: as :mod:`.interpreter` takes it.
        variation: what its values look like.
        package: the import package under test.
    """

    def __init__(self, behaviour: Behaviour, *, tries: int = TRIES) -> None:
        self.behaviour = behaviour
        self.tries = tries
        self.plain: Mapping[str, Plain] = plain_behaviour(behaviour)
        self.variation = Variation(behaviour, self.plain)
        self.package = package_name(behaviour)
        self.by_slug = {entity_slug(entity.name): entity for entity in behaviour.entities}

    @property
    def errors_module(self) -> str:
        return f"{self.package}.errors"

    @property
    def storage_module(self) -> str:
        return f"{self.package}.storage"

    def entity_module(self, entity: Entity) -> str:
        """The module that defines the entity's class."""
        return entity_module(self.behaviour, entity)

    def class_name(self, entity: str) -> str:
        """The class of an entity."""
        return class_name(self.behaviour.entity(entity))

    def operations_module(self, operation: Operation) -> str:
        """The module that defines the operation's function."""
        return operations_module(self.behaviour, operation)

    def groups(self) -> dict[str, list[Operation]]:
        """The operations of each group, in declared order."""
        groups: dict[str, list[Operation]] = {}
        for operation in self.behaviour.operations:
            groups.setdefault(operation_group(self.behaviour, operation), []).append(operation)
        return groups

    def field(self, owner: Entity | Operation, name: str) -> Field:
        """A field of an entity or an input of an operation."""
        fields = owner.fields if isinstance(owner, Entity) else owner.inputs
        return next(field for field in fields if field.name == name)

    def function(self, operation: Operation) -> str:
        """The name of the operation's function."""
        return identifier(operation.name)

    @cached_property
    def possible_examples(self) -> tuple[Scenario, ...]:
        """The examples' situations, without those whose own rows are refused."""
        return tuple(found for example in self.behaviour.examples if (found := self._possible(example)) is not None)

    def _possible(self, example: Any) -> Scenario | None:
        try:
            scenario = from_example(self.behaviour, example)
            prepare(self.plain, scenario)
        except (NotPossible, KeyError, ValueError):
            return None
        return scenario

    def rows(self, *entities: str) -> tuple[Given, ...]:
        """Valid rows of ``entities``, after the rows they must reference; the same ones each time.

        Raises:
            LookupError: no valid row was found.
        """
        return self.variation.with_rows(entities, self._nothing(), "rows").given

    def call_rows(self, operation: Operation) -> tuple[Given, ...]:
        """Rows that the inputs of an operation can reference, as far as there can be any."""
        scenario = self._nothing()
        for given in operation.inputs:
            if given.entity is not None:
                try:
                    scenario = self.variation.with_rows((given.entity,), scenario, given.name)
                except LookupError:
                    continue
        return scenario.given

    def _nothing(self) -> Scenario:
        return Scenario(self.variation.now, (), Call("remove", "", {}))

    def starts(self, operation: Operation) -> list[Scenario]:
        """Situations to begin a search with: examples, and plain rows with plausible inputs."""
        call = Call("operation", operation.name, {})
        found = [s for s in self.possible_examples if s.call.name == operation.name]
        for given in (self.call_rows(operation), *(s.given for s in self.possible_examples[:12])):
            values = {field.name: self.plausible(operation, field, given) for field in operation.inputs}
            found.append(Scenario(self.variation.now, given, Call(call.kind, call.name, values)))
        return found

    def plausible(self, owner: Entity | Operation, field: Field, given: tuple[Given, ...]) -> Any:
        """The value one would think of first."""
        if field.type == "reference":
            rows = [Alias(row.alias) for row in given if row.entity == field.entity]
            return rows[0] if rows else None
        pool = self.variation.pool(owner.name, field)
        return pool[0] if pool else None

    @property
    def now(self) -> datetime:
        """The moment at which tests happen that do not care."""
        return self.variation.now
