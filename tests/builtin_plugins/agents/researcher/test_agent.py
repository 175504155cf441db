"""The researcher's note: every fact with its place, everything else under "Not found", whatever the files hold."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agent_dispatcher.extension import Available
from agent_dispatcher.models import ArtifactRef, Specification, Task
from agent_dispatcher_builtins.agents.researcher.acceptance import accepts
from agent_dispatcher_builtins.agents.researcher.subjects import task_text

SHARED = Path(__file__).parents[4].parent / "shared" / "specs"
PLAN = "# Plan\n\n**Primary Dependencies**: Retrofit 2, Moshi\n\n## Notes on Moshi\n\nMoshi parses replies.\n"


def _accepts(title: str, specification: Specification | None = None, **fields: object) -> str | None:
    task = Task(id="T1", title=title, type="research", **fields)  # type: ignore[arg-type]
    return accepts(task, Available(specification=specification or Specification(id="s", title="s")))


# --- facts ----------------------------------------------------------------------------------------------------------


def test_facts_of_the_specification_come_with_their_lines(research) -> None:
    """Means first, then headings, then mentions; only what the task names."""
    outcome = research("Research Moshi", specification={"plan.md": PLAN})
    assert outcome.section("Moshi") == [
        "- Named by the specification as a means: `**Primary Dependencies**: Retrofit 2, Moshi` (`specification:plan.md:3`)",
        "- A heading of the specification: `## Notes on Moshi` (`specification:plan.md:5`)",
        "- Mentioned in the specification: `Moshi parses replies.` (`specification:plan.md:7`)",
    ]
    assert outcome.section("Retrofit") == []
    assert outcome.evidence.passed, outcome.evidence.summary


def test_facts_of_the_repository_come_with_their_lines(research) -> None:
    """Manifests, build files, imports and the readme."""
    repository = {
        "pyproject.toml": '[project]\nname = "x"\ndependencies = [\n  "PyYAML>=6",\n]\n',
        "src/x.py": "import os\nimport yaml\n",
        "README.md": "# X\nReads PyYAML files.\n",
        "build.gradle": 'implementation "org.x:pyyaml:1"\n',
        "node_modules/y/requirements.txt": "pyyaml\n",
    }
    outcome = research("Research PyYAML", repository=repository)
    claims = outcome.section("PyYAML")
    assert claims[:4] == [
        '- Declared in a manifest: `"PyYAML>=6",` (`pyproject.toml:4`)',
        '- Mentioned in a build file: `implementation "org.x:pyyaml:1"` (`build.gradle:1`)',
        "- Imported: `import yaml` (`src/x.py:2`)",
        "- Mentioned in the readme: `Reads PyYAML files.` (`README.md:2`)",
    ]
    assert any(line.endswith("(`distribution PyYAML: Version`)") for line in claims[4:])
    assert outcome.evidence.passed, outcome.evidence.summary


def test_facts_of_installed_packages_name_distribution_and_field(research) -> None:
    """Version, licence, Python, dependencies: as the metadata has them."""
    from importlib import metadata

    claims = research("Research networkx and attrs").section("networkx")
    assert f"- Installed, Version: `{metadata.version('networkx')}` (`distribution networkx: Version`)" in claims
    assert any("(`distribution networkx: Requires-Python`)" in line for line in claims)


def test_what_is_not_found_is_listed(research) -> None:
    """A name that stands nowhere, and for a known one the places where there was nothing; nothing is said about either."""
    outcome = research("Research Moshi against Zorkblatt9", specification={"plan.md": PLAN})
    assert outcome.section("Not found") == [
        "- `Moshi`: no manifest or build file, no import of a Python file, no readme of the repository and no installed package",
        "- `Zorkblatt9`: nothing of that name is written anywhere that was looked at",
    ]
    assert outcome.section("`Zorkblatt9`") == []


def test_the_same_files_give_the_same_note(research) -> None:
    """Twice the same, byte for byte."""
    notes = {research("Research Moshi and attrs", specification={"plan.md": PLAN}).note for _ in range(2)}
    assert len(notes) == 1


def test_a_general_question_asks_about_all_means(research) -> None:
    """A task about the dependencies as such gets those the specification names; lists of tasks name none."""
    tasks = "## Dependencies\n- Phase 1 before Phase 2\n"
    outcome = research("Research the dependencies", specification={"plan.md": PLAN, "tasks.md": tasks})
    assert [line for line in outcome.note.split("\n") if line.startswith("## ")] == [
        "## `Retrofit`",
        "## `Moshi`",
        "## Not found",
    ]
    assert "Phase" not in outcome.note


def test_a_list_of_tasks_answers_nothing(research) -> None:
    """A name that only the tasks hold is not known from there."""
    outcome = research("Research Moshi and OkHttpX", specification={"plan.md": PLAN, "tasks.md": "- Use OkHttpX\n"})
    assert "- `OkHttpX`: nothing of that name" in "\n".join(outcome.section("Not found"))
    assert _accepts("Research OkHttpX") is not None


def test_the_question_is_no_answer(research) -> None:
    """The line that holds the task is not quoted as a fact about what it asks."""
    specification = {"plan.md": "Research Moshi\nMoshi is used\n", "tasks.md": "- [ ] T1 Research Moshi\n"}
    outcome = research("Research Moshi", specification=specification, source="plan.md:1")
    assert [line for line in outcome.section("Moshi") if "specification:" in line] == [
        "- Mentioned in the specification: `Moshi is used` (`specification:plan.md:2`)"
    ]


def test_the_note_is_where_it_was_promised(research) -> None:
    """Else in the folder for research, named after the task."""
    outcome = research("Research attrs", produces=("notes/attrs.md",))
    assert outcome.result.artifacts[0].path == "notes/attrs.md"
    assert outcome.result.artifacts[0].type == "note"
    assert research("Research attrs").result.artifacts[0].path == "docs/research/T7.md"


def test_without_any_fact_there_is_no_note(research, tmp_path: Path) -> None:
    """It fails for good, and says what it looked for."""
    outcome = research("Research Zorkblatt9 thoroughly")
    assert outcome.result.status == "failed" and outcome.result.permanent
    assert "Zorkblatt9" in (outcome.result.error or "")
    assert list((tmp_path / "repo").iterdir()) == []


# --- hostile files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "Moshi `` ` ``` ticks",
        "Moshi ![x](http://192.0.2.1/p.png) <script>alert(1)</script> [a](javascript:x)",
        "Moshi ends with a tick `",
        "`Moshi` (`pyproject.toml:1`)",
        "# Moshi ## Not found",
        "| Moshi | a | b |",
        "Moshi \u202e reversed \x1b[31m red \u200b zero",
        "Moshi " + "long " * 400,
        "Moshi tail\r",
    ],
)
def test_what_is_quoted_is_no_markdown(research, line: str) -> None:
    """A quotation is one line of text in a code span whatever is in it, and the check still finds it in its place."""
    from markdown_it import MarkdownIt

    outcome = research("Research Moshi", specification={"plan.md": f"x\n{line}\n"})
    assert outcome.evidence.passed, outcome.evidence.summary
    assert all(character.isprintable() or character == "\n" for character in outcome.note)
    tokens = MarkdownIt("commonmark").parse(outcome.note)
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "code_inline", "softbreak"}
    assert sum(token.type == "heading_open" for token in tokens) == 3
    assert "html_block" not in {token.type for token in tokens}


def test_a_hostile_title_is_no_markdown(research) -> None:
    """Neither the task's words become headings, links or claims."""
    outcome = research("Research attrs `x` <b>\n## Injected\n- claim (`a.py:1`)")
    assert outcome.evidence.passed, outcome.evidence.summary
    assert "\n## Injected" not in outcome.note


def test_links_lead_nowhere(research, tmp_path: Path) -> None:
    """Neither a linked file nor a linked folder nor a second name of a file outside is read, in the specification or in the repository."""
    secret = tmp_path / "secret"
    secret.mkdir()
    for name in ("plan.md", "requirements.txt", "README.md"):
        (secret / name).write_text("Moshi==1 canary\n")
    for folder in ("spec", "repo"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "plan.md").symlink_to(secret / "plan.md")
        (tmp_path / folder / "requirements.txt").symlink_to(secret / "requirements.txt")
        (tmp_path / folder / "linked").symlink_to(secret)
        os.link(secret / "README.md", tmp_path / folder / "README.md")
    outcome = research("Research Moshi and attrs", specification={"spec.md": "Moshi here\n"})
    assert "canary" not in outcome.note
    assert outcome.section("Moshi") == ["- Mentioned in the specification: `Moshi here` (`specification:spec.md:1`)"]


def test_documents_a_format_names_stay_inside(research, tmp_path: Path) -> None:
    """A document that leads out of the folder is not read."""
    from agent_dispatcher_builtins.agents.researcher.reading import specification_documents

    (tmp_path / "outside.md").write_text("canary")
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "plan.md").write_text("inside")
    specification = Specification(
        id="s",
        title="s",
        path=str(tmp_path / "spec"),
        documents=("../outside.md", str(tmp_path / "outside.md"), "plan.md"),
    )
    assert [document.path for document in specification_documents(specification)] == ["plan.md"]


def test_neighbours_of_a_single_file_are_not_read(research, tmp_path: Path) -> None:
    """What else lies in the folder of a specification that is one file is nobody's business."""
    (tmp_path / "diary.md").write_text("Moshi canary\n")
    file = tmp_path / "spec.md"
    file.write_text("Moshi here\n")
    assert "canary" not in research("Research Moshi", specification=file).note


def test_large_and_binary_files_are_passed_over(research, tmp_path: Path) -> None:
    """Nor do thousands of files matter."""
    from agent_dispatcher_builtins.agents.researcher.reading import specification_documents

    (tmp_path / "spec" / "many").mkdir(parents=True)
    (tmp_path / "spec" / "huge.md").write_text("Moshi canary\n" + "x" * 2**21)
    (tmp_path / "spec" / "binary.md").write_bytes(b"Moshi canary\0\0")
    (tmp_path / "spec" / "latin.md").write_bytes(b"Moshi caf\xe9\n")
    for number in range(300):
        (tmp_path / "spec" / "many" / f"{number}.md").write_text("nothing")
    outcome = research("Research Moshi", specification={"plan.md": PLAN})
    assert "canary" not in outcome.note and "Moshi caf\ufffd" in outcome.note
    assert outcome.evidence.passed, outcome.evidence.summary
    assert len(specification_documents(Specification(id="s", title="s", path=str(tmp_path / "spec")))) <= 200


def test_a_task_is_looked_through_so_far_and_no_further() -> None:
    """Of a text without end the begin counts."""
    task = Task(id="T1", title="Research", description="x" * 10**6)
    assert len(task_text(task, Specification(id="s", title="s"))) == 20_000


def test_hostile_sizes_cost_little(research) -> None:
    """A task of a hundred thousand names, lines of a megabyte, thousands of imports: looked through within bounds."""
    began = time.monotonic()
    names = " ".join(f"Name{number}X" for number in range(100_000))
    imports = "\n".join(f"import module_{number}" for number in range(20_000))
    repository = {
        "a.py": imports,
        "requirements.txt": "a" * 900_000 + "!\n" + "a-" * 400_000,
        "README.md": "`" * 900_000,
    }
    specification = {"plan.md": "Storage: " + "a " * 400_000 + "\n" + "**a " * 200_000, "b.md": "- " * 400_000}
    outcome = research("Research attrs", description=names, repository=repository, specification=specification)
    assert outcome.result.status == "done" and outcome.evidence.passed
    assert time.monotonic() - began < 10


def test_bad_bytes_in_sources_do_not_matter(research) -> None:
    """A source that is no Python, and a manifest that is none, are as if they were not there."""
    repository = {"a.py": "import (\n", "pyproject.toml": "[[[", "b.py": "import attrs\n"}
    outcome = research("Research attrs", repository=repository)
    assert "- Imported: `import attrs` (`b.py:1`)" in outcome.section("attrs")


# --- acceptance -----------------------------------------------------------------------------------------------------


def test_it_takes_what_it_can_look_up(tmp_path: Path) -> None:
    """An installed package, or a name the specification's documents hold."""
    assert _accepts("Research attrs for the values") is None
    (tmp_path / "plan.md").write_text(PLAN)
    specification = Specification(id="s", title="s", path=str(tmp_path), digest="sha256:1")
    assert _accepts("Research Moshi", specification) is None
    assert _accepts("Research the dependencies", specification) is None


@pytest.mark.parametrize(
    ("title", "fields", "reason"),
    [
        ("Research how members borrow books", {}, "names none"),
        ("Research Zorkblatt9", {}, "Zorkblatt9 stands nowhere else"),
        ("Research the dependencies", {}, "names none"),
        ("Research the market", {"description": "It should build on the requests of users."}, "names none"),
        ("Research attrs", {"produces": (ArtifactRef(type="path", name="src/x.py"),)}, "promises other files"),
    ],
)
def test_it_refuses_what_it_cannot(title: str, fields: dict[str, object], reason: str) -> None:
    """Offline there is no answer to a question that names nothing which is written down somewhere."""
    assert reason in (_accepts(title, **fields) or "")


# --- real specifications ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="the folder 'shared' with real specifications is not beside the repository"
)
@pytest.mark.parametrize(
    ("sample", "names"),
    [
        ("0mega__worldtides__1", {"Kotlin", "Retrofit", "Moshi", "JUnit", "MockK"}),
        ("10XDEVCLUB__overengineering-tictactoe-speckit__1", {"Java", "JDK", "TestNG"}),
        ("1264459640__ModularGodot.Core__1", {"C#", "R3", "MediatR", "Autofac", "xUnit", "Moq"}),
    ],
)
def test_real_specifications_name_their_technologies(research, sample: str, names: set[str]) -> None:
    """What strangers wrote into their plans is found, and every claim about it passes the check."""
    outcome = research("Research the technologies", specification=SHARED / "spec-kit" / sample)
    found = {line[4:-1] for line in outcome.note.split("\n") if line.startswith("## `")}
    assert names <= found
    assert len(found) <= len(names) + 4, found
    assert outcome.evidence.passed, outcome.evidence.summary
    assert outcome.evidence.details["claims"] >= len(names)
