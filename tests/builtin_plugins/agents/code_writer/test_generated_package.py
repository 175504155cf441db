"""What a generated package does when it is used."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from agent_dispatcher.behaviour import to_value
from agent_dispatcher.models import Behaviour, Entity, Example, Field, Specification
from agent_dispatcher_builtins.languages.python.interface import (
    class_name,
    entity_module,
    identifier,
    operations_module,
)

from .conftest import Load, specification


def _declared(behaviour: Behaviour, entity: str) -> dict[str, Any]:
    return {field.name: field for field in behaviour.entity(entity).fields}


def _python(field: Any, value: Any, aliases: dict[str, Any]) -> Any:
    if field.type == "reference":
        return None if value is None else aliases[value].id
    return to_value(field, value)


def _check_example(package: Any, behaviour: Behaviour, example: Example) -> None:
    """Given, call, expect."""
    with package.storage(now=example.now) as storage:
        aliases: dict[str, Any] = {}
        for record in example.given:
            entity = behaviour.entity(record.entity)
            cls = getattr(package.module(entity_module(behaviour, entity).split(".", 1)[1]), class_name(entity))
            fields = _declared(behaviour, record.entity)
            values = {identifier(k): _python(fields[k], v, aliases) for k, v in record.values.items()}
            aliases[record.alias] = storage.add(cls(**values))
        operation = behaviour.operation(example.operation)
        module = package.module(operations_module(behaviour, operation).split(".", 1)[1])
        inputs = {field.name: field for field in operation.inputs}
        given = {identifier(k): _python(inputs[k], v, aliases) for k, v in example.inputs.items()}
        call = getattr(module, identifier(operation.name))
        if example.error is not None:
            with pytest.raises(package.error) as caught:
                call(storage, **given)
            assert caught.value.code == example.error, example.name
            return
        result = call(storage, **given)
        if example.expects_result:
            _check_result(behaviour, example.result, result, aliases, example.name)
        for entity_name, count in example.counts.items():
            entity = behaviour.entity(entity_name)
            assert len(storage.all(getattr(package.models, class_name(entity)))) == count, example.name


def _check_result(behaviour: Behaviour, expected: Any, found: Any, aliases: dict[str, Any], name: str) -> None:
    if isinstance(expected, list):
        assert len(found) == len(expected), name
        for one, row in zip(expected, found, strict=True):
            _check_result(behaviour, one, row, aliases, name)
    elif isinstance(expected, dict):
        fields = _declared(behaviour, type(found).__name__)
        for key, value in expected.items():
            assert getattr(found, identifier(key)) == _python(fields[key], value, aliases), (name, key)
    elif isinstance(expected, str) and expected in aliases:
        assert found.id == aliases[expected].id, name
    elif isinstance(found, Decimal):
        assert found == Decimal(str(expected)), name
    elif hasattr(found, "isoformat"):
        assert found.isoformat() == expected, name
    else:
        assert found == expected, name


@pytest.mark.parametrize("which", ["library", "maintenance"])
def test_generated_code_does_what_the_examples_say(which: str, load: Any, request: pytest.FixtureRequest) -> None:
    """Every example of the documentation's specifications holds for the package generated from it."""
    source: Specification = request.getfixturevalue(which)
    assert source.behaviour is not None
    package = load(source)
    for example in source.behaviour.examples:
        _check_example(package, source.behaviour, example)
    assert len(source.behaviour.examples) >= 20


def test_operation_reads_rows_as_they_are_at_that_moment(load: Any, shop: Specification) -> None:
    """A name of a row is read anew after a change may have touched it, also when two names mean one row."""
    package = load(shop)
    box = package.models.Box
    with package.storage() as storage:
        storage.add(box(label="a", class_=3))
        storage.add(box(label="b", class_=5))
        assert package.operations.swap_classes(storage, box=1, other=2) == 5
        assert [row.class_ for row in storage.all(box)] == [5, 5]
        assert package.operations.swap_classes(storage, box=1, other=1) == 5
        assert package.operations.count_up(storage, box=1) == 7
        assert storage.get(box, 1).class_ == 7


def test_operation_creates_sets_and_deletes(load: Any, shop: Specification) -> None:
    """Create, set, delete and each do what they say, in order."""
    package = load(shop)
    box, item = package.models.Box, package.models.Item
    with package.storage(now="2026-03-04T05:06:07") as storage:
        storage.add(box(label="a"))
        packed = package.operations.pack(storage, box=1, weight=6)
        assert packed == item(box=1, weight=6, packed_at=datetime(2026, 3, 4, 5, 6, 7), id=1)
        assert storage.get(box, 1).class_ == 2
        assert package.operations.heavy(storage) == [packed]
        with pytest.raises(package.error) as caught:
            package.operations.pack(storage, box=1, weight=5)
        assert caught.value.code == "too_heavy"
        assert package.operations.empty(storage, box=1).class_ == 0
        assert storage.all(item) == []


def test_failed_operation_leaves_no_trace(load: Any, shop: Specification) -> None:
    """An error after the first change takes the change back, and the id with it."""
    package = load(shop)
    box, item = package.models.Box, package.models.Item
    with package.storage() as storage:
        storage.add(box(label="a", class_=9))
        with pytest.raises(package.error) as caught:
            package.operations.pack(storage, box=1, weight=1)
        assert caught.value.code == "box_class_range"
        assert storage.all(item) == []
        storage.update(box(label="a", class_=1, id=1))
        assert package.operations.pack(storage, box=1, weight=1).id == 1


def test_inner_failure_does_not_end_the_outer_transaction(load: Any, shop: Specification) -> None:
    """What fails inside a transaction is undone alone when the failure is caught, with all when it is not."""
    package = load(shop)
    box = package.models.Box
    with package.storage() as storage:
        with storage.transaction():
            storage.add(box(label="a"))
            with pytest.raises(package.error), storage.transaction():
                storage.add(box(label="b"))
                storage.add(box(label="a"))
        assert [row.label for row in storage.all(box)] == ["a"]
        with pytest.raises(RuntimeError), storage.transaction():
            storage.add(box(label="c"))
            raise RuntimeError
        assert [row.label for row in storage.all(box)] == ["a"]
        assert storage.add(box(label="d")).id == 2


def test_deleted_row_is_not_there_under_another_name(load: Any, shop: Specification) -> None:
    """A name whose row was deleted through another name is null."""
    package = load(shop)
    box = package.models.Box
    with package.storage() as storage:
        for label in "abc":
            storage.add(box(label=label))
        assert package.operations.throw_away(storage, box=1, other=2) is False
        assert package.operations.throw_away(storage, box=2, other=2) is True


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"label": 5}, "box_label_type"),
        ({"label": "\ud800"}, "box_label_type"),
        ({"label": None, "class_": "x"}, "box_label_required"),
        ({"label": "0123456789"}, "box_label_length"),
        ({"label": "a", "class_": True}, "box_class_type"),
        ({"label": "a", "class_": 10}, "box_class_range"),
        ({"label": "a", "price": 1.5}, "box_price_type"),
        ({"label": "a", "price": Decimal("NaN")}, "box_price_type"),
        ({"label": "a", "price": Decimal("1E+100")}, "box_price_type"),
        ({"label": "a", "price": -1}, "box_price_range"),
        ({"label": "a", "inside": "1"}, "box_inside_type"),
    ],
)
def test_model_refuses_the_first_violation(load: Any, shop: Specification, values: dict[str, Any], code: str) -> None:
    """Fields are checked in declared order, each by kind in order."""
    package = load(shop)
    with pytest.raises(package.error) as caught:
        package.models.Box(**values)
    assert caught.value.code == code
    assert str(caught.value).startswith(f"{code}: ")


def test_moments_have_no_zone_and_no_fraction(load: Any, shop: Specification) -> None:
    """A datetime with a zone or a fraction of a second is of the wrong type; the clock is cut."""
    package = load(shop)
    for moment in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, microsecond=1)):
        with pytest.raises(package.error) as caught:
            package.models.Item(weight=1, packed_at=moment)
        assert caught.value.code == "item_packed_at_type"
    with package.storage(now="2026-01-01T00:00:00.5") as storage:
        assert storage.now() == datetime(2026, 1, 1)


def test_storage_checks_references_then_uniqueness_then_constraints(load: Any, shop: Specification) -> None:
    """The codes come in the interface's order."""
    package = load(shop)
    box = package.models.Box

    def refused(row: Any) -> str:
        with pytest.raises(package.error) as caught:
            storage.add(row)
        code: str = caught.value.code
        return code

    with package.storage() as storage:
        storage.add(box(label="a", price=Decimal("1.0")))
        storage.add(box(label="b", inside=1))
        assert refused(box(label="a", inside=9)) == "box_not_found"
        assert refused(box(label="a", inside=10**30)) == "box_not_found"
        assert refused(box(label="a", inside=2)) == "box_label_unique"
        assert refused(box(label="c", price=Decimal("1.00"))) == "box_price_unique"
        assert refused(box(label="c", inside=2)) == "too_deep"
        assert len(storage.all(box)) == 2


def test_storage_keeps_what_sqlite_alone_would_not(load: Any, shop: Specification) -> None:
    """Large integers, decimals with their digits and odd texts come back as they were."""
    package = load(shop)
    item, box = package.models.Item, package.models.Box
    with package.storage() as storage:
        for weight in (2**63 - 1, 2**63, 10**40):
            assert storage.add(item(weight=weight)).weight == weight
        assert str(storage.add(box(label="a", price=Decimal("12.500"))).price) == "12.500"
        assert storage.add(box(label="b", price=3)).price == Decimal(3)
        assert storage.add(box(label="\0'\";--")).label == "\0'\";--"
        assert storage.get(box, 10**30) is None


def test_rows_in_use_stay(load: Any, shop: Specification) -> None:
    """A row that another references cannot be removed."""
    package = load(shop)
    box = package.models.Box
    with package.storage() as storage:
        outer, inner = storage.add(box(label="a")), storage.add(box(label="b", inside=1))
        with pytest.raises(package.error) as caught:
            storage.remove(outer)
        assert caught.value.code == "box_in_use"
        storage.remove(inner)
        storage.remove(outer)
        with pytest.raises(package.error) as caught:
            storage.remove(outer)
        assert caught.value.code == "box_not_found"
        assert storage.add(box(label="c")).id == 3


def test_row_that_references_only_itself_can_go(load: Load) -> None:
    """It is no other row that refers to it."""
    boss = Field(name="boss", type="reference", entity="Person")
    package = load(specification(Behaviour(package="people", entities=(Entity(name="Person", fields=(boss,)),))))
    person = package.models.Person
    with package.storage() as storage:
        first = storage.update(person(id=storage.add(person()).id, boss=1))
        second = storage.add(person(boss=1))
        with pytest.raises(package.error):
            storage.remove(first)
        storage.remove(second)
        storage.remove(first)
        assert storage.all(person) == []


def test_database_is_kept_and_foreign_files_are_refused(load: Any, shop: Specification, tmp_path: Any) -> None:
    """Rows survive closing; a file that is no database is an error of SQLite, and the connection is closed."""
    package = load(shop)
    path = tmp_path / "shop.db"
    with package.storage(path=path) as storage:
        storage.add(package.models.Box(label="a"))
    with package.storage(path=path) as storage:
        assert [row.label for row in storage.all(package.models.Box)] == ["a"]
    path.write_text("no database at all, only some text that is long enough to be looked at")
    with pytest.raises(sqlite3.DatabaseError):
        package.storage(path=path)
