"""Small changes to a situation: another value, another moment, a row more or less."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from attrs import evolve

from agent_dispatcher.behaviour import to_value
from agent_dispatcher.models import Behaviour, Entity, Field

from .plain import Plain
from .scenarios import Alias, Call, Given, NotPossible, Scenario, prepare, values_of
from .values import inside, outside

__all__ = ["NOWHERE", "Variation", "example_values"]

#: An id no test ever reaches.
NOWHERE = 999_999

_MOST_ROWS = 9


def example_values(behaviour: Behaviour) -> dict[tuple[str, str], list[Any]]:
    """Values that examples give to each field ``(entity, field)`` and input ``(operation, input)``."""
    found: dict[tuple[str, str], list[Any]] = {}

    def see(owner: str, fields: tuple[Field, ...], scalars: Mapping[str, Any]) -> None:
        for name, value in values_of(fields, scalars).items():
            if value is not None and not isinstance(value, Alias):
                seen = found.setdefault((owner, name), [])
                if value not in seen:
                    seen.append(value)

    for example in behaviour.examples:
        for record in example.given:
            see(record.entity, behaviour.entity(record.entity).fields, record.values)
        see(example.operation, behaviour.operation(example.operation).inputs, example.inputs)
    return found


class Variation:
    """Knows what the values of a behaviour look like, and varies situations with it.

    Args:
        behaviour: the behaviour.
        plain: the same as plain data.
    """

    def __init__(self, behaviour: Behaviour, plain: Mapping[str, Plain]) -> None:
        self.behaviour = behaviour
        self.plain = plain
        self._examples = example_values(behaviour)
        constants = set(_constants(plain))
        self._numbers = sorted({n + step for n in constants if type(n) is int for step in (-1, 0, 1)} | {0, 1, 2})
        self._texts = sorted({text for text in constants if isinstance(text, str)})
        self._others = [value for value in constants if not isinstance(value, int | str)]
        moments = [example.now for example in behaviour.examples]
        self.now = datetime.fromisoformat(moments[0]) if moments else datetime(2026, 1, 1, 12)
        self._moves = [
            timedelta(**{unit: sign * number})
            for number in self._numbers
            if 0 < number <= 4000
            for sign in (1, -1)
            for unit in self._units()
        ]

    def _units(self) -> tuple[str, ...]:
        types = {field.type for entity in self.behaviour.entities for field in entity.fields}
        return ("days", "hours", "minutes") if "datetime" in types else ("days",)

    # --- values

    def pool(self, owner: str, field: Field) -> list[Any]:
        """Allowed values of a field or input that are not null, as examples and expressions suggest them."""
        hints: list[Any] = [*self._examples.get((owner, field.name), ())]
        if field.type == "integer":
            hints += self._numbers
        elif field.type == "text":
            hints += self._texts
        else:
            hints += sorted(value for value in self._others if type(value) is type(_sample(field)))
        return inside(field, hints)

    def value(self, owner: str, field: Field, scenario: Scenario, rng: random.Random, *, wrong: float = 0.0) -> Any:
        """A value for a field in a situation; with probability ``wrong`` one that is not allowed."""
        if rng.random() < wrong:
            bad: list[Any] = [found.value for found in outside(field)]
            if field.type == "reference":
                bad.append(NOWHERE)
            if bad:
                return rng.choice(bad)
        if not field.required and rng.random() < 0.2:
            return None
        if field.type == "reference":
            rows: list[Any] = [Alias(given.alias) for given in scenario.given if given.entity == field.entity]
            return rng.choice(rows) if rows else None
        choices = self.pool(owner, field)
        related = self._related(field, scenario)
        if related and rng.random() < 0.5:
            choices = related
        return rng.choice(choices) if choices else None

    def _related(self, field: Field, scenario: Scenario) -> list[Any]:
        """Values that stand in some relation to what is already there."""
        there = [value for values in _all_values(scenario) for value in values.values()]
        if field.type == "date":
            days = [scenario.now.date(), *(value for value in there if type(value) is date)]
            return _shifted(days, [timedelta(0), *(move for move in self._moves if move.days == move / _DAY)])
        if field.type == "datetime":
            moments = [scenario.now, *(value for value in there if isinstance(value, datetime))]
            return _shifted(moments, [timedelta(0), timedelta(seconds=1), timedelta(seconds=-1), *self._moves])
        kind = type(_sample(field))
        same = [value for value in there if type(value) is kind and not isinstance(value, Alias)]
        if field.type in ("integer", "decimal"):
            return [value + step for value in same for step in (-1, 0, 1)]
        return same

    # --- situations

    def vary(self, scenario: Scenario, rng: random.Random) -> Scenario:
        """The situation with one thing changed; it may turn out not to be possible."""
        change = rng.choice((self._input, self._input, self._row, self._row, self._clock, self._drop, self._more))
        return change(scenario, rng)

    def _input(self, scenario: Scenario, rng: random.Random) -> Scenario:
        call = scenario.call
        fields = self._fields(call)
        if call.row is not None and rng.random() < 0.2:
            rows = [Alias(given.alias) for given in scenario.given if given.entity == call.name]
            return evolve(scenario, call=evolve(call, row=rng.choice([*rows, NOWHERE])))
        if not fields:
            return scenario
        field = rng.choice(fields)
        values = dict(call.values)
        if rng.random() < 0.1:
            values.pop(field.name, None)
        else:
            values[field.name] = self.value(call.name, field, scenario, rng, wrong=0.25)
        return evolve(scenario, call=evolve(call, values=values))

    def _fields(self, call: Call) -> Sequence[Field]:
        if call.kind == "operation":
            return self.behaviour.operation(call.name).inputs
        return self.behaviour.entity(call.name).fields

    def _row(self, scenario: Scenario, rng: random.Random) -> Scenario:
        if not scenario.given:
            return self._more(scenario, rng)
        index = rng.randrange(len(scenario.given))
        given = scenario.given[index]
        field = rng.choice(self.behaviour.entity(given.entity).fields)
        before = evolve(scenario, given=scenario.given[:index])
        value = self.value(given.entity, field, before if field.type == "reference" else scenario, rng)
        changed = evolve(given, values={**given.values, field.name: value})
        return evolve(scenario, given=(*scenario.given[:index], changed, *scenario.given[index + 1 :]))

    def _clock(self, scenario: Scenario, rng: random.Random) -> Scenario:
        there = [value for values in _all_values(scenario) for value in values.values()]
        moments = [value for value in there if isinstance(value, datetime)]
        days = [value for value in there if type(value) is date]
        moments += [datetime.combine(day, scenario.now.time()) for day in days]
        if moments and rng.random() < 0.6:
            seconds = [timedelta(seconds=1), timedelta(seconds=-1)] if "hours" in self._units() else []
            moved = _shifted([rng.choice(moments)], [timedelta(0), *seconds, _DAY, -_DAY, *self._moves])
        else:
            moved = _shifted([scenario.now], [_DAY, -_DAY, *self._moves])
        return evolve(scenario, now=rng.choice(moved)) if moved else scenario

    def _drop(self, scenario: Scenario, rng: random.Random) -> Scenario:
        if not scenario.given:
            return scenario
        gone = {rng.choice(scenario.given).alias}
        kept: list[Given] = []
        for given in scenario.given:
            if given.alias in gone or gone & {v for v in given.values.values() if isinstance(v, Alias)}:
                gone.add(given.alias)
            else:
                kept.append(given)
        return evolve(scenario, given=tuple(kept))

    def _more(self, scenario: Scenario, rng: random.Random) -> Scenario:
        if len(scenario.given) >= _MOST_ROWS:
            return scenario
        if scenario.given and rng.random() < 0.7:
            model = rng.choice(scenario.given)
            entity = self.behaviour.entity(model.entity)
            values = dict(model.values)
            for field in entity.fields:
                if field.unique or rng.random() < 0.25:
                    values[field.name] = self.value(entity.name, field, scenario, rng)
        else:
            entity = rng.choice(self.behaviour.entities)
            values = {field.name: self.value(entity.name, field, scenario, rng) for field in entity.fields}
        return evolve(scenario, given=(*scenario.given, Given(entity.name, self.alias(scenario, entity), values)))

    def alias(self, scenario: Scenario, entity: Entity) -> str:
        """A name for one more row of ``entity``."""
        slug = self.plain["entities"][entity.name]["slug"]
        taken = {given.alias for given in scenario.given}
        return next(name for name in (f"{slug}_{number}" for number in range(1, 100)) if name not in taken)

    def with_rows(self, entities: Iterable[str], scenario: Scenario, seed: str) -> Scenario:
        """The situation with a valid row more for each of ``entities`` and for whatever these must reference.

        Raises:
            LookupError: no valid row was found.
        """
        rng = random.Random(seed)
        for name in entities:
            scenario = self._with_row(self.behaviour.entity(name), scenario, rng, ())
        return scenario

    def _with_row(self, entity: Entity, scenario: Scenario, rng: random.Random, path: tuple[str, ...]) -> Scenario:
        for field in entity.fields:
            target = field.entity
            if target is None or not field.required or target in path:
                continue
            if not any(given.entity == target for given in scenario.given):
                scenario = self._with_row(self.behaviour.entity(target), scenario, rng, (*path, entity.name))
        for attempt in range(400):
            values = {field.name: self._plausible(entity, field, scenario, rng, attempt) for field in entity.fields}
            given = Given(entity.name, self.alias(scenario, entity), values)
            candidate = evolve(scenario, given=(*scenario.given, given))
            try:
                prepare(self.plain, candidate)
            except (NotPossible, KeyError):
                continue
            return candidate
        raise LookupError(f"no valid row of {entity.name} was found")

    def _plausible(self, entity: Entity, field: Field, scenario: Scenario, rng: random.Random, attempt: int) -> Any:
        """At first the values one would write oneself, later anything that is allowed."""
        if attempt >= 40:
            return self.value(entity.name, field, scenario, rng)
        if field.type == "reference":
            rows: list[Any] = [Alias(given.alias) for given in scenario.given if given.entity == field.entity]
            return rows[attempt % len(rows)] if rows else None
        pool = self.pool(entity.name, field)
        if field.default is not None and attempt % 3 == 0:
            return to_value(field, field.default)
        return (pool[attempt % len(pool)] if attempt < 4 else rng.choice(pool)) if pool else None


_DAY = timedelta(days=1)


def _sample(field: Field) -> Any:
    """A value of the field's type."""
    values = inside(evolve(field, minimum=None, maximum=None)) or [None]
    return values[0]


def _all_values(scenario: Scenario) -> Iterator[Mapping[str, Any]]:
    yield scenario.call.values
    for given in scenario.given:
        yield given.values


def _shifted(values: Sequence[Any], moves: Sequence[timedelta]) -> list[Any]:
    found: dict[Any, None] = {}
    for value in values:
        for move in moves:
            try:
                found.setdefault(value + move)
            except OverflowError:
                continue
    return [value for value in found if 1900 < value.year < 2200]


def _constants(plain: Plain) -> Iterator[Any]:
    """The literals of all expressions."""
    if isinstance(plain, tuple) and len(plain) == 2 and plain[0] == "literal":
        if plain[1] is not None and not isinstance(plain[1], bool):
            yield plain[1]
    elif isinstance(plain, Mapping):
        for value in plain.values():
            yield from _constants(value)
    elif isinstance(plain, list | tuple):
        for value in plain:
            yield from _constants(value)
