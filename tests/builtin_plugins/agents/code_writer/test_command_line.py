"""The generated command line, through click's own runner."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent_dispatcher.models import Behaviour, Field, Operation, Specification

from .conftest import Load, Package, expression, specification

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(load: Load, shop: Specification, tmp_path: Path) -> Invoke:
    """Runs a command of the shop on one database."""
    package = load(shop)
    return _runner(package, tmp_path / "shop.db")


def _runner(package: Package, database: Path) -> Invoke:
    main = package.module("cli").main
    return lambda *argv: CliRunner().invoke(main, ["--database", str(database), *argv])


def test_operation_prints_one_line_of_json(invoke: Invoke) -> None:
    """Rows are objects with the id first and the specification's names; references are ids."""
    assert invoke("add-box", "--label", "a", "--price", "12.50").exit_code == 0
    result = invoke("pack", "--box", "1", "--weight", "3")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    packed = json.loads(result.stdout)
    assert list(packed) == ["id", "box", "weight", "packed_at"]
    assert (packed["id"], packed["box"], packed["weight"]) == (1, 1, 3)
    assert json.loads(invoke("show-box", "1").stdout) == {
        "id": 1,
        "label": "a",
        "class": 2,
        "price": "12.50",
        "inside": None,
    }
    assert [json.loads(line)["id"] for line in invoke("list-item").stdout.splitlines()] == [1]


def test_refusal_is_exit_code_1_with_its_code(invoke: Invoke) -> None:
    """A domain error is one line on stderr; a missing required input is one too."""
    result = invoke("pack", "--box", "7", "--weight", "3")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: box_not_found: There is no such box.\n"
    assert invoke("pack", "--weight", "3").stderr.startswith("error: pack_box_required: ")
    assert invoke("show-item", "1").stderr.startswith("error: item_not_found: ")
    assert invoke("add-box", "--label", "0123456789").stderr.startswith("error: box_label_length: ")


@pytest.mark.parametrize(
    "argv",
    [
        ("pack", "--box", "one", "--weight", "3"),
        ("pack", "--colour", "red"),
        ("unpack",),
        ("show-box",),
        ("add-box", "--label", "a", "--price", "cheap"),
        ("add-item", "--weight", "1", "--packed-at", "yesterday"),
    ],
)
def test_wrong_usage_is_exit_code_2(invoke: Invoke, argv: tuple[str, ...]) -> None:
    """What cannot be read as its type, or is not known, is wrong usage."""
    result = invoke(*argv)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


def test_defaults_and_nothing(invoke: Invoke) -> None:
    """An option that is not given is as if the input were absent; an operation without a result prints null."""
    assert json.loads(invoke("add-box", "--label", "a").stdout)["class"] == 1
    assert json.loads(invoke("add-box", "--label", "b", "--class", "-0").stdout)["class"] == 0
    assert invoke("throw-away", "--box", "1").stdout == "true\n"
    assert json.loads(invoke("heavy").stdout) == []


def test_help_leaves_no_database_behind(invoke: Invoke, tmp_path: Path) -> None:
    """Asking for help opens nothing."""
    assert "--weight" in invoke("pack", "--help").stdout
    assert not (tmp_path / "shop.db").exists()


def test_damaged_database_is_named(invoke: Invoke, tmp_path: Path) -> None:
    """A file that is no database ends in one line, not in a traceback."""
    (tmp_path / "shop.db").write_text("this is a text file and no database; long enough to be read as one")
    result = invoke("list-box")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: cannot use the database {tmp_path / 'shop.db'}: ")


def test_values_of_every_type_are_read(load: Load, tmp_path: Path) -> None:
    """Booleans are true and false, dates ISO 8601, decimals exact; every type comes out as text or JSON's own."""
    types = ("text", "integer", "decimal", "boolean", "date", "datetime")
    echo = Operation(
        name="echo_text",
        inputs=tuple(Field(name=f"a_{kind}", type=kind) for kind in types),
        returns=expression("a_text"),
    )
    others = tuple(
        Operation(name=f"echo_{kind}", inputs=echo.inputs, returns=expression(f"a_{kind}")) for kind in types[1:]
    )
    source = specification(Behaviour(package="echo", operations=(echo, *others)))
    invoke = _runner(load(source), tmp_path / "echo.db")
    values: dict[str, tuple[str, Any]] = {
        "text": ("-x \u2028 ü", "-x \u2028 ü"),
        "integer": ("-12", -12),
        "decimal": ("1.50", "1.50"),
        "boolean": ("false", False),
        "date": ("2026-02-28", "2026-02-28"),
        "datetime": ("2026-02-28T12:30:00", "2026-02-28T12:30:00"),
    }
    for kind, (given, expected) in values.items():
        result = invoke(f"echo-{kind}", f"--a-{kind}", given)
        assert result.exit_code == 0, result.output
        assert len(result.stdout.splitlines()) == 1
        assert json.loads(result.stdout) == expected
        assert invoke(f"echo-{kind}").stdout == "null\n"
    assert invoke("echo-boolean", "--a-boolean", "yes").exit_code == 2
    assert invoke("echo-date", "--a-date", "2026-02-30").exit_code == 2
