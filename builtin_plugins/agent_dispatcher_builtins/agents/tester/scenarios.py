"""Situations: rows that are there, the clock, and one call. Examples are situations that somebody wrote down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from agent_dispatcher.behaviour import to_value
from agent_dispatcher.models import Behaviour, Example, Field, Record, Scalar

from .interpreter import Model, Ref, Violation

__all__ = [
    "Alias",
    "Call",
    "Given",
    "NotPossible",
    "Outcome",
    "Prepared",
    "Scenario",
    "from_example",
    "prepare",
    "values_of",
]


class Alias(str):
    """The name of a given row where a reference stands."""

    __slots__ = ()


@frozen
class Given:
    """A row that exists before the call; references are aliases of rows before it."""

    entity: str
    alias: str
    values: Mapping[str, Any]


@frozen
class Call:
    """What is done.

    Attributes:
        kind: ``operation``, or ``add``, ``update``, ``remove`` of a row.
        name: the operation or entity.
        values: inputs or fields; references are aliases, or ids of rows that are not there.
        row: alias or id of what is updated or removed.
    """

    kind: str
    name: str
    values: Mapping[str, Any]
    row: Any = None


@frozen
class Scenario:
    """A situation and one call."""

    now: datetime
    given: tuple[Given, ...]
    call: Call


@frozen
class Outcome:
    """What the call does: an error code, or a result and a new state."""

    error: str | None
    result: Any
    state: Mapping[str, list[dict[str, Any]]]


class _Fleeting(Model):
    """A model that is given up when it refuses something: nothing of it has to be put back."""

    def add(self, entity: str, values: Mapping[str, Any]) -> int:
        """See :meth:`.Model.add`."""
        return self._create(entity, values)

    def update(self, entity: str, row_id: int, values: Mapping[str, Any]) -> None:
        """See :meth:`.Model.update`."""
        self._set(entity, row_id, values)

    def remove(self, entity: str, row_id: int) -> None:
        """See :meth:`.Model.remove`."""
        self._delete(entity, row_id)

    def call(self, operation: str, inputs: Mapping[str, Any]) -> Any:
        """See :meth:`.Model.call`."""
        return self._run(self.operations[operation], operation, inputs)


class Prepared:
    """A scenario whose rows are in place, ready for its call, as often as wanted.

    Attributes:
        refs: the row of each alias.
        before: the state before the call.
    """

    def __init__(self, scenario: Scenario, model: Model, refs: Mapping[str, Ref]) -> None:
        self.scenario = scenario
        self.refs = refs
        self._behaviour = {"entities": model.entities, "operations": model.operations}
        self._rows = model.rows
        self._last_id = model.last_id
        self.before = model.state()

    def play(self, behaviour: Mapping[str, Any]) -> Outcome:
        """Make the call on a model of ``behaviour``, which may differ from the one the rows were made with."""
        model = self._filled(_Fleeting(behaviour, lambda: self.scenario.now))
        call = self.scenario.call
        values = {name: self.plain(value) for name, value in call.values.items()}
        try:
            match call.kind:
                case "operation":
                    result = model.call(call.name, values)
                case "add":
                    result = model.row(Ref(call.name, model.add(call.name, values)))
                case "update":
                    row_id = self.plain(call.row)
                    model.update(call.name, row_id, values)
                    result = model.row(Ref(call.name, row_id))
                case _:
                    model.remove(call.name, self.plain(call.row))
                    result = None
        except Violation as violation:
            return Outcome(violation.code, None, self.before)
        return Outcome(None, result, model.state())

    def model(self, behaviour: Mapping[str, Any] | None = None) -> Model:
        """A model with the rows in place; of ``behaviour`` where that is another."""
        return self._filled(Model(self._behaviour if behaviour is None else behaviour, lambda: self.scenario.now))

    def _filled(self, model: Model) -> Model:
        model.rows = {entity: dict(rows) for entity, rows in self._rows.items()}
        model.last_id = dict(self._last_id)
        return model

    def at(self, now: datetime) -> Prepared:
        """The same rows at another moment."""
        return Prepared(evolve(self.scenario, now=now), self.model(), self.refs)

    def plain(self, value: Any) -> Any:
        """A value with its alias replaced by the id."""
        return self.refs[value].id if isinstance(value, Alias) else value


class NotPossible(Exception):
    """A given row is refused.

    Attributes:
        given: which.
        code: the error code.
    """

    def __init__(self, given: Given, code: str) -> None:
        super().__init__(f"{given.alias}: {code}")
        self.given = given
        self.code = code


class Memory:
    """The states that rows lead to, so that situations which begin with the same rows need not add them again."""

    _MOST = 4000

    def __init__(self) -> None:
        self._states: dict[tuple[datetime, tuple[int, ...]], tuple[Any, ...]] = {}

    def longest(self, scenario: Scenario, model: Model, refs: dict[str, Ref]) -> int:
        """Put as many of the first rows into ``model`` and ``refs`` as are remembered; gives their number."""
        rows = tuple(map(id, scenario.given))
        for count in range(len(rows), 0, -1):
            found = self._states.get((scenario.now, rows[:count]))
            if found is not None:
                state, last_id, known, _ = found
                model.rows = {entity: dict(kept) for entity, kept in state.items()}
                model.last_id = dict(last_id)
                refs.update(known)
                return count
        return 0

    def keep(self, scenario: Scenario, count: int, model: Model, refs: dict[str, Ref]) -> None:
        """Remember what the first ``count`` rows led to."""
        if len(self._states) >= self._MOST:
            self._states.clear()
        rows = scenario.given[:count]
        state = {entity: dict(kept) for entity, kept in model.rows.items()}
        # the rows themselves are kept too: their identity is the key
        self._states[scenario.now, tuple(map(id, rows))] = (state, dict(model.last_id), dict(refs), rows)


def prepare(behaviour: Mapping[str, Any], scenario: Scenario, memory: Memory | None = None) -> Prepared:
    """Put the given rows in place.

    Args:
        behaviour: what the rows must obey.
        scenario: the situation.
        memory: what earlier calls for the same behaviour have learned.

    Raises:
        NotPossible: one of them is refused.
    """
    model = _Fleeting(behaviour, lambda: scenario.now)
    refs: dict[str, Ref] = {}
    done = 0 if memory is None else memory.longest(scenario, model, refs)
    for count, given in enumerate(scenario.given[done:], start=done + 1):
        values = {name: refs[value].id if isinstance(value, Alias) else value for name, value in given.values.items()}
        try:
            refs[given.alias] = Ref(given.entity, model.add(given.entity, values))
        except Violation as violation:
            raise NotPossible(given, violation.code) from None
        if memory is not None:
            memory.keep(scenario, count, model, refs)
    return Prepared(scenario, model, refs)


def from_example(behaviour: Behaviour, example: Example) -> Scenario:
    """The situation an example describes.

    Raises:
        ValueError: a value that is not of its field's type.
    """
    operation = behaviour.operation(example.operation)
    return Scenario(
        datetime.fromisoformat(example.now),
        tuple(_given(behaviour, record) for record in example.given),
        Call("operation", example.operation, values_of(operation.inputs, example.inputs)),
    )


def values_of(fields: tuple[Field, ...], scalars: Mapping[str, Scalar]) -> dict[str, Any]:
    """Values by field, aliases marked as such."""
    return {field.name: _value(field, scalars[field.name]) for field in fields if field.name in scalars}


def _given(behaviour: Behaviour, record: Record) -> Given:
    return Given(record.entity, record.alias, values_of(behaviour.entity(record.entity).fields, record.values))


def _value(field: Field, scalar: Scalar) -> Any:
    if field.type == "reference" and isinstance(scalar, str):
        return Alias(scalar)
    if field.type == "reference":
        return scalar
    return to_value(field, scalar)
