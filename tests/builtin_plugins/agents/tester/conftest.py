"""A small behaviour that tests can read at a glance, and the example specifications."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher.models import (
    Assignment,
    Behaviour,
    Change,
    Constraint,
    Entity,
    Example,
    ExpectedRow,
    Expression,
    Field,
    Guard,
    Operation,
    Record,
    Relation,
    Specification,
)
from agent_dispatcher_builtins.specifications.native import NativeFormat

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"


def expression(text: str) -> Expression:
    """An expression that stands nowhere."""
    return Expression(text=text)


@pytest.fixture
def jars() -> Behaviour:
    """Jars with marbles: put some in, take some out, never more than there are."""
    jar = Entity(
        name="Jar",
        fields=(
            Field(name="label", type="text", required=True, unique=True, min_length=1, max_length=8),
            Field(name="marbles", type="integer", required=True, default=0, minimum=0),
            Field(name="room", type="integer", required=True, default=10),
        ),
        relations=(Relation(name="lids", entity="Lid", by="jar"),),
        constraints=(
            Constraint(name="fits", check=expression("marbles <= room"), error="jar_too_full", source="jars.yaml:9"),
        ),
        source="jars.yaml:4",
    )
    lid = Entity(
        name="Lid",
        fields=(
            Field(name="jar", type="reference", entity="Jar", required=True),
            Field(name="closed_on", type="date"),
        ),
        source="jars.yaml:20",
    )
    take = Operation(
        name="take",
        inputs=(
            Field(name="jar", type="reference", entity="Jar", required=True),
            Field(name="amount", type="integer", required=True, minimum=1),
        ),
        requires=(
            Guard(error="closed", that=expression("not exists(jar.lids as lid)"), source="jars.yaml:33"),
            Guard(error="too_few", that=expression("amount <= jar.marbles"), source="jars.yaml:35"),
        ),
        changes=(
            Change(
                kind="set",
                target=expression("jar"),
                assignments=(Assignment(field="marbles", value=expression("jar.marbles - amount")),),
            ),
        ),
        returns=expression("jar.marbles"),
        source="jars.yaml:30",
    )
    example = Example(
        name="Two of five leave three",
        operation="take",
        given=(Record(entity="Jar", alias="blue", values={"label": "blue", "marbles": 5}, source="jars.yaml:44"),),
        inputs={"jar": "blue", "amount": 2},
        expects_result=True,
        result=3,
        then=(ExpectedRow(entity="Jar", alias="blue", values={"marbles": 3}, source="jars.yaml:48"),),
        counts={"Jar": 1},
        source="jars.yaml:42",
    )
    return Behaviour(package="jars", entities=(jar, lid), operations=(take,), examples=(example,))


@pytest.fixture(scope="session")
def lending_library() -> Specification:
    """The showcase."""
    return NativeFormat().load(EXAMPLES / "lending-library")


@pytest.fixture(scope="session", params=["lending-library", "machine-maintenance"])
def specification(request: pytest.FixtureRequest) -> Specification:
    """Each of the example specifications."""
    return NativeFormat().load(EXAMPLES / request.param)
