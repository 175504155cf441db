"""What must be true of examples before anybody tries whether they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import Problem, SpecificationError
from ..models import Behaviour, Entity, Example, ExpectedRow, Field, Operation, Record, Scalar
from ._names import check_name, check_names, operation_errors
from .inference import infer_text
from .problems import hint
from .scopes import operation_scopes
from .types import Type
from .values import to_value

__all__ = ["check_examples"]


def check_examples(behaviour: Behaviour) -> Iterator[Problem]:
    """Problems of examples; entities and operations are known to be sound."""
    yield from check_names(((example.name, example.source) for example in behaviour.examples), "the example")
    operations = {operation.name: operation for operation in behaviour.operations}
    for example in behaviour.examples:
        operation = operations.get(example.operation)
        if operation is None:
            known = hint(example.operation, operations)
            yield Problem(f"there is no operation {example.operation!r}{known}", example.source)
        else:
            yield from _Examined(behaviour, example, operation).problems()


class _Examined:
    """One example beside the operation it calls."""

    def __init__(self, behaviour: Behaviour, example: Example, operation: Operation) -> None:
        self.behaviour = behaviour
        self.example = example
        self.operation = operation
        self.entities = {entity.name: entity for entity in behaviour.entities}
        self.aliases: dict[str, str] = {}

    def problems(self) -> Iterator[Problem]:
        try:
            to_value("datetime", self.example.now)
        except ValueError as error:
            yield Problem(f"now: {error}", self.example.source)
        for record in self.example.given:
            yield from self._given(record)
            self.aliases.setdefault(record.alias, record.entity)
        yield from self._inputs()
        yield from self._outcome()
        for row in self.example.then:
            yield from self._then(row)
        for name, count in self.example.counts.items():
            if name not in self.entities:
                yield self._no_entity("counts", name, self.example.source)
            elif count < 0:
                yield Problem(f"counts: there cannot be {count} rows of {name}", self.example.source)

    def _no_entity(self, what: str, name: str, where: str) -> Problem:
        return Problem(f"{what}: there is no entity {name!r}{hint(name, self.entities)}", where)

    def _given(self, record: Record) -> Iterator[Problem]:
        yield from check_name(record.alias, "a given record", record.source)
        if record.alias in self.aliases:
            yield Problem(f"two given records are called {record.alias!r}", record.source)
        entity = self.entities.get(record.entity)
        if entity is None:
            yield self._no_entity("given", record.entity, record.source)
            return
        what = f"{record.entity} {record.alias}"
        yield from self._values(entity, record.values, what, record.source)
        missing = [
            field.name
            for field in entity.fields
            if field.required and (record.values.get(field.name, field.default) is None)
        ]
        if missing:
            yield Problem(f"{what} has no value for {', '.join(missing)}", record.source, "required fields need one")

    def _values(self, entity: Entity, values: Mapping[str, Scalar], what: str, where: str) -> Iterator[Problem]:
        fields = {field.name: field for field in entity.fields}
        for name, scalar in values.items():
            field = fields.get(name)
            if field is None:
                yield Problem(f"{what}: {entity.name} has no field {name!r}{hint(name, fields)}", where)
            else:
                yield from self._value(field, scalar, f"{what}: {name}", where)

    def _value(self, field: Field, scalar: Scalar, what: str, where: str) -> Iterator[Problem]:
        try:
            value = to_value(field, scalar)
        except ValueError as error:
            yield Problem(f"{what}: {error}", where)
            return
        if field.type == "reference" and value is not None:
            yield from self._alias(str(value), str(field.entity), what, where)

    def _alias(self, alias: str, entity: str, what: str, where: str) -> Iterator[Problem]:
        found = self.aliases.get(alias)
        if found is None:
            known = hint(alias, (name for name, of in self.aliases.items() if of == entity))
            yield Problem(f"{what}: no {entity} called {alias!r} is given before{known}", where)
        elif found != entity:
            yield Problem(f"{what}: {alias!r} is a {found}, not a {entity}", where)

    def _inputs(self) -> Iterator[Problem]:
        example, inputs = self.example, {given.name: given for given in self.operation.inputs}
        for name, scalar in example.inputs.items():
            given = inputs.get(name)
            if given is None:
                yield Problem(f"{self.operation.name} has no input {name!r}{hint(name, inputs)}", example.source)
            else:
                yield from self._value(given, scalar, f"input {name}", example.source)
        missing = [
            given.name
            for given in self.operation.inputs
            if given.required and example.inputs.get(given.name, given.default) is None
        ]
        if missing and example.error is None:
            yield Problem(
                f"the call gives no value for {', '.join(missing)}",
                example.source,
                "expect an error, or give the input",
            )

    def _outcome(self) -> Iterator[Problem]:
        example, where = self.example, self.example.source
        try:
            scopes = operation_scopes(self.behaviour, self.operation)
            returns = self.operation.returns
            returned = infer_text(returns, scopes.returns) if returns else None
        except SpecificationError:
            return
        if example.error is not None:
            written = [(seen.change.kind, seen.entity) for seen in scopes.changes]
            codes = operation_errors(self.behaviour, self.operation, written)
            if example.error not in codes:
                guards = [guard.error for guard in self.operation.requires]
                known = hint(example.error, codes) or hint(example.error, guards)
                yield Problem(f"{self.operation.name} never ends with the error {example.error!r}{known}", where)
            if example.expects_result:
                yield Problem("an example expects an error or a result, not both", where)
        elif example.expects_result:
            yield from self._result(returned)

    def _result(self, returned: Type | None) -> Iterator[Problem]:
        result, where = self.example.result, self.example.source
        if returned is None:
            if result is not None:
                yield Problem(f"{self.operation.name} returns nothing, so there is no result to expect", where)
        elif returned.kind == "rows":
            if not isinstance(result, list):
                yield Problem(f"{self.operation.name} returns rows: expect a list of aliases or of fields", where)
                return
            for item in result:
                yield from self._row(item, str(returned.entity))
        elif returned.kind == "row":
            yield from self._row(result, str(returned.entity))
        elif isinstance(result, list | dict):
            yield Problem(f"{self.operation.name} returns one value, not a row: {returned}", where)
        else:
            try:
                to_value(returned.kind, result)
            except ValueError as error:
                yield Problem(f"result: {error}", where)

    def _row(self, item: object, entity: str) -> Iterator[Problem]:
        where = self.example.source
        if isinstance(item, dict):
            yield from self._values(self.entities[entity], item, "result", where)
        elif isinstance(item, str):
            yield from self._alias(item, entity, "result", where)
        elif item is not None:
            yield Problem(f"result: a {entity} is expected as its alias or as {{field: value}}, not {item!r}", where)

    def _then(self, row: ExpectedRow) -> Iterator[Problem]:
        entity = self.entities.get(row.entity)
        if entity is None:
            yield self._no_entity("then", row.entity, row.source)
            return
        if row.alias is None:
            if row.values is None:
                yield Problem(f"a new {row.entity} cannot be gone", row.source)
            elif self.example.error is not None:
                yield Problem(f"an operation that ends with an error creates no {row.entity}", row.source)
        else:
            yield from self._alias(row.alias, row.entity, "then", row.source)
        yield from self._values(entity, row.values or {}, f"then {row.entity} {row.alias or ''}".rstrip(), row.source)
