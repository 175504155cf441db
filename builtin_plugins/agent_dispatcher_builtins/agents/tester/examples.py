"""Whether a specification's examples follow from its own operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent_dispatcher.behaviour import from_value, to_value
from agent_dispatcher.errors import Problem
from agent_dispatcher.models import Behaviour, Example, ExpectedRow, Field, Scalar

from .plain import plain_behaviour, returned_type
from .scenarios import NotPossible, Outcome, Prepared, from_example, prepare

__all__ = ["contradictions"]

_REMEDY = "mend the example, or the operation it calls"


def contradictions(behaviour: Behaviour, examples: Iterable[Example] | None = None) -> list[Problem]:
    """Every point in which an example expects something else than the specification's operations give.

    Args:
        behaviour: the behaviour.
        examples: which to look at, all when ``None``.

    Returns:
        One problem per difference with the example's place, its name and both values.
    """
    plain = plain_behaviour(behaviour)
    problems: list[Problem] = []
    for example in behaviour.examples if examples is None else examples:
        for what, where in _Comparison(behaviour, plain, example).differences():
            problems.append(Problem(f"example {example.name!r}: {what}", where or example.source, _REMEDY))
    return problems


class _Comparison:
    """One example beside what the interpreter makes of it."""

    def __init__(self, behaviour: Behaviour, plain: Mapping[str, Any], example: Example) -> None:
        self.behaviour = behaviour
        self.plain = plain
        self.example = example

    def differences(self) -> list[tuple[str, str]]:
        try:
            prepared = prepare(self.plain, from_example(self.behaviour, self.example))
        except NotPossible as refused:
            given = next((record for record in self.example.given if record.alias == refused.given.alias), None)
            return [
                (f"the given row {refused.given.alias!r} is refused: {refused.code}", given.source if given else "")
            ]
        outcome = prepared.play(self.plain)
        expected = self.example.error
        if outcome.error != expected:
            wanted = f"error {expected}" if expected else "success"
            found = f"error {outcome.error}" if outcome.error else f"success with {_shown(outcome.result)}"
            return [(f"expects {wanted}, and {self.example.operation} ends with {found}", "")]
        found_differences: list[tuple[str, str]] = []
        if self.example.expects_result and expected is None:
            found_differences += [(text, "") for text in self._result(prepared, outcome)]
        for row in self.example.then:
            found_differences += [(text, row.source) for text in self._row(prepared, outcome, row)]
        for entity, count in self.example.counts.items():
            there = len(outcome.state[entity])
            if there != count:
                found_differences.append((f"expects {count} rows of {entity} afterwards, and there are {there}", ""))
        return found_differences

    # --- the result

    def _result(self, prepared: Prepared, outcome: Outcome) -> list[str]:
        expected = self.example.result
        if isinstance(expected, list):
            if not isinstance(outcome.result, list) or len(outcome.result) != len(expected):
                return [f"expects {len(expected)} rows as the result, and gets {_shown(outcome.result)}"]
            pairs = zip(expected, outcome.result, strict=True)
            return [text for item, row in pairs for text in self._item(prepared, outcome, item, row)]
        return self._item(prepared, outcome, expected, outcome.result)

    def _item(
        self, prepared: Prepared, outcome: Outcome, expected: Scalar | dict[str, Scalar], found: Any
    ) -> list[str]:
        returned = returned_type(self.behaviour, self.behaviour.operation(self.example.operation))
        if isinstance(expected, dict):
            if not isinstance(found, dict) or returned.entity is None:
                return [f"expects a row as the result, and gets {_shown(found)}"]
            return self._fields("the result", prepared, returned.entity, expected, found)
        if isinstance(found, dict):
            wanted = prepared.refs.get(expected) if isinstance(expected, str) else None
            same = wanted is not None and (wanted.entity, wanted.id) == (returned.entity, found["id"])
        else:
            same = _value_is(returned.kind, expected, found)
        return [] if same else [f"expects the result {expected!r}, and gets {_shown(found)}"]

    # --- rows afterwards

    def _row(self, prepared: Prepared, outcome: Outcome, row: ExpectedRow) -> list[str]:
        if row.alias is None:
            return self._created(prepared, outcome, row)
        ref = prepared.refs[row.alias]
        found = next((other for other in outcome.state[ref.entity] if other["id"] == ref.id), None)
        if row.values is None:
            return [] if found is None else [f"expects {row.alias} to be gone, and it is {_shown(found)}"]
        if found is None:
            return [f"expects {row.alias} to be there, and it is gone"]
        return self._fields(row.alias, prepared, row.entity, row.values, found)

    def _created(self, prepared: Prepared, outcome: Outcome, row: ExpectedRow) -> list[str]:
        old = {other["id"] for other in prepared.before[row.entity]}
        created = [other for other in outcome.state[row.entity] if other["id"] not in old]
        values = row.values or {}
        matching = [other for other in created if not self._fields("", prepared, row.entity, values, other)]
        if len(matching) == 1:
            return []
        if len(created) == 1:
            return self._fields(f"the created {row.entity}", prepared, row.entity, values, created[0])
        return [f"expects one created {row.entity} with {values}, and {len(matching)} of {_shown(created)} match"]

    def _fields(
        self, what: str, prepared: Prepared, entity: str, expected: Mapping[str, Scalar], found: Mapping[str, Any]
    ) -> list[str]:
        differences = []
        fields = {field.name: field for field in self.behaviour.entity(entity).fields}
        for name, scalar in expected.items():
            value = _expected_value(fields.get(name), scalar, prepared)
            if value != found[name]:
                differences.append(f"expects {name} of {what} to be {scalar!r}, and it is {_shown(found[name])}")
        return differences


def _expected_value(field: Field | None, scalar: Scalar, prepared: Prepared) -> Any:
    """The value an example means; ``id`` and references are aliases (or ids)."""
    if field is None or field.type == "reference":
        return prepared.refs[scalar].id if isinstance(scalar, str) and scalar in prepared.refs else scalar
    return to_value(field, scalar)


def _value_is(kind: str, expected: Scalar, found: Any) -> bool:
    """Whether a result of type ``kind`` that is no row is what an example says."""
    try:
        return expected is found if expected is None or kind == "null" else bool(to_value(kind, expected) == found)
    except (KeyError, ValueError):
        return False


def _shown(value: Any) -> str:
    """A value of the model as a person reads it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return repr(from_value(value))
