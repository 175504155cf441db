"""A behaviour that was built in memory is checked like one that was read."""

from __future__ import annotations

from attrs import evolve

from agent_dispatcher.behaviour import by_place, check_behaviour, close_matches, entity_slug, hint
from agent_dispatcher.errors import Problem
from agent_dispatcher.models import Behaviour, Constraint, Entity, Expression, Field, Guard, Operation

BOOK = Entity(name="Book", fields=(Field(name="title", type="text", required=True, source="s:3"),), source="s:2")
SOUND = Behaviour(package="library", entities=(BOOK,))


def test_sound() -> None:
    """Nothing is wrong with a sound behaviour."""
    assert check_behaviour(SOUND) == ()


def test_sorted_by_place() -> None:
    """Problems come in the order of their lines, whatever part they are found in."""
    late = Constraint(name="late", check=Expression(text="nothing", source="s:12"), error="late", source="s:12")
    guard = Guard(error="guard", that=Expression(text="nothing", source="s:9"), source="s:9")
    behaviour = evolve(
        SOUND,
        entities=(evolve(BOOK, constraints=(late,)),),
        operations=(Operation(name="lend", requires=(guard,), source="s:8"),),
    )
    assert [problem.where for problem in check_behaviour(behaviour)] == ["s:9", "s:12"]


def test_requirements_are_checked_when_known() -> None:
    """Ids of requirements are checked against those that are given, and left alone without any."""
    behaviour = evolve(SOUND, entities=(evolve(BOOK, requirements=("R1", "R2")),))
    assert check_behaviour(behaviour) == ()
    assert check_behaviour(behaviour, {"R1", "R2"}) == ()
    (problem,) = check_behaviour(behaviour, {"R1"})
    assert "there is no requirement 'R2': known are R1" in problem.what


def test_package_name() -> None:
    """The name of the package is snake case."""
    (problem,) = check_behaviour(evolve(SOUND, package="My Package"))
    assert "'My Package' cannot be the name of a package" in problem.what


def test_entities_that_differ_in_capitals() -> None:
    """Two entities whose names are one in snake case would share their error codes."""
    problems = check_behaviour(evolve(SOUND, entities=(evolve(BOOK, name="LoanItem"), evolve(BOOK, name="LOANItem"))))
    assert [problem.what for problem in problems] == [
        "the entities LoanItem and LOANItem differ only in capital letters"
    ]


def test_slug_of_an_entity() -> None:
    """Camel case becomes snake case, runs of capitals being one word."""
    assert [entity_slug(name) for name in ("Loan", "LoanItem", "HTTPServer", "Box2Item")] == [
        "loan",
        "loan_item",
        "http_server",
        "box2_item",
    ]


def test_order_of_places() -> None:
    """Lines are compared as numbers."""
    places = ["b:1", "a:10", "a:9:7", "a:9", ""]
    assert [problem.where for problem in sorted((Problem("x", place) for place in places), key=by_place)] == [
        "",
        "a:9",
        "a:9:7",
        "a:10",
        "b:1",
    ]


def test_hints() -> None:
    """A hint names what is close, else everything when that is little, else nothing."""
    assert close_matches("Membre", ["Member", "Book", "Metre"]) == ("Member",)
    assert hint("Membre", ["Member", "Book"]) == ": did you mean Member?"
    assert hint("zzz", ["b", "a"]) == ": known are a, b"
    assert hint("zzz", [f"name{number}" for number in range(13)]) == ""
