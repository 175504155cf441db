"""Large specifications in parts that fit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.models import Requirement, Scenario
from agent_dispatcher_builtins.decomposers.llm.parts import parts, weight


def requirement(name: str, words: int = 10, source: str = "") -> Requirement:
    return Requirement(id=name, text="word " * words, source=source)


def listed(names: str) -> list[Requirement]:
    return [requirement(name) for name in names.split()]


def names(found: list[tuple[Requirement, ...]]) -> list[str]:
    return [" ".join(each.id for each in part) for part in found]


def test_everything_a_requirement_says_weighs() -> None:
    """Scenarios, edge cases and constraints count like its text."""
    bare = Requirement(id="R", text="x")
    full = Requirement(
        id="R",
        text="x",
        scenarios=(Scenario(title="t" * 30, given=("g" * 30,), when=("w" * 30,), then=("t" * 30,)),),
        edge_cases=("e" * 30,),
        constraints=("c" * 30,),
    )
    assert weight(full) >= weight(bare) + 6 * 10


def test_a_part_ends_where_a_group_ends() -> None:
    """What shares a prefix of its id stays together, if that leaves no part less than half full."""
    found = parts(listed("1.1 1.2 1.3 2.1 2.2 2.3 2.4"), most_tokens=10_000, most=5)
    assert names(found) == ["1.1 1.2 1.3", "2.1 2.2 2.3 2.4"]
    found = parts(listed("1.1 2.1 2.2 2.3 2.4"), most_tokens=10_000, most=4)
    assert names(found) == ["1.1 2.1 2.2 2.3", "2.4"]


def test_another_file_is_another_group() -> None:
    """Requirements of one file stay together."""
    six = [requirement(f"R{n}", source=f"{'a' if n < 3 else 'b'}.md:{n}") for n in range(6)]
    assert names(parts(six, most_tokens=10_000, most=5)) == ["R0 R1 R2", "R3 R4 R5"]


def test_one_that_is_too_large_stands_alone() -> None:
    """It is not lost, and drags no other along."""
    found = parts([requirement("A"), requirement("B", 1000), requirement("C")], most_tokens=200, most=9)
    assert names(found) == ["A", "B", "C"]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("123"), st.integers(1, 60)), max_size=40),
    st.integers(60, 600),
    st.integers(1, 12),
)
def test_nothing_is_lost_or_moved(sizes: list[tuple[str, int]], most_tokens: int, most: int) -> None:
    """Parts joined are the requirements in their order, and each part fits or is a single requirement."""
    requirements = [requirement(f"{group}.{n}", words) for n, (group, words) in enumerate(sizes)]
    found = parts(requirements, most_tokens=most_tokens, most=most)
    assert [each for part in found for each in part] == requirements
    for part in found:
        assert len(part) <= most
        assert sum(map(weight, part)) <= most_tokens or len(part) == 1
