"""Real features that strangers wrote: every task, every declared order, and how a run of them ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.spec_kit.format import SpecKitFormat

SHARED = Path(__file__).parents[5] / "shared" / "specs"
SAMPLES = sorted((SHARED / "spec-kit").glob("*")) if SHARED.is_dir() else []
pytestmark = pytest.mark.skipif(not SAMPLES, reason="no folder 'shared' with samples beside the repository")


@pytest.fixture(scope="module")
def dispatcher() -> AgentDispatcher:
    """With every builtin, and nothing else."""
    return AgentDispatcher(plugins=default_plugins(), discover=False)


@pytest.fixture(params=[sample.name for sample in SAMPLES])
def sample(request: pytest.FixtureRequest) -> Path:
    """Each feature folder in turn."""
    return SHARED / "spec-kit" / str(request.param)


def reached(edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    after: dict[str, set[str]] = {}
    for a, b in edges:
        after.setdefault(a, set()).add(b)
    found = set()
    for start in after:
        stack, seen = list(after[start]), set()
        while stack:
            name = stack.pop()
            if name not in seen:
                seen.add(name)
                stack += after.get(name, ())
        found |= {(start, name) for name in seen}
    return found


def test_every_task_has_its_own_id_and_no_other_is_there(dispatcher: AgentDispatcher, sample: Path) -> None:
    """As many as the samples' manifest counts, in the order of the file, each at its line."""
    (known,) = (
        each
        for each in json.loads((SHARED / "manifest.json").read_text())
        if each["name"] == sample.name and each["format"] == "spec-kit"
    )
    plan = dispatcher.plan(sample)
    assert len(plan.tasks) == known["tasks"]
    assert [task.source_id for task in plan.tasks] == [f"T{number:03}" for number in range(1, known["tasks"] + 1)]
    lines = (sample / "tasks.md").read_text().splitlines()
    assert all(str(task.source_id) in lines[int(task.source.split(":")[1]) - 1] for task in plan.tasks)
    assert {task.status for task in plan.tasks} == {"completed"}


def test_phases_are_ordered_stories_are_not(dispatcher: AgentDispatcher, sample: Path) -> None:
    """Each phase behind all that are listed before it, except a story behind a story, unless the text says so."""
    plan = dispatcher.plan(sample)
    order = reached((each.before, each.after) for each in plan.dependencies)
    named = {phase.name: phase for phase in plan.specification.phases}
    phases = list(plan.specification.phases)
    for at, later in enumerate(phases):
        for earlier in phases[:at]:
            both_stories = all(re.search(r"User Story", each.name) for each in (earlier, later))
            said = earlier.name in {order.phase for order in later.after}
            assert said or both_stories
            pairs = {(a, b) for a in earlier.tasks for b in later.tasks}
            assert pairs <= order if said else not pairs & order
    assert named


def test_marked_tasks_stay_free(dispatcher: AgentDispatcher, sample: Path) -> None:
    """Two tasks of a phase that are marked parallel are ordered by declarations alone."""
    plan = dispatcher.plan(sample)
    order = reached((each.before, each.after) for each in plan.dependencies)
    declared = reached((each.task, task.id) for task in plan.tasks for each in task.depends_on)
    for phase in plan.specification.phases:
        pairs = {(a, b) for a in phase.parallel for b in phase.parallel}
        assert pairs & order == pairs & declared


def test_what_the_section_on_dependencies_declares_holds(dispatcher: AgentDispatcher) -> None:
    """Ranges, lists and a dependency between phases; a typo (``T17``) is told, and undoes no mark ``[P]``."""
    by_name = {each.name.split("__")[0]: each for each in SAMPLES}
    plan = dispatcher.plan(by_name["1264459640"])
    name = {task.id: str(task.source_id) for task in plan.tasks}
    declared = {(name[each.task], name[task.id]) for task in plan.tasks for each in task.depends_on}
    tests, code = range(4, 13), range(13, 23)
    truth = {(f"T{a:03}", f"T{b:03}") for a in tests for b in code}
    truth |= {("T013", f"T{b:03}") for b in (15, 16, 18, 20, 21, 22)}
    truth |= {(f"T{a:03}", f"T{b:03}") for a in (15, 16, 17, 18) for b in (23, 24, 25, 20, 21, 22)}
    assert declared == truth
    assert declared <= reached((name[each.before], name[each.after]) for each in plan.dependencies)
    assert "tasks.md:90: T17 is taken for T017" in plan.specification.warnings
    stories = SpecKitFormat().load(by_name["10XDEVCLUB"]).phases
    (order,) = (each for each in stories[4].after if "Story 1" in each.phase)
    assert (stories[4].name[:21], order.source) == ("Phase 5: User Story 3", "tasks.md:145")


def test_shared_files_are_exclusions(dispatcher: AgentDispatcher) -> None:
    """Marked tasks that name one file, and stories that change one."""
    by_name = {each.name.split("__")[0]: each for each in SAMPLES}
    plan = dispatcher.plan(by_name["0mega"])
    name = {task.id: str(task.source_id) for task in plan.tasks}
    apart = {each.resource.rpartition("/")[2]: sorted(name[task] for task in each.tasks) for each in plan.exclusions}
    assert apart["WorldTidesGateway.kt"] == ["T013", "T022"]
    assert apart["WorldTides.kt"] == ["T015", "T016", "T024", "T025"]


def test_nothing_in_them_is_an_open_question(sample: Path) -> None:
    """Templates speak of the marker; that asks nothing."""
    assert SpecKitFormat().load(sample).blockers == ()


def test_requirements_and_stories_keep_their_lines(sample: Path) -> None:
    """Each id stands on the line it is said to stand on, and stories have scenarios in three parts."""
    specification = SpecKitFormat().load(sample)
    lines = (sample / "spec.md").read_text().splitlines()
    named = [each for each in specification.requirements if re.match(r"FR|SC", each.id)]
    assert len(named) == len(re.findall(r"^- \*\*(?:FR|SC)-\d+\*\*", "\n".join(lines), re.MULTILINE))
    assert all(each.id in lines[int(each.source.split(":")[1]) - 1] for each in named)
    stories = [each for each in specification.requirements if each.id.startswith("US")]
    assert stories and all(
        scenario.given and scenario.when and scenario.then for each in stories for scenario in each.scenarios
    )
    assert sum(len(each.scenarios) for each in stories) == sum("**Given**" in line for line in lines)


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line in a folder, with a home of its own."""
    home = folder.parent / "home"
    env = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    command = [sys.executable, "-m", "agent_dispatcher", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def test_with_all_boxes_ticked_there_is_nothing_to_do(sample: Path, tmp_path: Path) -> None:
    """Exit code 0, said so, and nothing is made."""
    work = tmp_path / "work"
    work.mkdir()
    done = run(work, "run", str(sample), "--output", "out")
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stdout
    assert list(work.iterdir()) == []


def test_with_cleared_boxes_and_no_model_it_is_refused(sample: Path, tmp_path: Path) -> None:
    """Exit code 3 with the reason for each task and its place; nothing is left but at most the dispatcher's own folder."""
    work = tmp_path / "work"
    copy = work / "feature"
    shutil.copytree(sample, copy, copy_function=shutil.copyfile)
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    spec_kit = SpecKitFormat()
    spec_kit.write_status(copy, {task.id: "pending" for task in spec_kit.load(copy).tasks})
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    done = run(work, "run", "feature", "--output", "out", "--unsafe-no-sandbox")
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stderr.count("no agent can do task") == len(spec_kit.load(copy).tasks)
    assert "Traceback" not in done.stderr
    left = {path.relative_to(work).parts[0] for path in work.rglob("*") if ".dispatcher" not in path.parts}
    assert left == {"feature"}
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
