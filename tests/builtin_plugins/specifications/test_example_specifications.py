"""The example specifications: large enough to mean something, complete, and true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent_dispatcher.behaviour import Aggregate, parse
from agent_dispatcher.models import Behaviour, Field, Specification
from agent_dispatcher_builtins.agents.tester.examples import contradictions
from agent_dispatcher_builtins.specifications.native import NativeFormat

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
NAMES = ("lending-library", "machine-maintenance")


def load(name: str) -> tuple[Specification, Behaviour]:
    specification = NativeFormat().load(EXAMPLES / name)
    assert specification.behaviour is not None
    return specification, specification.behaviour


def kinds_of_constraint(behaviour: Behaviour) -> set[str]:
    found: set[str] = {"cross-field" for entity in behaviour.entities if entity.constraints}
    fields: list[Field] = [field for entity in behaviour.entities for field in entity.fields]
    for field in fields:
        present = {
            "required": field.required,
            "unique": field.unique,
            "range": field.minimum is not None or field.maximum is not None,
            "length": field.min_length is not None or field.max_length is not None,
            "pattern": field.pattern is not None,
            "choice": field.type == "choice",
            "reference": field.type == "reference",
        }
        found |= {kind for kind, there in present.items() if there}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_size(name: str) -> None:
    """Each example has the size the main job is measured with."""
    _, behaviour = load(name)
    assert len(behaviour.entities) >= 4
    assert sum(len(entity.relations) for entity in behaviour.entities) >= 4
    assert len(kinds_of_constraint(behaviour)) == 8
    assert sum(bool(operation.requires) for operation in behaviour.operations) >= 8
    assert len(behaviour.examples) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_every_requirement_is_served(name: str) -> None:
    """Every requirement has an operation or an entity that serves it and an example that shows it."""
    specification, behaviour = load(name)
    wanted = {requirement.id for requirement in specification.requirements}
    declared = {one for item in (*behaviour.entities, *behaviour.operations) for one in item.requirements}
    shown = {one for example in behaviour.examples for one in example.requirements}
    assert declared == wanted
    assert shown == wanted


@pytest.mark.parametrize("name", NAMES)
def test_every_guard_has_an_example(name: str) -> None:
    """Every operation has an example in which it succeeds, and nearly every guard one that it stops."""
    _, behaviour = load(name)
    for operation in behaviour.operations:
        own = [example for example in behaviour.examples if example.operation == operation.name]
        assert any(example.error is None for example in own), operation.name
    guards = {(operation.name, guard.error) for operation in behaviour.operations for guard in operation.requires}
    stopped = {(example.operation, example.error) for example in behaviour.examples}
    assert len(guards & stopped) >= 0.7 * len(guards)


@pytest.mark.parametrize("name", NAMES)
def test_examples_follow_from_the_operations(name: str) -> None:
    """No example expects something else than the operations give."""
    _, behaviour = load(name)
    assert contradictions(behaviour) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_example_would_be_found(name: str, tmp_path: Path) -> None:
    """The check of the examples is not vacuous: an example that is made wrong is named with its line."""
    text = (EXAMPLES / name / "specification.yaml").read_text()
    wrong = {
        "lending-library": ("result: 150", "result: 151"),
        "machine-maintenance": ("result: 174.67", "result: 174.66"),
    }
    old, new = wrong[name]
    file = tmp_path / "specification.yaml"
    file.write_text(text.replace(old, new))
    behaviour = NativeFormat().load(file).behaviour
    assert behaviour is not None
    (problem,) = contradictions(behaviour)
    changed = text[: text.index(old)]
    named = changed[: changed.rindex("- name: ")].count("\n") + 1
    assert problem.where == f"specification.yaml:{named}"


def test_the_second_uses_what_the_first_does_not() -> None:
    """Together the examples cover the language: types, changes, aggregates."""
    both = [load(name)[1] for name in NAMES]
    types = {field.type for behaviour in both for entity in behaviour.entities for field in entity.fields}
    assert types == {"text", "integer", "decimal", "boolean", "date", "datetime", "choice", "reference"}
    changes = {
        (change.kind, change.each is not None)
        for behaviour in both
        for operation in behaviour.operations
        for change in operation.changes
    }
    assert {("create", False), ("create", True), ("set", False), ("set", True), ("delete", False)} <= changes
    returns = [operation.returns.text for behaviour in both for operation in behaviour.operations if operation.returns]
    assert {node.kind for node in map(parse, returns) if isinstance(node, Aggregate)} >= {"count", "select"}
    assert any("sum(" in text for text in returns)


def test_they_share_no_words() -> None:
    """The second example is from another domain: no entity, operation or field of the first but the most general."""

    def words(behaviour: Behaviour) -> set[str]:
        names = {operation.name for operation in behaviour.operations} | {entity.name for entity in behaviour.entities}
        names |= {field.name for entity in behaviour.entities for field in entity.fields}
        return {name.lower() for name in names}

    first, second = (words(load(name)[1]) for name in NAMES)
    assert first & second <= {"name", "status"}


@pytest.mark.parametrize("name", NAMES)
def test_readable(name: str) -> None:
    """A specification is for people: no line is longer than 130 characters, every operation and entity says what it is."""
    text = (EXAMPLES / name / "specification.yaml").read_text()
    assert max(map(len, text.splitlines())) <= 130
    assert not re.search(r"[ \t]+$", text, re.MULTILINE)
    _, behaviour = load(name)
    assert all(item.summary for item in (*behaviour.entities, *behaviour.operations))
    assert all(guard.message for operation in behaviour.operations for guard in operation.requires)
