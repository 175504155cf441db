"""Values to plain data and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import field, frozen, has
from attrs.validators import ge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_dispatcher import models
from agent_dispatcher.codec import (
    close_matches,
    from_json,
    make_converter,
    read,
    structure,
    suggestion,
    to_json,
    unstructure,
)
from agent_dispatcher.errors import ConfigError, SpecificationError, StoreError
from agent_dispatcher.models import (
    ArtifactRef,
    Behaviour,
    Dependency,
    Event,
    Evidence,
    Example,
    ExecutionPlan,
    ExecutionResult,
    Reason,
    Requirement,
    Specification,
    Task,
)

VALUES = sorted(
    (cls for cls in vars(models).values() if isinstance(cls, type) and has(cls)), key=lambda cls: cls.__name__
)

_scalar = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_row = st.dictionaries(st.text(max_size=5), _scalar, max_size=3)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.builds(
        Example,
        name=st.text(),
        operation=st.text(),
        inputs=_row,
        error=st.none() | st.text(),
        result=_scalar | _row | st.lists(_scalar | _row, max_size=3),
        counts=st.dictionaries(st.text(), st.integers(), max_size=2),
    )
)
def test_examples_round_trip(example: Example) -> None:
    """Whatever an example can hold comes back the same, with true still true and 1 still 1; also without what is left out as a default."""
    for sparse in (False, True):
        back = from_json(to_json(example, sparse=sparse), Example)
        assert back == example
        assert repr(back) == repr(example)


@pytest.mark.parametrize("cls", VALUES, ids=lambda cls: cls.__name__)
def test_every_model_is_known(cls: type) -> None:
    """Each class of the models can be read and refuses a key it does not have."""
    with pytest.raises(SpecificationError, match="unknown key 'no_such_key'"):
        structure({"no_such_key": 1}, cls)


def test_deep_values_round_trip() -> None:
    """A plan and a result with everything in them come back equal, through text."""
    specification = Specification(
        id="s",
        title="Ü",
        requirements=(Requirement(id="R1", text="x", scenarios=(models.Scenario(given=("a",)),)),),
        behaviour=Behaviour(
            package="p",
            entities=(
                models.Entity(
                    name="Book",
                    fields=(models.Field(name="pages", type="integer", minimum=1, default=None),),
                    constraints=(models.Constraint(name="c", check=models.Expression(text="pages > 1"), error="e"),),
                ),
            ),
            operations=(models.Operation(name="add", changes=(models.Change(kind="create", entity="Book"),)),),
            examples=(
                Example(name="n", operation="add", then=(models.ExpectedRow(entity="Book", alias=None, values=None),)),
            ),
        ),
    )
    task = Task(id="t", title="T", produces=(ArtifactRef(type="path", name="a.py"),), estimate_s=2.5)
    plan = ExecutionPlan(
        specification=specification,
        tasks=(task,),
        dependencies=(Dependency(before="a", after="b", reasons=(Reason(rule="r"),)),),
        phases=(("t",), ()),
    )
    result = ExecutionResult(
        run="r",
        status="completed",
        specification=specification,
        final_evidence=(
            Evidence(id="e", check="c", passed=True, details={"tests": 3, "failed": ["x"], "deep": {"y": None}}),
        ),
    )
    event = Event(run="r", type="message", at=1.5, data={"payload": [1, {"b": None}]})
    for value in (plan, result, event):
        assert from_json(to_json(value), type(value)) == value
        assert from_json(to_json(value, sparse=True), type(value)) == value
    assert json.loads(to_json(task, sparse=True)) == {
        "id": "t",
        "title": "T",
        "produces": [{"type": "path", "name": "a.py"}],
        "estimate_s": 2.5,
    }


@frozen(kw_only=True)
class Inner:
    """A value with a validator."""

    size: int = field(default=0, validator=ge(0))


@frozen(kw_only=True)
class Outer:
    """A value of every sort."""

    name: str
    flag: bool = False
    ratio: float = 0.0
    path: Path = Path()
    words: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    pair: tuple[str, int] = ("", 0)
    inner: Inner = field(factory=Inner)
    by_name: dict[str, Inner] = field(factory=dict)
    maybe: int | None = None


def test_sorts_round_trip_and_sets_are_sorted() -> None:
    """Paths, sets, pairs and nested values come back; keys keep their order unless canonical text is wanted."""
    value = Outer(
        name="x", path=Path("a/b"), tags=frozenset("cab"), pair=("y", 2), by_name={"k": Inner(size=1)}, maybe=3
    )
    assert unstructure(value)["tags"] == ["a", "b", "c"]
    assert from_json(to_json(value), Outer) == value
    assert to_json(Outer(name="x", tags=frozenset("bca"))) == to_json(Outer(name="x", tags=frozenset("abc")))
    assert to_json({"b": 1, "a": "ü\ud800"}) == '{"b":1,"a":"\\u00fc\\ud800"}'
    assert to_json({"b": 1, "a": 2}, canonical=True) == to_json({"a": 2, "b": 1}, canonical=True)
    assert json.loads(to_json(value, indent=2)) == unstructure(value)


def faults(data: object, cls: type = Outer) -> list[str]:
    """The problems of reading, as users see them."""
    with pytest.raises(ConfigError) as caught:
        structure(data, cls, where="f.toml", error=ConfigError)
    return [str(problem).removeprefix("f.toml: ") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "name: it is missing"),
        ({"name": 3}, "name: expected text, found the integer 3"),
        ({"name": None}, "name: expected text, found nothing"),
        ({"name": "x", "flag": 1}, "flag: expected true or false, found the integer 1"),
        ({"name": "x", "flag": "true"}, "flag: expected true or false, found the text 'true'"),
        ({"name": "x", "ratio": True}, "ratio: expected a number, found true"),
        ({"name": "x", "words": "abc"}, "words: expected a list of texts, found the text 'abc'"),
        ({"name": "x", "words": ["a", 2]}, "words[1]: expected text, found the integer 2"),
        ({"name": "x", "pair": ["a"]}, "pair: expected 2 values, found 1"),
        ({"name": "x", "inner": 3}, "inner: expected a table of keys and values, found the integer 3"),
        ({"name": "x", "inner": {"size": -1}}, "inner.size: 'size' must be >= 0: -1"),
        ({"name": "x", "by_name": {"k": {"size": 1.5}}}, "by_name.k.size: expected an integer, found the number 1.5"),
        ({"name": "x", "by_name": []}, "by_name: expected a table of keys and values, found a list"),
        ({"name": "x", "maybe": "3"}, "maybe: expected an integer, found the text '3'"),
        ({"name": "x", "inner": {"size": True}}, "inner.size: expected an integer, found true"),
        ({"name": "x", "inner": {"siez": 1}}, "inner.siez: unknown key 'siez' (did you mean 'size'?)"),
        ({"name": "x", "zzz\x1b": 1}, "zzz\\x1b: unknown key"),
        ([], "expected a table of keys and values, found a list"),
    ],
)
def test_message_says_where_and_what(data: object, message: str) -> None:
    """A fault gives the path of keys, what was expected and what was found."""
    (text,) = faults(data)
    assert text.startswith(message)


def test_all_faults_at_once() -> None:
    """Reading goes on after a fault and reports all of them."""
    assert len(faults({"flag": 3, "words": [1, "a", 2], "inner": {"a": 1, "size": "b"}})) == 6


def test_nesting_is_an_error_not_a_crash() -> None:
    """Data nested without end is a clean error."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SpecificationError, match=r"unknown key|nested too deeply|expected"):
        structure({"name": "x", "by_name": {"k": deep}}, Outer)
    with pytest.raises(StoreError, match="is damaged"):
        from_json("[" * 100_000, Outer, where="blob")


@pytest.mark.parametrize("text", ["{", '{"name": 1}', "[]", "\x00"])
def test_damaged_state_is_a_store_error(text: str) -> None:
    """Stored data that cannot be read names what it is."""
    with pytest.raises(StoreError, match="the blob"):
        from_json(text, Outer, where="the blob")


def test_a_converter_of_ones_own_can_be_extended() -> None:
    """Each call makes a new converter; a hook added to one is in no other."""
    mine = make_converter()
    mine.register_structure_hook(Inner, lambda value, _: Inner(size=99))
    assert read({"name": "x", "inner": {}}, Outer, mine).inner == Inner(size=99)
    assert read({"name": "x", "inner": {}}, Outer).inner == Inner()


def test_suggestions() -> None:
    """Close words first, whatever their case and dashes; else what there is."""
    assert close_matches("max-worker", ["max_workers", "zeal"]) == ["max_workers"]
    assert suggestion("Patern", ["pattern", "listed"]) == "did you mean 'pattern'?"
    assert suggestion("zzz", ["b", "a"]) == "possible: a, b"
    assert suggestion("zzz", []) == "there are none"
