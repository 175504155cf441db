"""Small changes to a situation: another value, another moment, a row more or less."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from agent_dispatcher.behaviour import to_value
from agent_dispatcher.models import Behaviour, Entity, Field

from .plain import Plain
from .scenarios import Alias, Call, Given, NotPossible, Scenario, prepare, values_of
from .values import inside, inside_only, outside

__all__ = ["NOWHERE", "Focus", "Variation", "example_values"]

#: An id no test ever reaches.
NOWHERE = 999_999

_MOST_ROWS = 20
_DAY = timedelta(days=1)
#: Python type of the field types whose values can be compared with others of their type.
_KINDS: dict[str, type] = {"text": str, "integer": int, "decimal": Decimal, "date": date, "datetime": datetime}


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
        self._pools: dict[tuple[str, str], list[Any]] = {}
        self._wrong: dict[tuple[str, str], list[Any]] = {}
        entities = plain["entities"]
        self._focus = {name: Focus.of(declared, entities) for name, declared in plain["operations"].items()}
        self._focus |= {name: Focus.of(declared["constraints"], entities) for name, declared in entities.items()}
        constants = set(_constants(plain))
        self._numbers = sorted({n + step for n in constants if type(n) is int for step in (-1, 0, 1)} | {0, 1, 2})
        self._texts = sorted({text for text in constants if isinstance(text, str)})
        self._others = [value for value in constants if not isinstance(value, int | str)]
        self._focused = Focus.of(None, entities)
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
        key = (owner, field.name)
        if key not in self._pools:
            hints: list[Any] = [*self._examples.get(key, ())]
            if field.type == "integer":
                hints += self._numbers
            elif field.type == "text":
                hints += self._texts
            elif field.type in _KINDS:
                hints += sorted(value for value in self._others if type(value) is _KINDS[field.type])
            self._pools[key] = inside(field, hints)
        return self._pools[key]

    def wrong(self, owner: str, field: Field) -> list[Any]:
        """Values that are not allowed, null among them where it is not."""
        key = (owner, field.name)
        if key not in self._wrong:
            missing = [NOWHERE] if field.type == "reference" else []
            self._wrong[key] = [*(found.value for found in outside(field)), *missing]
        return self._wrong[key]

    def value(self, owner: str, field: Field, scenario: Scenario, rng: random.Random, *, wrong: float = 0.0) -> Any:
        """A value for a field in a situation; with probability ``wrong`` one that is not allowed."""
        if rng.random() < wrong and self.wrong(owner, field):
            return rng.choice(self.wrong(owner, field))
        if not field.required and rng.random() < 0.2:
            return None
        if field.type == "reference":
            rows: list[Any] = [Alias(given.alias) for given in scenario.given if given.entity == field.entity]
            return rng.choice(rows) if rows else None
        near = self._focused.near(field)
        if near and rng.random() < 0.4:
            return rng.choice(near)
        if field.type not in ("boolean", "choice") and rng.random() < 0.5:
            related = self._related(field, scenario, rng)
            if related is not None:
                return related
        choices = self.pool(owner, field)
        return rng.choice(choices) if choices else None

    def _related(self, field: Field, scenario: Scenario, rng: random.Random) -> Any:
        """A value equal to one that is already there, next to it, or a constant of the behaviour away."""
        kind = _KINDS[field.type]
        there = [v for values in _all_values(scenario) for v in values.values() if type(v) is kind]
        if field.type in ("date", "datetime"):
            there.append(scenario.now if field.type == "datetime" else scenario.now.date())
            return _moved(rng.choice(there), self._move(field.type, rng))
        if not there:
            return None
        value: Any = rng.choice(there)
        return value + rng.choice((-1, 0, 1)) if field.type in ("integer", "decimal") else value

    def _move(self, kind: str, rng: random.Random) -> timedelta:
        """A distance in time; often none, or the smallest there is."""
        smallest = timedelta(seconds=1) if kind == "datetime" else _DAY
        if not self._moves or rng.random() < 0.6:
            return rng.choice((timedelta(0), smallest, -smallest))
        return rng.choice(self._moves)

    def some_moves(self) -> list[timedelta]:
        """A few distances by which a clock can be moved forward, the constants of the behaviour among them."""
        forward = sorted({move for move in self._moves if move > timedelta(0)})
        chosen = forward[:: max(1, len(forward) // 12)]
        return [_DAY, *(move for move in chosen if move not in (_DAY, timedelta(seconds=1))), timedelta(seconds=1)]

    # --- situations

    def focus(self, part: Plain) -> Focus:
        """What a piece of the behaviour talks about."""
        return Focus.of(part, self.plain["entities"])

    def vary(self, scenario: Scenario, rng: random.Random, focus: Focus | None = None) -> Scenario:
        """The situation with one thing changed; it may turn out not to be possible.

        Args:
            scenario: the situation.
            rng: what is changed and how.
            focus: what to change rather than other things; what the call talks about when ``None``.
        """
        self._focused = focus or self._focus[scenario.call.name]
        if not self.behaviour.entities:
            return rng.choice((self._input, self._input, self._clock))(scenario, rng)
        changes = (self._input, self._input, self._row, self._row, self._row, self._clock, self._drop, self._more)
        return rng.choice((*changes, self._grow, self._grow))(scenario, rng)

    def _input(self, scenario: Scenario, rng: random.Random) -> Scenario:
        call = scenario.call
        fields = self._fields(call)
        if call.row is not None and rng.random() < 0.2:
            rows = [Alias(given.alias) for given in scenario.given if given.entity == call.name]
            return evolve(scenario, call=evolve(call, row=rng.choice([*rows, NOWHERE])))
        if not fields:
            return scenario
        focused = [field for field in fields if field.name in self._focused.names]
        field = rng.choice(focused if focused and rng.random() < 0.6 else fields)
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
        places = [
            (index, field)
            for index, given in enumerate(scenario.given)
            for field in self.behaviour.entity(given.entity).fields
        ]
        focused = [place for place in places if place[1].name in self._focused.names]
        index, field = rng.choice(focused if focused and rng.random() < 0.8 else places)
        given = scenario.given[index]
        before = evolve(scenario, given=scenario.given[:index])
        value = self.value(given.entity, field, before if field.type == "reference" else scenario, rng)
        changed = evolve(given, values={**given.values, field.name: value})
        return evolve(scenario, given=(*scenario.given[:index], changed, *scenario.given[index + 1 :]))

    def _clock(self, scenario: Scenario, rng: random.Random) -> Scenario:
        there = [value for values in _all_values(scenario) for value in values.values()]
        moments = [value for value in there if isinstance(value, datetime)]
        moments += [datetime.combine(value, scenario.now.time()) for value in there if type(value) is date]
        kind = "datetime" if "hours" in self._units() and rng.random() < 0.5 else "date"
        moment = rng.choice(moments) if moments and rng.random() < 0.7 else scenario.now
        moved = _moved(moment, self._move(kind, rng))
        return scenario if moved is None else evolve(scenario, now=moved)

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

    def _grow(self, scenario: Scenario, rng: random.Random) -> Scenario:
        """Several rows like one that is there, each perhaps with a referenced row of its own."""
        if not scenario.given:
            return scenario
        entities = self._focused.entities
        focused = [given for given in scenario.given if given.entity in entities]
        model = rng.choice(focused if focused and rng.random() < 0.7 else scenario.given)
        references = [field for field in self.behaviour.entity(model.entity).fields if field.type == "reference"]
        own = rng.choice([None, *references, *references])
        for _ in range(rng.choice((1, 1, 2, 3, 4, 5))):
            if len(scenario.given) >= _MOST_ROWS:
                break
            changed = {}
            if own is not None and isinstance(model.values.get(own.name), Alias):
                target = next(given for given in scenario.given if given.alias == model.values[own.name])
                scenario, alias = self._copy(target, {}, scenario, rng)
                changed[own.name] = alias
            scenario, _ = self._copy(model, changed, scenario, rng)
        return scenario

    def _copy(
        self, model: Given, changed: Mapping[str, Any], scenario: Scenario, rng: random.Random
    ) -> tuple[Scenario, Alias]:
        """One row more with the values of ``model``, but its own where they are unique."""
        entity = self.behaviour.entity(model.entity)
        values = {**model.values, **changed}
        for field in entity.fields:
            if field.unique and values.get(field.name) is not None:
                used = {given.values.get(field.name) for given in scenario.given if given.entity == entity.name}
                free = [value for value in self.pool(entity.name, field) if value not in used]
                values[field.name] = rng.choice(free) if free else None
        copy = Given(entity.name, self.alias(scenario, entity), values)
        return evolve(scenario, given=(*scenario.given, copy)), Alias(copy.alias)

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


@frozen
class Focus:
    """What the rules of one operation or entity talk about.

    Attributes:
        names: fields that are read or written, and inputs that are named.
        constants: literals, and numbers next to them.
        entities: those whose rows are counted or looked for.
    """

    names: frozenset[str]
    constants: tuple[Any, ...]
    entities: frozenset[str]

    @classmethod
    def of(cls, plain: Plain, declared: Mapping[str, Plain]) -> Focus:
        """The focus of a piece of behaviour."""
        found = set(_constants(plain))
        numbers = {n + step for n in found if type(n) is int for step in (-1, 0, 1)}
        others = [value for value in found if type(value) is not int]
        constants = (*sorted(numbers), *sorted(others, key=lambda v: (str(type(v)), str(v))))
        return cls(frozenset(_read(plain)), constants, frozenset(_run_over(plain, declared)))

    def near(self, field: Field) -> list[Any]:
        """Constants that are allowed in ``field``."""
        return inside_only(field, self.constants)


def _read(plain: Plain) -> Iterator[str]:
    """Names of the fields that expressions read and changes write, and the names in expressions."""
    if isinstance(plain, tuple) and len(plain) == 3 and plain[0] == "field":
        yield plain[2]
    if isinstance(plain, tuple) and len(plain) == 2 and plain[0] == "name":
        yield plain[1]
    if isinstance(plain, Mapping):
        if isinstance(plain.get("values"), Mapping):
            yield from plain["values"]
        plain = tuple(plain.values())
    if isinstance(plain, list | tuple):
        for value in plain:
            yield from _read(value)


def _run_over(plain: Plain, declared: Mapping[str, Plain]) -> Iterator[str]:
    """Entities that selections run over; a relation counts for every entity that has one of its name."""
    if isinstance(plain, tuple) and len(plain) == 4 and plain[0] == "rows":
        collection = plain[1]
        if collection[0] == "all":
            yield collection[1]
        else:
            yield from (e["relations"][collection[2]][0] for e in declared.values() if collection[2] in e["relations"])
    if isinstance(plain, Mapping):
        plain = tuple(plain.values())
    if isinstance(plain, list | tuple):
        for value in plain:
            yield from _run_over(value, declared)


def _all_values(scenario: Scenario) -> Iterator[Mapping[str, Any]]:
    yield scenario.call.values
    for given in scenario.given:
        yield given.values


def _moved(value: Any, move: timedelta) -> Any:
    """A later or earlier date or datetime; ``None`` when that is in another age."""
    try:
        moved = value + move
    except OverflowError:
        return None
    return moved if 1900 < moved.year < 2200 else None


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
