"""The tester with a model: independent of the code, red without it, and never weaker."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.extension.components import Available
from agent_dispatcher.models import ArtifactRef, Specification, Task
from agent_dispatcher_builtins.agents.by_model.options import ModelOptions
from agent_dispatcher_builtins.agents.tester.acceptance import TesterOptions, accepts
from agent_dispatcher_builtins.agents.tester.agent import TesterAgent
from agent_dispatcher_builtins.agents.tester.hooks import tester

pytestmark = pytest.mark.sandbox

PATH = "tests/test_text.py"
GOOD = """import pytest

from slugs.text import slugify


@pytest.mark.parametrize(("title", "slug"), [("Hello World", "hello-world"), ("", "")])
def test_titles(title, slug):
    assert slugify(title) == slug


def test_numbers_are_refused():
    with pytest.raises(TypeError):
        slugify(7)
"""
CODE = "def slugify(title):\n    SECRET = 'as it is implemented'\n    return title\n"


def reply(text: str) -> str:
    """A reply with the file of tests."""
    return f"FILE: {PATH}\n```python\n{text}```\n"


@pytest.fixture
def task() -> Task:
    """Tests of the code task."""
    return Task(
        id="test-slugify",
        title="Test slugify",
        type="testing",
        requirements=("FR-1",),
        verifies=("slugify",),
        produces=(ArtifactRef(type="path", name=PATH),),
    )


@pytest.fixture
def write(play: Any, task: Task, code_task: Task) -> Any:
    """Run the tester on the task."""

    def run(replies: list[str], files: dict[str, str] | None = None, own: Task = task, **options: Any) -> Any:
        promised = {code_task.id: code_task.produces, own.id: own.produces}
        return play(TesterAgent(ModelOptions(**options)), own, replies, files, promised=promised)

    return run


def test_tests_are_written_before_their_subject_is_there(write: Any) -> None:
    """They are collected, each is red, and the file is all that is left."""
    done, llm = write([reply(GOOD)])
    assert (done.result.status, done.result.error) == ("done", None)
    assert set(done.files) == {PATH}
    assert "3 tests, each red without its subject" in done.result.summary
    assert "from slugs.text import slugify" in llm.requests[0].messages[-1].content


def test_the_code_under_test_is_never_seen(write: Any, task: Task) -> None:
    """Not in what the model is told, and not in what the tests are run against: they are red although the code is there."""
    there = {
        "src/slugs/text.py": CODE,
        "src/slugs/__init__.py": "",
        "src/slugs/other.py": "def title_words(title): return title.split()\n",
    }
    bad = GOOD.replace("slugify(7)", "slug(7)")
    own = evolve(task, consumes=(ArtifactRef(type="symbol", name="slugs.other:title_words"),))
    done, llm = write([reply(bad), reply(GOOD)], there, own)
    assert done.result.status == "done"
    assert "3 tests, each red" in done.result.summary
    told = "\n".join(message.content for request in llm.requests for message in request.messages)
    assert "title_words" in told
    assert "as it is implemented" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "\n\ndef test_it():\n    assert True\n", "test_it cannot fail"),
        (GOOD + "\n\ndef test_it():\n    assert 'a b'.split() == ['a', 'b']\n", "test_it cannot fail"),
        (GOOD.replace("TypeError", "Exception"), "test_numbers_are_refused passes although"),
        (GOOD.replace("def test_titles", "@pytest.mark.skip\ndef test_titles"), "test_titles cannot fail"),
        (GOOD.replace("slugify(title)", "slugify(titel)"), "titel"),
        (GOOD.replace("slugs.text", "slugs.words"), "No module named 'slugs"),
        ("from slugs.text import slugify\n", "no test was found"),
        (GOOD.replace("def test_titles(", "def test_titles(:"), "does not compile"),
    ],
)
def test_what_proves_nothing_is_sent_back(write: Any, text: str, told: str) -> None:
    """With the name of the test and the reason."""
    done, llm = write([reply(text), reply(GOOD)])
    assert (done.result.status, done.result.error) == ("done", None)
    assert told in llm.requests[1].messages[-1].content


def test_it_writes_no_code(write: Any) -> None:
    """A model that brings the implementation along is told to leave it."""
    both = reply(GOOD) + f"FILE: src/slugs/text.py\n```python\n{CODE}```\n"
    done, _ = write([both], rounds=1)
    assert done.result.status == "failed"
    assert "src/slugs/text.py may not be written" in str(done.result.error)
    assert done.files == {}


def test_tests_that_are_there_are_not_weakened(write: Any) -> None:
    """Whoever goes on with a file of tests keeps what it proves; the refusal shows what would be gone."""
    less = GOOD.replace(', ("", "")', "").replace(
        "    with pytest.raises(TypeError):\n        slugify(7)\n", "    slugify(7)\n"
    )
    done, _ = write([reply(less)], {PATH: GOOD}, rounds=1)
    assert done.result.status == "failed"
    assert "test_titles has 1 cases, and had 2" in str(done.result.error)
    assert "lost an assertion: 'pytest.raises(TypeError)'" in str(done.result.error)


def test_a_task_without_a_file_gets_one_of_its_own(write: Any, task: Task) -> None:
    """Named after the task; one that is there already it leaves alone."""
    own = evolve(task, produces=())
    done, _ = write(
        [reply(GOOD).replace(PATH, "tests/test_slugify.py")], own=evolve(own, id="slugify-checks"), rounds=1
    )
    assert "only tests/test_slugify_checks.py is asked for" in str(done.result.error)
    done, _ = write([f"```python\n{GOOD}```"], own=own)
    assert set(done.files) == {"tests/test_slugify.py"}
    there = {"tests/test_slugify.py": "def test_mine():\n    assert 1 + 1 == 2\n"}
    done, _ = write([reply(GOOD).replace(PATH, "tests/test_slugify_2.py")], there, own=own)
    assert set(done.files) == {*there, "tests/test_slugify_2.py"}
    assert done.files["tests/test_slugify.py"] == there["tests/test_slugify.py"]


def test_it_takes_prose_only_with_a_model(slugs: Specification, task: Task) -> None:
    """What is not declared it cannot derive."""
    available = Available(specification=slugs, language="python")
    assert "nothing is declared" in str(accepts(task, available))
    assert accepts(task, evolve(available, llm="some")) is None


def test_options_reach_the_agent() -> None:
    """What is configured for the agent type is how it asks."""
    (offered,) = tester.dispatcher_agent_types()
    agent: Any = offered.factory(TesterOptions(rounds=7), None)  # type: ignore[arg-type]
    assert agent._options == ModelOptions(rounds=7)
