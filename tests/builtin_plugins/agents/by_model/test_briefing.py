"""What a model is told depends on the specification and on what is settled, never on how fast other tasks are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task
from agent_dispatcher.testing.context import context_for
from agent_dispatcher_builtins.agents.by_model.briefing import Briefing, brief
from agent_dispatcher_builtins.agents.by_model.named import symbols_of
from agent_dispatcher_builtins.languages.python.language import Python

SAID = 'slugify(title) makes a slug. slugify("A b") returns "a-b". sorted([2, 1]) returns [1, 2]. Then tidy(slug) is called.'
MODULE = ArtifactRef(type="path", name="src/shop/words.py")
TEST = ArtifactRef(type="path", name="tests/test_words.py")
TASK = Task(id="words", title="Write the words", requirements=("R1",), produces=(MODULE,))
PROMISED = {"words": (MODULE,), "test-words": (TEST,)}
SPECIFICATION = Specification(id="s", title="Shop", requirements=(Requirement(id="R1", text=SAID),))


def briefed(folder: Path, task: Task = TASK, **more: Any) -> Briefing:
    """What is told with a test of the task in the folder."""
    (folder / "tests").mkdir(exist_ok=True)
    (folder / TEST.name).write_text("from shop.words import slugify\n")
    context = context_for(task, SPECIFICATION, folder, language=Python(), **more)
    return brief(task, context, "code.jinja", max_input_tokens=3000, disputes=True, provided=())


def paths(briefing: Briefing) -> list[str]:
    """The files that are shown."""
    return [part.path for part in briefing.shown.parts]


def test_what_another_task_makes_at_the_same_time_is_not_shown(tmp_path: Path) -> None:
    """It may have landed or not; what nobody promises was there before, and what is settled is there for certain."""
    assert paths(briefed(tmp_path, promised=PROMISED)) == []
    assert paths(briefed(tmp_path, promised={"words": (MODULE,)})) == [TEST.name]
    settled = briefed(tmp_path, promised=PROMISED, settled=lambda: frozenset({"test-words"}))
    assert paths(settled) == [TEST.name]


def test_requirements_are_not_said_twice(tmp_path: Path) -> None:
    """A description that repeats them is told without them; what it says beside them stays."""
    task = Task(
        id="words",
        title="Write the words",
        description=f"Write src/shop/words.py.\n\nR1 (medium): {SAID}",
        requirements=("R1",),
        produces=(MODULE,),
    )
    asked = briefed(tmp_path, task).opening[1].content
    assert asked.count("makes a slug") == 1
    assert "Write src/shop/words.py." in asked


@pytest.mark.parametrize(
    ("produces", "expected"),
    [
        ((MODULE,), ("shop.words:slugify",)),
        ((MODULE, ArtifactRef(type="symbol", name="shop.words:tidy")), ("shop.words:tidy",)),
        ((MODULE, ArtifactRef(type="path", name="src/shop/more.py")), ()),
        ((TEST,), ()),
        ((), ()),
    ],
)
def test_functions_with_examples_are_expected_of_the_only_file(
    produces: tuple[ArtifactRef, ...], expected: tuple[str, ...]
) -> None:
    """Where no symbol is promised; not what is merely spoken of, what every program has, or what could be in either of two files."""
    assert symbols_of(produces, SAID, Python()) == expected


def test_a_long_refusal_is_told_from_its_beginning(tmp_path: Path) -> None:
    """As much as a quarter of what the model may be shown at once, or 4,000 characters, and that the rest is missing; a short one whole."""
    said = "both sides of the conflict\n" + "x" * 20_000
    short = briefed(tmp_path, feedback=said).opening[1].content
    assert "both sides of the conflict" in short
    assert short.count("x" * 100) == 39
    assert "... and 16027 more characters" in short
    context = context_for(TASK, SPECIFICATION, tmp_path, language=Python(), feedback=said)
    long = brief(TASK, context, "code.jinja", max_input_tokens=12_000, disputes=True, provided=())
    assert long.opening[1].content.count("x" * 100) == 89
    assert "more characters" not in briefed(tmp_path, feedback="x" * 4000).opening[1].content
