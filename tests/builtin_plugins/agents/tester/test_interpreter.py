"""The reference interpreter does what the pages of the language and of behaviour say, line by line."""

from __future__ import annotations

import ast
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.behaviour import Scope, Type, parse
from agent_dispatcher.models import (
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
)
from agent_dispatcher_builtins.agents.tester import interpreter
from agent_dispatcher_builtins.agents.tester.interpreter import Model, Violation
from agent_dispatcher_builtins.agents.tester.plain import _Encoder, plain_behaviour

NOW = datetime(2026, 2, 28, 23, 30)


def value_of(text: str, **names: Any) -> Any:
    """The value of an expression without rows."""
    scope = Scope(Behaviour(package="p"), {name: Type("integer") for name in names})
    model = Model({"entities": {}, "operations": {}}, lambda: NOW)
    return model.evaluate(_Encoder(scope).node(parse(text)), names)


def model_of(*entities: Entity, operations: tuple[Operation, ...] = ()) -> Model:
    """An empty model."""
    return Model(plain_behaviour(Behaviour(package="p", entities=entities, operations=operations)), lambda: NOW)


def code_of(function: Any, *arguments: Any) -> str | None:
    """The error code a call ends with."""
    try:
        function(*arguments)
    except Violation as violation:
        return violation.code
    return None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n + 1", None),
        ("n == null", True),
        ("n != 1", True),
        ("n < 1", False),
        ("n >= 1", False),
        ("n in [1, null]", False),
        ("n not in [1]", True),
        ("not (n < 1)", True),
        ("n is null", True),
        ("coalesce(n, 7)", 7),
        ("min(n, 1)", None),
        ("n < 1 and true", False),
        ("if(n < 1, 1, 2)", 2),
        ("-n", None),
    ],
)
def test_null_spreads_and_counts_as_false(text: str, expected: object) -> None:
    """A null operand makes null, a null comparison is false, and its negation true."""
    assert value_of(text, n=None) is expected or value_of(text, n=None) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7 / 2", Decimal("3.5")),
        ("1 / 3", Decimal("0.3333333333333333333333333333")),
        ("1 / 0", None),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("7 % 0", None),
        ("2 + 1.50", Decimal("3.50")),
        ("1.0 == 1.00", True),
        ("round(2.5, 0)", Decimal(2)),
        ("round(3.5, 0)", Decimal(4)),
        ("round(1.5, 4)", Decimal("1.5")),
        ("integer(-2.9)", -2),
        ("abs(-3)", 3),
        ("2 * 3 - 4", 2),
        ("999999999999999999999999999.5 * 10 + 5", Decimal("1.000000000000000000000000000E+28")),
    ],
)
def test_numbers(text: str, expected: object) -> None:
    """Integers are exact, decimals have 28 digits and round half to even, what has no result is null."""
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today()", date(2026, 2, 28)),
        ("now()", NOW),
        ("today() + days(1)", date(2026, 3, 1)),
        ('today() - date("2026-02-01")', 27),
        ("now() + hours(1)", datetime(2026, 3, 1, 0, 30)),
        ('now() - datetime("2026-02-28T23:00:00")', timedelta(minutes=30)),
        ("hours(36) < days(2)", True),
        ("days(1) + minutes(30)", timedelta(days=1, minutes=30)),
        ("date(now())", date(2026, 2, 28)),
        ('date("9999-12-31") + days(1)', None),
        ("days(99999999999)", None),
        ("year(today()) * 100 + month(now())", 202602),
    ],
)
def test_dates(text: str, expected: object) -> None:
    """Dates count days, datetimes durations, and what is out of range is null."""
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a" + "b"', "ab"),
        ('trim("  a ")', "a"),
        ('upper("ß")', "SS"),
        ('length("né")', 2),
        ('contains("haystack", "stack")', True),
        ('starts_with("ab", "b")', False),
        ('ends_with("ab", "b")', True),
        ('"Z" < "a"', True),
        ('max("a", "b")', "b"),
    ],
)
def test_texts(text: str, expected: object) -> None:
    """Texts are Python's, compared by code points."""
    assert value_of(text) == expected


def test_and_and_or_stop_early() -> None:
    """The right side is not looked at when the left decides."""
    model = Model({"entities": {}, "operations": {}}, lambda: NOW)
    unknown = ("name", "nowhere")

    assert model.evaluate(("and", ("literal", False), unknown), {}) is False
    assert model.evaluate(("or", ("literal", True), unknown), {}) is True


def test_input_errors_come_in_declared_order_each_input_complete(jars: Behaviour) -> None:
    """One input is checked to its end, its reference included, before the next; then come the guards."""
    model = Model(plain_behaviour(jars), lambda: NOW)
    jar = model.add("Jar", {"label": "a", "marbles": 1})

    assert code_of(model.call, "take", {"jar": None, "amount": 0}) == "take_jar_required"
    assert code_of(model.call, "take", {"jar": "1", "amount": 0}) == "take_jar_type"
    assert code_of(model.call, "take", {"jar": 9, "amount": 0}) == "jar_not_found"
    assert code_of(model.call, "take", {"jar": jar}) == "take_amount_required"
    assert code_of(model.call, "take", {"jar": jar, "amount": True}) == "take_amount_type"
    assert code_of(model.call, "take", {"jar": jar, "amount": 0}) == "take_amount_range"
    assert code_of(model.call, "take", {"jar": jar, "amount": 2}) == "too_few"
    model.add("Lid", {"jar": jar})
    assert code_of(model.call, "take", {"jar": jar, "amount": 2}) == "closed"


def test_field_errors_come_before_references_unique_and_constraints(jars: Behaviour) -> None:
    """Kinds in their order in a field; then references, unique fields, constraints."""
    model = Model(plain_behaviour(jars), lambda: NOW)
    model.add("Jar", {"label": "a"})

    assert code_of(model.add, "Jar", {"label": "", "marbles": -1}) == "jar_label_length"
    assert code_of(model.add, "Jar", {"label": "a", "marbles": -1}) == "jar_marbles_range"
    assert code_of(model.add, "Jar", {"label": "a", "marbles": 11}) == "jar_label_unique"
    assert code_of(model.add, "Jar", {"label": "b", "marbles": 11}) == "jar_too_full"
    assert code_of(model.add, "Lid", {"jar": 5}) == "jar_not_found"


def test_a_failed_call_leaves_rows_and_ids_alone(jars: Behaviour) -> None:
    """An error takes back every change, and uses up no id."""
    model = Model(plain_behaviour(jars), lambda: NOW)
    jar = model.add("Jar", {"label": "a", "marbles": 3})
    before = model.state()

    assert code_of(model.add, "Jar", {"label": "a"}) == "jar_label_unique"
    assert code_of(model.update, "Jar", jar, {"marbles": 99}) == "jar_too_full"

    assert model.state() == before
    assert model.add("Jar", {"label": "b"}) == 2


def test_ids_are_never_used_twice_and_referenced_rows_stay(jars: Behaviour) -> None:
    """A row in use cannot be removed; a removed row's id is gone for good."""
    model = Model(plain_behaviour(jars), lambda: NOW)
    jar = model.add("Jar", {"label": "a"})
    lid = model.add("Lid", {"jar": jar})

    assert code_of(model.remove, "Jar", jar) == "jar_in_use"
    model.remove("Lid", lid)
    assert code_of(model.remove, "Lid", lid) == "lid_not_found"
    assert model.add("Lid", {"jar": jar}) == 2


def test_absent_is_the_default_and_null_is_null(jars: Behaviour) -> None:
    """An absent value becomes its default; an explicit null does not."""
    model = Model(plain_behaviour(jars), lambda: NOW)

    assert model.add("Jar", {"label": "a"}) == 1
    assert model.rows["Jar"][1]["room"] == 10
    assert code_of(model.add, "Jar", {"label": "b", "room": None}) == "jar_room_required"


def test_a_row_may_reference_itself_once_it_exists() -> None:
    """The id a new row will get is not there yet; afterwards it is, and does not hold the row."""
    node = Entity(name="Node", fields=(Field(name="next", type="reference", entity="Node"),))
    model = model_of(node)

    assert code_of(model.add, "Node", {"next": 1}) == "node_not_found"
    model.add("Node", {})
    model.update("Node", 1, {"next": 1})
    model.remove("Node", 1)
    assert model.state() == {"Node": []}


def test_each_fixes_its_rows_first_and_sees_what_was_written() -> None:
    """Rows that match are fixed before the first change; each row's values see the rows written before it."""
    item = Entity(name="Item", fields=(Field(name="rank", type="integer", required=True),))
    spread = Operation(
        name="spread",
        changes=(
            Change(
                kind="set",
                each=Expression(text="Item as item where item.rank == 0"),
                target=Expression(text="item"),
                assignments=(Assignment(field="rank", value=Expression(text="sum(Item as other: other.rank) + 1")),),
            ),
        ),
        returns=Expression(text="select(Item as item where item.rank > 1)"),
    )
    model = model_of(item, operations=(spread,))
    for _ in range(3):
        model.add("Item", {"rank": 0})

    result = model.call("spread", {})

    assert [row["rank"] for row in model.state()["Item"]] == [1, 2, 4]
    assert result == [{"rank": 2, "id": 2}, {"rank": 4, "id": 3}]


def test_each_is_decided_before_its_first_change() -> None:
    """A change to one row does not take the next one out of the selection."""
    item = Entity(name="Item", fields=(Field(name="rank", type="integer", required=True),))
    start = Operation(
        name="start",
        changes=(
            Change(
                kind="set",
                each=Expression(text="Item as item where not exists(Item as other where other.rank > 0)"),
                target=Expression(text="item"),
                assignments=(Assignment(field="rank", value=Expression(text="5")),),
            ),
        ),
    )
    model = model_of(item, operations=(start,))
    for _ in range(3):
        model.add("Item", {"rank": 0})

    assert model.call("start", {}) is None
    assert [row["rank"] for row in model.state()["Item"]] == [5, 5, 5]


def test_an_error_half_way_takes_back_rows_and_ids() -> None:
    """The row that was created before the error is gone, and so is its id."""
    item = Entity(name="Item", fields=(Field(name="rank", type="integer", minimum=0),))
    two = Operation(
        name="two",
        inputs=(Field(name="second", type="integer"),),
        changes=(
            Change(kind="create", entity="Item", assignments=(Assignment(field="rank", value=Expression(text="1")),)),
            Change(
                kind="create", entity="Item", assignments=(Assignment(field="rank", value=Expression(text="second")),)
            ),
        ),
    )
    model = model_of(item, operations=(two,))

    assert code_of(model.call, "two", {"second": -1}) == "item_rank_range"
    assert model.state() == {"Item": []}
    assert model.add("Item", {}) == 1


def test_the_values_of_one_change_are_computed_before_any_is_written() -> None:
    """Two fields can change places."""
    pair = Entity(name="Pair", fields=(Field(name="a", type="integer"), Field(name="b", type="integer")))
    swap = Operation(
        name="swap",
        inputs=(Field(name="pair", type="reference", entity="Pair", required=True),),
        changes=(
            Change(
                kind="set",
                target=Expression(text="pair"),
                assignments=(
                    Assignment(field="a", value=Expression(text="pair.b")),
                    Assignment(field="b", value=Expression(text="pair.a")),
                ),
            ),
        ),
        returns=Expression(text="pair"),
    )
    model = model_of(pair, operations=(swap,))
    model.add("Pair", {"a": 1, "b": 2})

    assert model.call("swap", {"pair": 1}) == {"a": 2, "b": 1, "id": 1}


def test_relations_aggregates_and_null_targets() -> None:
    """Aggregates run over rows in order of id; nothing to run over is 0 or false; a null target is not found."""
    box = Entity(
        name="Box",
        fields=(Field(name="name", type="text"), Field(name="outer", type="reference", entity="Box")),
        relations=(Relation(name="boxes", entity="Box", by="outer"),),
    )
    look = Operation(
        name="look",
        inputs=(Field(name="box", type="reference", entity="Box"),),
        returns=Expression(
            text="count(box.boxes as inner) * 100 + sum(Box as b where b.outer == box: b.id)"
            " + if(exists(box.boxes as c where c.name is null), 10000, 0)"
        ),
    )
    open_ = Operation(
        name="open",
        inputs=(Field(name="box", type="reference", entity="Box"),),
        changes=(Change(kind="delete", target=Expression(text="box.outer")),),
    )
    model = model_of(box, operations=(look, open_))
    model.add("Box", {"name": "big"})
    model.add("Box", {"outer": 1})
    model.add("Box", {"name": "c", "outer": 1})

    assert model.call("look", {"box": 1}) == 10205
    assert model.call("look", {"box": 3}) == 0
    assert model.call("look", {}) == 1
    assert code_of(model.call, "open", {"box": 1}) == "box_not_found"
    assert code_of(model.call, "open", {"box": 2}) == "box_in_use"


def test_constraints_see_the_written_row_in_place() -> None:
    """A constraint counts the row it is about, and a null check is a violation."""
    entry = Entity(
        name="Entry",
        fields=(Field(name="size", type="integer"),),
        constraints=(
            Constraint(name="few", check=Expression(text="count(Entry as e) <= 2"), error="too_many"),
            Constraint(name="sized", check=Expression(text="size > 0"), error="no_size"),
        ),
    )
    model = model_of(entry)

    assert code_of(model.add, "Entry", {}) == "no_size"
    model.add("Entry", {"size": 1})
    model.add("Entry", {"size": 1})
    assert code_of(model.add, "Entry", {"size": 1}) == "too_many"


def test_guards_are_evaluated_in_order(jars: Behaviour) -> None:
    """The first guard that is false ends the call with its error."""
    take = jars.operation("take")
    always = Guard(error="never", that=Expression(text="amount < 0"))
    behaviour = evolve(jars, operations=(evolve(take, requires=(always, *take.requires)),))
    model = Model(plain_behaviour(behaviour), lambda: NOW)
    model.add("Jar", {"label": "a"})

    assert code_of(model.call, "take", {"jar": 1, "amount": 5}) == "never"


def test_decimals_are_kept_as_decimals_and_compare_by_value() -> None:
    """An integer becomes a decimal; equal decimals clash in a unique field whatever their digits."""
    price = Entity(name="Price", fields=(Field(name="value", type="decimal", unique=True),))
    model = model_of(price)
    model.add("Price", {"value": 1})

    assert type(model.rows["Price"][1]["value"]) is Decimal
    assert code_of(model.add, "Price", {"value": Decimal("1.00")}) == "price_value_unique"
    assert code_of(model.add, "Price", {"value": Decimal("NaN")}) == "price_value_type"
    assert code_of(model.add, "Price", {"value": 10**100}) == "price_value_type"


def test_needs_the_standard_library_only() -> None:
    """The module is written into generated packages as it is, so it imports nothing that is not there."""
    tree = ast.parse(Path(str(interpreter.__file__)).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert imported == {"__future__", "re", "collections.abc", "datetime", "decimal", "typing"}
