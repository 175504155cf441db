"""``convert``: writes what it says, where it says, never over what is there, and keeps nothing back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.cli import main
from agent_dispatcher.errors import PlanError
from agent_dispatcher.extension import Component, hookimpl
from agent_dispatcher.models import ExecutionPlan, Specification, Task

TASKS = {
    "tasks": [
        {"id": 1, "title": "Dig", "status": "done"},
        {"id": 2, "title": "Plant", "dependencies": [1], "status": "deferred"},
    ]
}
Convert = Callable[..., tuple[int, str, str]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(TASKS), encoding="utf-8")
    return file


@pytest.fixture
def convert(source: Path, capsys: pytest.CaptureFixture[str]) -> Convert:
    """``convert SOURCE ...``: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["convert", str(source), *arguments])
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return run


def test_stdout(convert: Convert, source: Path) -> None:
    """One file goes to stdout, and only it; its first line says where it came from."""
    code, out, err = convert("--to", "native")

    assert code == 0
    assert out.startswith(f"# Written by agent-dispatcher convert from {source} (task-master).\nformat: ")
    assert 'depends_on: ["1"]' in out
    assert "written to" not in err


def test_losses_are_told_once_with_their_count(convert: Convert) -> None:
    """What the format has no words for is on stderr: a line for each sort."""
    _, _, err = convert("--to", "spec-kit")

    assert err.splitlines() == [
        "spec-kit does not hold all of the plan; not in what was written:",
        "  1 dependency is plain: no kind, confidence or evidence",
        "  1 status",
    ]


def test_unknown_format(convert: Convert) -> None:
    """A format that cannot be written is wrong usage, and the message has those that can."""
    code, out, err = convert("--to", "kiro")

    assert (code, out) == (2, "")
    assert "'kiro'; the formats that can: beads, native, spec-kit, task-master" in err


def test_source_that_is_not_there(source: Path, convert: Convert) -> None:
    """Nothing is made of nothing."""
    source.unlink()
    assert convert("--to", "native")[0] == 2


def test_output_file_and_folder(convert: Convert, tmp_path: Path) -> None:
    """``--output`` names the file; a folder, that is there or ends with a slash, gets it under its own name."""
    (tmp_path / "there").mkdir()
    for output, file in (("own.md", "own.md"), ("there", "there/tasks.md"), ("new/", "new/tasks.md")):
        code, out, err = convert("--to", "spec-kit", "--output", str(tmp_path / output) + "/" * output.endswith("/"))
        assert (code, out) == (0, "")
        assert f"written to {tmp_path / file}" in err
        assert "- [x] T001 " in (tmp_path / file).read_text(encoding="utf-8")


def test_nothing_is_written_over(convert: Convert, tmp_path: Path) -> None:
    """A file that is there stays, unless ``--force`` says otherwise; a link stays even then."""
    target = tmp_path / "there.yaml"
    target.write_text("mine", encoding="utf-8")
    link = tmp_path / "link.yaml"
    link.symlink_to(target)

    code, _, err = convert("--to", "native", "--output", str(target))
    assert (code, target.read_text(encoding="utf-8")) == (2, "mine")
    assert f"{target}: is there already; --force writes over it" in err

    assert convert("--to", "native", "--output", str(link), "--force")[0] == 2
    assert target.read_text(encoding="utf-8") == "mine"

    assert convert("--to", "native", "--output", str(target), "--force")[0] == 0
    assert target.read_text(encoding="utf-8") != "mine"


def test_several_files_need_a_folder(source: Path, convert: Convert, tmp_path: Path) -> None:
    """Requirements make a second file: without a folder nothing is written, with one both, or neither when one is there."""
    tasks = [{**TASKS["tasks"][0], "details": "Serves FR-1."}, TASKS["tasks"][1]]
    source.write_text(json.dumps({"tasks": tasks}), encoding="utf-8")
    (tmp_path / "prd.md").write_text("# Garden\n\n- FR-1: Holes are deep.\n", encoding="utf-8")

    code, out, err = convert("--to", "spec-kit")
    assert (code, out) == (2, "")
    assert "tasks.md, spec.md: name the folder" in err

    folder = tmp_path / "feature"
    folder.mkdir()
    (folder / "spec.md").write_text("mine", encoding="utf-8")
    assert convert("--to", "spec-kit", "--output", str(folder))[0] == 2
    assert [path.name for path in folder.iterdir()] == ["spec.md"]

    (folder / "spec.md").unlink()
    assert convert("--to", "spec-kit", "--output", str(folder))[0] == 0
    assert "- **FR-1**: Holes are deep." in (folder / "spec.md").read_text(encoding="utf-8")
    assert "[FR-1] Dig" in (folder / "tasks.md").read_text(encoding="utf-8")


class Titles:
    """A format of a stranger: a title a line, and nothing else."""

    def __init__(self, limit: int = 100) -> None:
        self._limit = limit

    def matches(self, source: Path) -> float:
        return 2.0 if source.suffix == ".titles" else 0.0

    def load(self, source: Path) -> Specification:
        lines = source.read_text(encoding="utf-8").splitlines()
        return Specification(id="t", title="t", tasks=tuple(Task(id=line, title=line) for line in lines[: self._limit]))

    def render(self, plan: ExecutionPlan) -> Mapping[str, str]:
        return {"all.titles": "".join(f"{task.title}\n" for task in plan.tasks)}


class Offer:
    def __init__(self, format: Any) -> None:
        self._format = format

    @hookimpl
    def dispatcher_specification_formats(self) -> Any:
        yield Component("titles", "Titles.", lambda options, services: self._format)


def test_a_strangers_format_is_a_target(source: Path) -> None:
    """Whoever has ``render`` can be written, and what it does not hold is found without its help."""
    dispatcher = AgentDispatcher(plugins=[("titles", Offer(Titles()))])

    written = dispatcher.convert(dispatcher.plan(source), "titles")

    assert dict(written.files) == {"all.titles": "Dig\nPlant\n"}
    assert "1 binding dependency" in written.losses
    assert "2 statuses" in written.losses


def test_a_task_that_is_lost_is_an_error(source: Path) -> None:
    """A format that drops a task does not hold the plan."""
    dispatcher = AgentDispatcher(plugins=[("titles", Offer(Titles(limit=1)))])

    with pytest.raises(PlanError, match="reads 1 tasks where 2 were written"):
        dispatcher.convert(dispatcher.plan(source), "titles")
