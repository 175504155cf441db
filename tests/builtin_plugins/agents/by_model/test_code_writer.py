"""The code writer with a model: what it hands in, what it sends back, what it refuses."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.extension.components import Available
from agent_dispatcher.models import ArtifactRef, Dispute, Specification, Task
from agent_dispatcher_builtins.agents.by_model.linting import without_old
from agent_dispatcher_builtins.agents.by_model.options import ModelOptions
from agent_dispatcher_builtins.agents.code_writer.acceptance import CodeWriterOptions, accepts
from agent_dispatcher_builtins.agents.code_writer.agent import CodeWriterAgent
from agent_dispatcher_builtins.agents.code_writer.hooks import code_writer

PATH = "src/slugs/text.py"
GOOD = 'def slugify(title):\n    """The slug of a title."""\n    return "-".join(title.lower().split())\n'
TEST = "from slugs.text import slugify\n\n\ndef test_spaces():\n    assert slugify(' A  b ') == 'a-b', 'spec.md:3'\n"


def file(text: str, path: str = PATH) -> str:
    """A reply with one whole file."""
    return f"FILE: {path}\n```python\n{textwrap.dedent(text)}```\n"


pytestmark = pytest.mark.sandbox


def test_good_code_is_handed_in_at_once(play: Any, code_task: Task) -> None:
    """One call, the file, its artifact; the examples of the specification were its tests, and are gone. Its calls are counted by the dispatcher."""
    done, llm = play(CodeWriterAgent(), code_task, [file(GOOD)])
    assert (done.result.status, done.result.error) == ("done", None)
    assert set(done.files) == {PATH}
    assert [each.path for each in done.result.artifacts] == [PATH]
    assert done.result.tokens == 0
    assert "in 1 round; 2 tests passed" in done.result.summary
    (request,) = llm.requests
    assert "slugs.text:slugify" in request.messages[-1].content
    assert 'returns "hello-world"' in request.messages[-1].content


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (file("def slugify(title:\n"), "does not compile"),
        (file("def slug(title):\n    return title\n"), "slugs.text:slugify is promised and not defined"),
        (file("def slugify(title):\n    raise NotImplementedError\n"), "slugify() is a stub"),
        (file("def slugify(title):\n    return title.lower()\n"), "test_slugify_1"),
        (file("def slugify(title):\n    return lower(title)\n"), "lower"),
        (file(GOOD, "src/slugs/other.py"), f"the promised file {PATH} is missing"),
        ("I cannot see the repository.", "no file in the reply"),
        (f"FILE: {PATH}\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n", "no such file to search in"),
        (file(GOOD) + file(TEST, "tests/test_text.py"), "tests are written by others"),
    ],
)
def test_what_is_wrong_is_told_and_mended(play: Any, code_task: Task, bad: str, told: str) -> None:
    """The second call quotes the fault behind the first reply; nothing of the first answer is left."""
    done, llm = play(CodeWriterAgent(), code_task, [bad, file(GOOD)])
    assert (done.result.status, done.result.error) == ("done", None)
    assert set(done.files) == {PATH}
    first, second = llm.requests
    assert len(second.messages) == len(first.messages) + 2
    assert second.messages[-2].content == bad
    assert told in second.messages[-1].content


def test_landed_tests_decide(play: Any, code_task: Task) -> None:
    """A test that imports what the task makes is run, shown, and its message told with its place."""
    wrong = GOOD.replace(".split()", ".split(' ')")
    done, llm = play(CodeWriterAgent(), code_task, [file(wrong), file(GOOD)], {"tests/test_text.py": TEST})
    assert done.result.status == "done"
    assert "3 tests passed" in done.result.summary
    assert "def test_spaces" in llm.requests[0].messages[-1].content
    assert "tests/test_text.py::test_spaces fails" in llm.requests[1].messages[-1].content
    assert "spec.md:3" in llm.requests[1].messages[-1].content
    assert "The line that fails: assert slugify(" in llm.requests[1].messages[-1].content
    assert done.files["tests/test_text.py"] == TEST


def test_a_test_that_waits_for_another_task_says_nothing(play: Any, code_task: Task) -> None:
    """It fails for a module that another task promises: neither this task's fault nor its business."""
    both = TEST + "\n\ndef test_other():\n    import slugs.web\n"
    promised = {"web": (ArtifactRef(type="symbol", name="slugs.web:page"),), code_task.id: code_task.produces}
    done, _ = play(CodeWriterAgent(), code_task, [file(GOOD)], {"tests/test_text.py": both}, promised=promised)
    assert (done.result.status, done.result.error) == ("done", None)


def test_rounds_are_bounded_and_nothing_wrong_is_handed_in(play: Any, code_task: Task) -> None:
    """After the last round the attempt has failed, with what was still wrong with the best answer, not with the last."""
    nearly = file('def slugify(title):\n    return "-".join(title.split())\n')
    worse = file("def slugify(title):\n    return 7\n")
    done, llm = play(CodeWriterAgent(ModelOptions(rounds=3)), code_task, [nearly, worse, "nothing"])
    assert (done.result.status, done.result.permanent) == ("failed", False)
    assert len(llm.requests) == 3
    assert "after 3 rounds" in str(done.result.error)
    assert "slugify('Hello World') gave 'Hello-World'" in str(done.result.error)
    told = llm.requests[1].messages[-1].content
    assert "test_slugify_1 fails: slugify('Hello World') gave 'Hello-World' instead of 'hello-world'" in told
    assert set(done.files) == {PATH}
    assert "title.split()" in done.files[PATH]


def test_a_model_that_mends_nothing_is_asked_anew(play: Any, code_task: Task) -> None:
    """A repair stands behind its reply; when that brought nothing, all later questions are the first again, with more freedom."""
    replies = ["no", "no", "no", file(GOOD)]
    _, llm = play(CodeWriterAgent(), code_task, replies)
    assert [len(each.messages) for each in llm.requests] == [2, 4, 2, 2]
    assert [each.temperature for each in llm.requests] == [0.0, 0.2, 0.7, 0.7]


def test_it_mends_as_long_as_that_brings_it_nearer(play: Any, code_task: Task) -> None:
    """Each repair is about the reply before it, not about the first."""
    silent, wrong = file("def slug(title): ...\n"), file("def slugify(title):\n    return title\n")
    done, llm = play(CodeWriterAgent(), code_task, ["no", silent, wrong, file(GOOD)])
    assert done.result.status == "done"
    assert [len(each.messages) for each in llm.requests] == [2, 4, 4, 4]
    assert [each.messages[2].content for each in llm.requests[1:]] == ["no", silent, wrong]


def test_only_a_test_that_is_there_can_be_disputed(play: Any, code_task: Task) -> None:
    """Disputes are spoken of where there is such a test, not where only the examples of the specification can fail."""
    for files, said in (({}, False), ({"tests/test_text.py": TEST}, True)):
        _, llm = play(CodeWriterAgent(), code_task, [file(GOOD)], files)
        assert ("DISPUTE:" in llm.requests[0].messages[0].content) is said


def test_a_block_is_replaced_in_a_file_that_is_there(play: Any, slugs: Specification) -> None:
    """A repair changes what has to change, is tried by the tests that are there, and leaves the rest as it was."""
    task = Task(id="mend", title="slugify keeps capitals", type="debugging", requirements=("FR-1",))
    before = {PATH: GOOD.replace(".lower()", "") + "\n\nVERSION = 1\n", "tests/test_text.py": TEST}
    block = f'FILE: {PATH}\n<<<<<<< SEARCH\n    return "-".join(title.split())\n=======\n    return "-".join(title.lower().split())\n>>>>>>> REPLACE\n'
    done, llm = play(CodeWriterAgent(), task, [block], before)
    assert (done.result.status, done.result.error) == ("done", None)
    assert done.files[PATH] == GOOD + "\n\nVERSION = 1\n"
    assert "Find the cause" in llm.requests[0].messages[-1].content


def test_only_mistakes_of_its_own_are_told(play: Any) -> None:
    """What the linter has against lines that were there before, the model is neither told nor refused for; what it adds it is."""
    task = Task(id="mend", title="slugify keeps capitals", type="debugging", requirements=("FR-1",))
    old = GOOD.replace(".lower()", "") + "\n\ndef old(title):\n    return undefined(title)\n"
    block = f'FILE: {PATH}\n<<<<<<< SEARCH\n    return "-".join(title.split())\n=======\n    {{}}return "-".join(title.lower().split())\n>>>>>>> REPLACE\n'
    done, llm = play(CodeWriterAgent(), task, [block.format("")], {PATH: old})
    assert (done.result.status, done.result.error, len(llm.requests)) == ("done", None, 1)
    assert set(done.files) == {PATH}
    mended = f"FILE: {PATH}\n<<<<<<< SEARCH\n    unknown()\n=======\n>>>>>>> REPLACE\n"
    wrong = [block.format("unknown()\n    "), mended]
    done, llm = play(CodeWriterAgent(), task, wrong, {PATH: old})
    told = llm.requests[1].messages[-1].content
    assert (
        f"the linter says: {PATH}:3:5: F821 Undefined name `unknown`" in told
        and "Undefined name `undefined`" not in told
    )


@pytest.mark.parametrize(
    ("said", "earlier", "left"),
    [
        ("a.js:2:1: E1 bad `x`\na.js:3:1: E1 bad `y`\n", "a.js:1:1: E1 bad `y`\n", "a.js:2:1: E1 bad `x`"),
        (
            "\n/w/a.js\n  2:1  error  bad `x`  no-x\n  3:1  error  bad `y`  no-x\n\n2 problems\n",
            "/w/a.js\n  1:1  error  bad `y`  no-x\n",
            "a.js:2:1  error  bad `x`  no-x",
        ),
        ("a.js:2:1: E1 bad `x`\n", "", "a.js:2:1: E1 bad `x`"),
        ("a.js:3:1: E1 bad\n", "a.js:1:1: E1 bad\n", ""),
        ("something broke\n", "a.js:1:1: E1 bad `y`\n", None),
    ],
    ids=["by path", "below a path", "all new", "all old", "unknown form"],
)
def test_lines_of_a_linter_are_told_apart(said: str, earlier: str, left: str | None) -> None:
    """In both usual forms; of another form nothing is taken away."""
    assert without_old(said, earlier, {"a.js": "new\nx()\ny()\n"}, {"a.js": "y()\n"}) == left


def test_the_writer_is_told_what_would_be_refused_at_landing(play: Any, code_task: Task) -> None:
    """Tests that it did not touch are there all the same: what decides about all of them is sent back, not paid for and refused afterwards."""
    fixture = file("import pytest\n\n\n@pytest.fixture\ndef one():\n    return 1\n", "tests/conftest.py")
    there = {"tests/test_text.py": TEST}
    done, llm = play(CodeWriterAgent(), code_task, [file(GOOD) + fixture, file(GOOD)], there)
    assert done.result.status == "done"
    assert "tests/conftest.py: it is new, and decides about all tests" in llm.requests[1].messages[-1].content
    assert "tests/conftest.py" not in done.files


def test_a_repair_that_weakens_a_test_is_sent_back(play: Any) -> None:
    """Also one that deletes it: tests are not the code writer's."""
    task = Task(id="mend", title="Mend it", type="debugging", requirements=("FR-1",))
    before = {PATH: GOOD, "tests/test_text.py": TEST}
    weaker = file(TEST.replace("== 'a-b'", ""), "tests/test_text.py")
    done, _ = play(CodeWriterAgent(ModelOptions(rounds=1)), task, [weaker], before)
    assert done.result.status == "failed"
    assert "tests/test_text.py may not be written" in str(done.result.error)
    assert done.files["tests/test_text.py"] == TEST


def test_a_dispute_quotes_the_specification(play: Any, code_task: Task) -> None:
    """It ends the attempt with test and quote; one that quotes nothing, or a test that did not fail, is sent back."""
    wrong = "from slugs.text import slugify\n\n\ndef test_it():\n    assert slugify('A B') == 'a_b'\n"
    files = {"tests/test_text.py": wrong}
    name = "tests/test_text.py::test_it"
    quoted = f'DISPUTE: {name}\nThe requirement says "joined by single hyphens", the test wants an underscore.'
    done, _ = play(CodeWriterAgent(), code_task, [file(GOOD), quoted], files)
    assert done.result.status == "failed"
    assert done.result.error == f"disputes {name}: the specification says “joined by single hyphens”"
    assert done.result.dispute == Dispute(test=name, quote="joined by single hyphens")

    invented = quoted.replace("joined by single hyphens", "joined by double hyphens")
    other = quoted.replace("test_it", "test_that")
    _, llm = play(CodeWriterAgent(), code_task, [file(GOOD), invented, file(GOOD), other], files)
    assert len(llm.requests) == 4


def test_a_dispute_that_does_not_count_may_bring_files(play: Any, code_task: Task) -> None:
    """They are tried like any others; an example of the specification itself cannot be disputed."""
    wrong = file("def slugify(title):\n    return title\n")
    example = 'DISPUTE: test_examples_of_the_task.py::test_slugify_1\nIt says "joined by single hyphens".'
    done, llm = play(CodeWriterAgent(), code_task, [wrong, f"{example}\n{file(GOOD)}"])
    assert (done.result.status, len(llm.requests)) == ("done", 2)
    done, llm = play(CodeWriterAgent(ModelOptions(rounds=3)), code_task, [wrong, example, file(GOOD)])
    assert (done.result.status, done.result.dispute, len(llm.requests)) == ("done", None, 3)


UGLY = "def slugify( title ):\n  return '-'.join(title.lower().split( ))\n"
NEAT = 'def slugify(title):\n    return "-".join(title.lower().split())\n'


@pytest.mark.parametrize(
    ("settings", "then"),
    [
        ({}, NEAT),
        ({"ruff.toml": '[format]\nquote-style = "single"\n'}, NEAT.replace('"', "'")),
        ({"pyproject.toml": "[tool.ruff]\nindent-width = 2\n"}, NEAT.replace("    ", "  ")),
        (
            {"pyproject.toml": "[project]\nname = 'a'\n", "src/.ruff.toml": "indent-width = 2\n"},
            NEAT.replace("    ", "  "),
        ),
        ({"pyproject.toml": "[tool.ruff]\nindent-width = 'wide'\n"}, UGLY),
    ],
)
def test_a_new_file_is_laid_out_as_the_project_wants_it(
    play: Any, code_task: Task, settings: dict[str, str], then: str
) -> None:
    """By its own settings, the nearest ones; as is usual where it has none, and not at all where they are wrong."""
    done, _ = play(CodeWriterAgent(), code_task, [file(UGLY)], settings)
    assert (done.result.status, done.files[PATH]) == ("done", then)


def test_a_file_that_is_there_keeps_its_layout(play: Any, code_task: Task) -> None:
    """No line changes that the model did not change; nor do those of a file that is moved."""
    there = f"import os\nx={{  'a':1 }}\n\n{UGLY.replace('lower', 'upper')}"
    block = "<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n"
    second = UGLY.splitlines(keepends=True)[1]
    reply = f"FILE: {PATH}\n" + block.format(second.replace("lower", "upper"), second)
    done, _ = play(CodeWriterAgent(), code_task, [reply], {PATH: there})
    assert (done.result.status, done.files[PATH]) == ("done", there.replace("upper", "lower"))


MOVED = Task(
    id="move",
    title="Move slugify",
    type="refactoring",
    produces=(ArtifactRef(type="path", name=PATH), ArtifactRef(type="symbol", name="slugs.text:slugify")),
)
OLD = "src/slugs/old.py"
USER = "from slugs.old import slugify\n\nHOME = slugify('Home page')\n"
MOVE = f"RENAME: {OLD} -> {PATH}\n"
MENDED = "FILE: src/slugs/pages.py\n<<<<<<< SEARCH\n{}\n=======\n{}\n>>>>>>> REPLACE\n"


def test_a_rebuilding_may_move_a_module(play: Any) -> None:
    """With everything that uses it, its layout as it was; who mends the answer may say the whole of it again, or only what is new."""
    there = {OLD: UGLY, "src/slugs/pages.py": USER}
    wrong = MENDED.format("from slugs.old import slugify", "from slugs.text import slugifyy")
    right = MENDED.format("from slugs.text import slugifyy", "from slugs.text import slugify")
    test = {
        "tests/test_pages.py": "from slugs import pages\n\n\ndef test_home():\n    assert pages.HOME == 'home-page'\n"
    }
    pages = (ArtifactRef(type="path", name="src/slugs/pages.py"),)
    for second, promised in ((right, ()), (MOVE + right, ()), (right, pages)):
        task = Task(id="move", title="Move slugify", type="refactoring", produces=promised)
        done, llm = play(CodeWriterAgent(), task, [MOVE + wrong, second], {**there, **test})
        assert (done.result.status, done.result.error) == ("done", None)
        assert done.files == {PATH: UGLY, "src/slugs/pages.py": USER.replace("old", "text"), **test}
        assert f"removed {OLD}" in done.result.summary
        assert OLD not in {each.path for each in done.result.artifacts}
        assert "in the same form" in llm.requests[1].messages[-1].content


@pytest.mark.parametrize(("type", "told"), [("refactoring", True), ("debugging", False), ("code_writing", False)])
def test_who_may_rename_is_told_what_tests_import(play: Any, type: str, told: bool) -> None:
    """Their imports stay, and so what they import; of no use to anybody else."""
    task = Task(id="move", title="Move", type=type, produces=(ArtifactRef(type="path", name=PATH),))
    _, llm = play(CodeWriterAgent(), task, [f"FILE: {PATH}\n```\n{GOOD}```\n"], {PATH: UGLY})
    assert ("importable under its old name" in llm.requests[0].messages[0].content) == told


def test_a_cause_may_be_a_file_too_many(play: Any) -> None:
    """Which a repair may delete."""
    task = Task(id="mend", title="Mend", type="debugging")
    done, _ = play(CodeWriterAgent(), task, ["DELETE: src/json.py\n"], {"src/json.py": "loads = None\n", PATH: GOOD})
    assert (done.result.status, set(done.files)) == ("done", {PATH})


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("DELETE: tests/test_text.py\n", "tests/test_text.py may not be removed: tests are written by others"),
        ("RENAME: tests/test_text.py -> src/x.py\n", "tests/test_text.py may not be removed"),
        (
            f"RENAME: {OLD} -> tests/test_more.py\n",
            "tests/test_more.py may not be written: tests are written by others",
        ),
        ("DELETE: src/slugs/web.py\n", "src/slugs/web.py may not be removed: task web writes it"),
        (f"RENAME: {OLD} -> src/slugs/soon.py\n", "src/slugs/soon.py may not be written: task web writes it"),
        (f"RENAME: {OLD} -> ../out.py\n", "path '../out.py' is refused"),
        ("DELETE: .git/config\n", "path '.git/config' is refused"),
    ],
)
def test_what_others_answer_for_is_not_moved(play: Any, reply: str, told: str) -> None:
    """Tests, what another task promises, and what the guard refuses; nothing of such an answer is left."""
    there = {OLD: UGLY, "src/slugs/web.py": "PAGE = 1\n", "tests/test_text.py": "def test_it():\n    assert not 0\n"}
    promised = {"web": tuple(ArtifactRef(type="path", name=f"src/slugs/{name}.py") for name in ("web", "soon"))}
    done, llm = play(CodeWriterAgent(), MOVED, [reply, MOVE], there, promised=promised)
    assert (done.result.status, done.result.error) == ("done", None)
    assert told in llm.requests[1].messages[-1].content
    assert done.files == {**{path: text for path, text in there.items() if path != OLD}, PATH: UGLY}


def test_only_who_changes_what_is_there_may_move_it(play: Any, code_task: Task) -> None:
    """A task that writes something new is not told how to, and is refused when it does all the same."""
    there = {OLD: UGLY, PATH: UGLY}
    done, llm = play(CodeWriterAgent(), code_task, [f"DELETE: {OLD}\n{file(GOOD)}", file(GOOD)], there)
    assert (done.result.status, set(done.files)) == ("done", {OLD, PATH})
    assert "code_writing removes and renames no files" in llm.requests[1].messages[-1].content
    assert not any("RENAME" in message.content for message in llm.requests[0].messages)
    _, llm = play(CodeWriterAgent(), MOVED, [MOVE], {OLD: UGLY})
    assert "RENAME: path/of/file -> new/path/of/file" in llm.requests[0].messages[0].content


def test_documents_are_written(play: Any) -> None:
    """A page may hold fences of its own, and may not say that it is still to be written."""
    task = Task(
        id="readme",
        title="Write the README",
        type="documentation",
        produces=(ArtifactRef(type="path", name="README.md"),),
    )
    page = "# Slugs\n\n```python\nslugify('A b')\n```\n\nThat is all.\n"
    replies = ["FILE: README.md\n```\n# Slugs\n\nTBD\n```\n", f"FILE: README.md\n```markdown\n{page}```\n"]
    done, llm = play(CodeWriterAgent(), task, replies)
    assert (done.result.status, done.result.error) == ("done", None)
    assert done.files["README.md"] == page
    assert [each.type for each in done.result.artifacts] == ["doc"]
    assert "something is missing: 'TBD'" in llm.requests[1].messages[-1].content


def test_an_endless_loop_is_ended_and_told(play: Any, code_task: Task) -> None:
    """The tests of a round have a time limit of their own."""
    loop = file("def slugify(title):\n    while True:\n        pass\n")
    done, llm = play(CodeWriterAgent(ModelOptions(test_timeout_s=3.0)), code_task, [loop, file(GOOD)])
    assert done.result.status == "done"
    assert "endless loop" in llm.requests[1].messages[-1].content


def test_feedback_of_the_checks_is_told(play: Any, code_task: Task) -> None:
    """What refused the earlier attempt stands in the first question."""
    _, llm = play(CodeWriterAgent(), code_task, [file(GOOD)], feedback="pytest: 1 failed: test_umlauts")
    assert "test_umlauts" in llm.requests[0].messages[-1].content


def test_it_takes_prose_only_with_a_model(slugs: Specification, code_task: Task) -> None:
    """Without one it says what to do; a repair says that it needs one."""
    available = Available(specification=slugs, language="python")
    with_model = evolve(available, llm="some")
    assert "configure a model" in str(accepts(code_task, available))
    assert accepts(code_task, with_model) is None
    mend = Task(id="m", title="m", type="debugging")
    assert "needs a model" in str(accepts(mend, available))
    assert accepts(mend, with_model) is None


def test_options_reach_the_agent() -> None:
    """What is configured for the agent type is how it asks."""
    (offered,) = code_writer.dispatcher_agent_types()
    agent: Any = offered.factory(CodeWriterOptions(model="m", rounds=2, test_timeout_s=9.0), None)  # type: ignore[arg-type]
    assert agent._options == ModelOptions(model="m", rounds=2, test_timeout_s=9.0)


def test_what_tests_make_of_the_files_is_not_the_answer(play: Any, code_task: Task) -> None:
    """A test that writes into the module it is about, and a database beside it, leaves the answer as it was given."""
    spoiling = f"{TEST}    open('{PATH}', 'a').write('# spoilt\\n')\n    open('out.db', 'w').close()\n"
    done, _ = play(CodeWriterAgent(), code_task, [file(GOOD)], {"tests/test_text.py": spoiling})
    assert done.result.status == "done", done.result.error
    assert set(done.files) == {PATH, "tests/test_text.py"}
    assert done.files[PATH] == GOOD
