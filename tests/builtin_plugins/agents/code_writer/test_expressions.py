"""Compiled expressions mean what the language says, above all where something is null."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from agent_dispatcher.behaviour import Scope, Type, parse
from agent_dispatcher.models import Behaviour, Entity, Field, Operation, Relation
from agent_dispatcher_builtins.agents.code_writer.code import RowName
from agent_dispatcher_builtins.agents.code_writer.expressions import Compiler
from agent_dispatcher_builtins.agents.code_writer.generator import generate

from .conftest import Load, Package, expression, specification, write

#: Inputs of every type: those that begin with ``r`` are required, the others may be null.
_INPUTS = tuple(
    Field(name=f"{prefix}{letter}", type=kind, required=required)
    for prefix, required in (("", False), ("r", True))
    for letter, kind in (
        ("n", "integer"),
        ("d", "decimal"),
        ("t", "text"),
        ("b", "boolean"),
        ("day", "date"),
        ("at", "datetime"),
    )
)
_REQUIRED = {
    "rn": 7,
    "rd": Decimal("2.5"),
    "rt": "Hello",
    "rb": True,
    "rday": date(2026, 2, 28),
    "rat": datetime(2026, 2, 28, 12),
}
_NOTHING: dict[str, Any] = {}
_ALL = {
    "n": -3,
    "d": Decimal("0.10"),
    "t": " lo ",
    "b": False,
    "day": date(9999, 12, 31),
    "at": datetime(2026, 2, 28, 14, 30),
}

_CASES: list[tuple[str, dict[str, Any], Any]] = [
    # null spreads
    ("n + 1", _NOTHING, None),
    ("rn + n * 2", _ALL, 1),
    ("-n", _NOTHING, None),
    ("-(n - rn)", _ALL, 10),
    ("abs(n)", _ALL, 3),
    ("abs(n)", _NOTHING, None),
    ("length(t)", _NOTHING, None),
    ("length(trim(t))", _ALL, 2),
    ("length(trim(t))", _NOTHING, None),
    ("upper(rt) + t", _ALL, "HELLO lo "),
    ("rt + t", _NOTHING, None),
    ("contains(rt, t)", _NOTHING, None),
    ("contains(rt, trim(t))", _ALL, True),
    ("contains(rt, trim(t))", _NOTHING, None),
    ("starts_with(rt, 'He') and not ends_with(rt, 'x')", _NOTHING, True),
    ("year(day)", _NOTHING, None),
    ("year(rday) * 100 + month(rday)", _NOTHING, 202602),
    ("day(date(at))", _ALL, 28),
    ("day(date(at))", _NOTHING, None),
    ("integer(d)", _NOTHING, None),
    ("integer(-2.9)", _NOTHING, -2),
    # comparisons with null are false, equality is not
    ("n < 5", _NOTHING, False),
    ("not (n < 5)", _NOTHING, True),
    ("n >= 5 or n < 5", _NOTHING, False),
    ("n == null", _NOTHING, True),
    ("n != 5", _NOTHING, True),
    ("n in [1, 2]", _NOTHING, False),
    ("n not in [1, 2]", _NOTHING, True),
    ("n in [n, 2]", _NOTHING, False),
    ("rn in [n, 7]", _NOTHING, True),
    ("rn not in [7]", _NOTHING, False),
    ("n + 1 < rn", _NOTHING, False),
    ("n + 1 <= rn", _ALL, True),
    ("not (n + 1 > rn)", _NOTHING, True),
    ("n is not null and n < 0", _ALL, True),
    ("n is null or n < 0", _NOTHING, True),
    ("not (n is not null and n < 0)", _NOTHING, True),
    # conditions
    ("b", _NOTHING, None),
    ("not b", _NOTHING, True),
    ("b and rb", _NOTHING, False),
    ("rb or b", _NOTHING, True),
    ("b == false", _NOTHING, False),
    ("(b and rb) is null", _NOTHING, False),
    ("b is null", _NOTHING, True),
    ("not (b or not rb)", _ALL, True),
    ("null", _NOTHING, None),
    ("rb == (n < 5)", _ALL, True),
    # numbers
    ("rn / 2", _NOTHING, Decimal("3.5")),
    ("rn / 0", _NOTHING, None),
    ("rn / n", _ALL, Decimal(7) / Decimal(-3)),
    ("rn % n", _ALL, -2),
    ("rn % 0", _NOTHING, None),
    ("rn % 4", _NOTHING, 3),
    ("d * rn", _ALL, Decimal("0.70")),
    ("rd + rn", _NOTHING, Decimal("9.5")),
    ("1.0 == 1.00", _NOTHING, True),
    ("round(rd, 0)", _NOTHING, Decimal("2")),
    ("round(0.125, 2)", _NOTHING, Decimal("0.12")),
    ("round(rn, 2)", _NOTHING, Decimal("7")),
    ("min(rn, rd)", _NOTHING, Decimal("2.5")),
    ("max(n, rn)", _ALL, 7),
    ("max(n, rn)", _NOTHING, None),
    ("min(rn, 3) - 2 * (1 + 1)", _NOTHING, -1),
    ("10 - (3 - 2)", _NOTHING, 9),
    ("coalesce(n, rn)", _NOTHING, 7),
    ("coalesce(n + 1, 0)", _ALL, -2),
    ("coalesce(n, rd)", _ALL, Decimal(-3)),
    ("if(b, 1, 2.5)", _NOTHING, Decimal("2.5")),
    ("if(n is null, 0, n)", _ALL, -3),
    ("if(rb, if(b, 1, 2), 3) + 1", _ALL, 3),
    # dates
    ("rday + days(1)", _NOTHING, date(2026, 3, 1)),
    ("day + days(1)", _ALL, None),
    ("rday - days(rn)", _NOTHING, date(2026, 2, 21)),
    ("rday + days(rn * 1000000000)", _NOTHING, None),
    ("day - rday", _NOTHING, None),
    ("day - rday > 5", _ALL, True),
    ("(rday + days(3)) - rday", _NOTHING, 3),
    ("rat + hours(2) - minutes(30)", _NOTHING, datetime(2026, 2, 28, 13, 30)),
    ("at - rat == hours(2) + minutes(30)", _ALL, True),
    ("at - rat < hours(n)", _NOTHING, False),
    ("-days(2) < days(1)", _NOTHING, True),
    ("now() - rat >= days(1)", _NOTHING, True),
    ("today() == date('2026-03-15')", _NOTHING, True),
    ("now() > datetime('2026-03-15T09:59:59')", _NOTHING, True),
    ("rday < today()", _NOTHING, True),
]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    """One package with an operation for every case, asked for all of them at once."""
    operations = tuple(
        Operation(name=f"case_{index}", inputs=_INPUTS, returns=expression(text))
        for index, (text, _, _) in enumerate(_CASES)
    )
    folder = tmp_path_factory.mktemp("cases")
    write(folder, generate(specification(Behaviour(package="all_cases", operations=operations))))
    sys.path.insert(0, str(folder / "src"))
    importlib.invalidate_caches()
    yield Package("all_cases", folder)
    sys.path.remove(str(folder / "src"))
    for name in [key for key in sys.modules if key.split(".")[0] == "all_cases"]:
        del sys.modules[name]


@pytest.mark.parametrize("index", range(len(_CASES)), ids=[f"{t} {'all' if g else ''}" for t, g, _ in _CASES])
def test_expression_has_its_value(evaluated: Any, index: int) -> None:
    """The compiled text gives what the language's page says, of the right Python type."""
    _, given, expected = _CASES[index]
    with evaluated.storage(now="2026-03-15T10:00:00") as storage:
        found = getattr(evaluated.operations, f"case_{index}")(storage, **_REQUIRED, **given)
    assert found == expected
    assert type(found) is type(expected)


def test_all_cases_pass_the_strict_type_checker(evaluated: Any) -> None:
    """Nullable operands, helpers and casts are typed as they are used."""
    mypy = pytest.importorskip("mypy.api")
    out, _, code = mypy.run(["--strict", f"--cache-dir={os.devnull}", str(evaluated.folder / "src")])
    assert code == 0, out


# --- what the text looks like

_PEN = Entity(
    name="Pen",
    fields=(
        Field(name="owner", type="reference", entity="Person", required=True),
        Field(name="lent_to", type="reference", entity="Person"),
        Field(name="length", type="integer"),
        Field(name="price", type="decimal", required=True),
    ),
)
_PERSON = Entity(
    name="Person",
    fields=(
        Field(name="name", type="text", required=True),
        Field(name="born", type="date"),
        Field(name="boss", type="reference", entity="Person"),
    ),
    relations=(Relation(name="pens", entity="Pen", by="owner"),),
)
_DESK = Behaviour(package="desk", entities=(_PEN, _PERSON))


def _compiler() -> Compiler:
    names = {"pen": Type("row", "Pen"), "who": Type("row", "Person"), "n": Type("integer"), "x": Type("integer")}
    return Compiler(
        behaviour=_DESK,
        scope=Scope(_DESK, names),
        rows={
            "pen": RowName(entity=_PEN, ident="pen", row="pen_row"),
            "who": RowName(entity=_PERSON, ident="who", row="who_row", row_nullable=True, nullable=True),
        },
        fields={"n": ("n", False), "x": ("x", True)},
    )


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("pen.price * n", "pen_row.price * n"),
        ("pen.owner.name", "storage.require(Person, pen_row.owner).name"),
        ("pen.lent_to.name", "values.apply(lambda row: row.name, storage.get(Person, pen_row.lent_to))"),
        ("who.name", "who_row.name if who_row is not None else None"),
        ("pen.owner.id", "pen_row.owner"),
        ("count(Pen as p)", "len(storage.all(Pen))"),
        ("count(pen.owner.pens as p)", "len(storage.where(Pen, owner=pen_row.owner))"),
        ("sum(Pen as p: p.price)", "sum((p.price for p in storage.all(Pen)), Decimal(0))"),
        (
            "sum(Pen as p where p.length > 3: p.length)",
            "sum(p.length for p in storage.all(Pen) if p.length is not None and p.length > 3)",
        ),
        ("sum(Pen as l: l.length)", "sum(pen_l.length for pen_l in storage.all(Pen) if pen_l.length is not None)"),
    ],
)
def test_values_read_like_hand_written_code(text: str, python: str) -> None:
    """No helper where nothing can be null, no condition twice, references looked up by the storage."""
    assert _compiler().value(parse(text)).text == python


@pytest.mark.parametrize(
    ("text", "holds", "fails"),
    [
        ("n > 3", "n > 3", "n <= 3"),
        ("x > 3", "x is not None and x > 3", "x is None or x <= 3"),
        ("x is null or x > 3", "x is None or x > 3", "x is not None and x <= 3"),
        ("x + 1 > 3", "values.less(3, values.add(x, 1))", "not values.less(3, values.add(x, 1))"),
        ("not exists(Pen as p)", "not storage.all(Pen)", "storage.all(Pen)"),
        (
            "exists(Pen as p where p.owner == pen.owner and p.length == 2)",
            "any(p.length == 2 for p in storage.where(Pen, owner=pen_row.owner))",
            "not any(p.length == 2 for p in storage.where(Pen, owner=pen_row.owner))",
        ),
        ("pen.owner == who", "pen_row.owner == who", "pen_row.owner != who"),
        ("who is null", "who_row is None", "who_row is not None"),
        ("n in [1, 2] and not (n == 1)", "n in (1, 2) and n != 1", "n not in (1, 2) or n == 1"),
        ("contains(pen.owner.name, 'x')", None, '"x" not in storage.require(Person, pen_row.owner).name'),
    ],
)
def test_conditions_are_negated_from_within(text: str, holds: str | None, fails: str) -> None:
    """A guard that must hold becomes the test that it does not."""
    if holds is not None:
        assert _compiler().condition(parse(text)).text == holds
    assert _compiler().condition(parse(text), negated=True).text == fails


def test_rows_of_optional_references(load: Load) -> None:
    """A field of no row is null; a selection over a relation of no row is empty; null equals null."""
    person = Field(name="who", type="reference", entity="Person")
    texts = {
        "boss_name": "who.boss.name",
        "pen_count": "count(who.boss.pens as p)",
        "same_boss": "count(Person as p where p.boss == who.boss)",
        "older": "exists(Person as p where p.born < who.born)",
    }
    operations = tuple(Operation(name=name, inputs=(person,), returns=expression(text)) for name, text in texts.items())
    package = load(specification(Behaviour(package="desk", entities=(_PEN, _PERSON), operations=operations)))
    person_class, pen_class = package.models.Person, package.models.Pen
    with package.storage() as storage:
        storage.add(person_class(name="Ada", born=date(1815, 12, 10)))
        storage.add(person_class(name="Bob", boss=1))
        storage.add(pen_class(owner=1, price=1))

        def ask(name: str, who: int | None) -> Any:
            return getattr(package.operations, name)(storage, who=who)

        assert [ask("boss_name", who) for who in (None, 1, 2)] == [None, None, "Ada"]
        assert [ask("pen_count", who) for who in (None, 1, 2)] == [0, 0, 1]
        assert [ask("same_boss", who) for who in (None, 1, 2)] == [1, 1, 1]
        assert [ask("older", who) for who in (None, 1, 2)] == [False, False, False]
