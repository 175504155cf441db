"""``plan``, ``explain`` and ``diff`` as people and programs call them, on real specifications."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.planning.explain import Explainer
from agent_dispatcher_builtins import default_plugins

ROOT = Path(__file__).parents[3]
LIBRARY = ROOT / "docs" / "examples" / "lending-library"
MIGRATIONS = ROOT / "plugin_examples" / "migrations-first" / "src"

#: Two developers' tasks, of which one is listed before what it needs.
TASKS = """\
format: agent-dispatcher/specification
version: 1
title: Lending
requirements:
  - {id: R1, text: Loans are listed.}
  - {id: R2, text: Loans are counted.}
tasks:
  - {id: Q, title: List what is out, description: SELECT * FROM loans, requirements: [R1], produces: [path: src/list.py]}
  - {id: M, title: Migration for loans, produces: [path: db/migrations/0001_create_loans.sql], depends_on: []}
  - {id: P, title: Print what is out, consumes: [path: src/list.py], produces: [path: src/print.py]}
  - {id: W, title: Write the front page, produces: [path: src/page.py]}
"""

Dispatch = Callable[..., Any]


@pytest.fixture
def lending(tmp_path: Path) -> Path:
    """A specification that lists its tasks."""
    path = tmp_path / "lending.yaml"
    path.write_text(TASKS, encoding="utf-8")
    return path


# --- plan -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_the_table_fits_the_terminal(dispatch: Dispatch, columns: str) -> None:
    """No line is wider than the terminal, every task has its line, and the names in it can be typed."""
    ended = dispatch("plan", LIBRARY, env={"COLUMNS": columns})
    assert (ended.code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line for line in lines if len(line) > int(columns)] == []
    names = [found[1] for line in lines if (found := re.match(r" {0,4}\d* +(?:\* )? *([a-z]+(?:-[a-z]+)*) {2,}", line))]
    assert len(names) == 29
    plan = AgentDispatcher(plugins=default_plugins(), discover=False).plan(LIBRARY)
    for name in names:
        assert [task.id for task in plan.tasks if task.id.startswith(name)], name


def test_the_table_says_what_a_newcomer_asks(dispatch: Dispatch, lending: Path) -> None:
    """How much, how long, in which order, what decides it, and which requirement nobody serves."""
    ended = dispatch("plan", lending)
    assert "4 tasks in 2 phases" in ended.stdout
    assert re.search(r"^ {4}2  \* P +Print what is out +code +\S.* Q$", ended.stdout, re.MULTILINE)
    assert "* on the critical path: 2 tasks" in ended.stdout
    assert "1 of 2 requirements have a task; without one: R2" in ended.stdout
    assert "no task serves" not in ended.stderr


def test_a_long_plan_is_shown_in_extracts(dispatch: Dispatch, tmp_path: Path) -> None:
    """Five hundred tasks take a few screens, the critical ones among them, and what is left out is counted; ``--full`` leaves nothing out."""
    rows = [
        f"  - {{id: T{n}, title: Task number {n}, depends_on: [{f'T{n - 50}' if n >= 50 else ''}]}}" for n in range(500)
    ]
    path = tmp_path / "long.yaml"
    head = "format: agent-dispatcher/specification\nversion: 1\ntitle: Long\nrequirements: [{id: R, text: x}]\ntasks:\n"
    path.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    short, full = dispatch("plan", path).stdout, dispatch("plan", path, "--full").stdout
    assert "500 tasks in 10 phases" in short
    assert len(short.splitlines()) < 100
    assert len(re.findall(r"Task number \d+", short)) + sum(map(int, re.findall(r"… (\d+) more", short))) == 500
    assert len(re.findall(r"Task number \d+", full)) == 500


def test_only_what_is_ahead_is_counted_on_the_critical_path(dispatch: Dispatch, tmp_path: Path) -> None:
    """Tasks that are done take no time any more."""
    todo = tmp_path / "TODO.md"
    todo.write_text("- [x] 1. Dig\n- [ ] 2. Sow (after task 1)\n- [ ] 3. Water (after task 2)\n", encoding="utf-8")
    assert "* on the critical path: 2 tasks, 2 min if" in dispatch("plan", todo).stdout


def test_few_long_phases_fill_a_screen(dispatch: Dispatch, tmp_path: Path) -> None:
    """As many lines as a plan that is shown whole may have; tasks without names of their own stand as they are listed."""
    todo = tmp_path / "TODO.md"
    titles = [f"{word} {number}" for number, word in enumerate(["Zeal", "Ant", "Moor", "Bell"] * 20, 1)]
    todo.write_text("".join(f"- [ ] {title}\n" for title in titles), encoding="utf-8")
    ended = dispatch("plan", todo, env={"COLUMNS": "120"})
    shown = re.findall(r"(?:Zeal|Ant|Moor|Bell) \d+", ended.stdout)
    assert shown[0] in titles  # the critical one
    assert shown[1:] == [title for title in titles if title != shown[0]][:59]
    assert "… 20 more: 20 code" in ended.stdout


def test_a_plan_is_written_as_its_name_says(dispatch: Dispatch, lending: Path, tmp_path: Path) -> None:
    """A page, a plan file; anything else is refused with what there is, and nothing is written."""
    assert dispatch("plan", lending, "--output", "plan.html").code == 0
    assert (tmp_path / "plan.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert dispatch("plan", lending, "--output", "plan.json").code == 0
    refused = dispatch("plan", lending, "--output", "plan.pdf")
    assert (refused.code, refused.stdout) == (2, "")
    assert "a plan can be written as .json, .html, not as .pdf" in refused.stderr
    missing = dispatch("plan", lending, "--output", "nowhere/plan.html")
    assert (missing.code, "there is no folder nowhere" in missing.stderr) == (2, True)
    assert sorted(path.name for path in tmp_path.glob("plan.*")) == ["plan.html", "plan.json"]


def test_whoever_shows_plans_can_be_replaced(lending: Path, tmp_path: Path) -> None:
    """Without the builtin page nobody writes ``.html``; the core knows no other."""
    from agent_dispatcher.errors import UsageError

    rest = [(name, plugin) for name, plugin in default_plugins() if name != "html-report"]
    dispatcher = AgentDispatcher(plugins=rest, discover=False)
    with pytest.raises(UsageError, match=r"a plan can be written as \.json, not as \.html"):
        dispatcher.write_plan(dispatcher.plan(lending), tmp_path / "plan.html")


# --- explain ----------------------------------------------------------------------------------------------------------


def test_why_one_waits_for_the_other(dispatch: Dispatch, lending: Path) -> None:
    """The rule, how sure it is, what it saw, where, and what it costs."""
    ended = dispatch("explain", lending, "P", "Q")
    said = " ".join(ended.stdout.split())
    assert ended.code == 0
    assert said.startswith("P Print what is out waits for Q List what is out binding, confidence 0.90")
    assert 'rule artifacts (data, 0.90): "Print what is out" needs' in said
    assert "src/list.py" in said
    assert "lending.yaml:10)" in said
    assert "Cost: without this edge the critical path would take" in said


def test_why_neither_waits(dispatch: Dispatch, lending: Path) -> None:
    """That they may run at the same time, and that nobody wanted otherwise."""
    said = " ".join(dispatch("explain", lending, "W", "Q").stdout.split())
    assert "W Write the front page and Q List what is out may run at the same time" in said
    assert "No path of binding dependencies leads from one to the other" in said
    assert "No rule wanted an order between them." in said


def test_a_test_and_its_subject_share_a_gate(dispatch: Dispatch) -> None:
    """They are written at the same time; only the landing waits."""
    said = " ".join(dispatch("explain", LIBRARY, "model-book", "test-model-book").stdout.split())
    assert "lands only after test-model-book Test the model book" in said
    assert "Both may be worked on at the same time" in said


def test_everything_about_a_task(dispatch: Dispatch) -> None:
    """Its requirements with text and place, who does it, what it waits for and what for it."""
    ended = dispatch("explain", LIBRARY, "storage")
    said = " ".join(ended.stdout.split())
    assert "FR-1: The library registers members." in said
    assert "(specification.yaml:" in said
    assert "agent type code-writer" in said
    assert "lands after its test: test-storage" in said
    assert "Waited for by: - operations-book" in said
    document = dispatch("explain", LIBRARY, "storage", "--json").document
    assert (document["format"], document["about"]) == ("agent-dispatcher/explanation", "task")
    assert document["agent_types"][0]["accepts"]
    assert document["run"] is None


def test_what_costs_the_most_time(dispatch: Dispatch, lending: Path) -> None:
    """By rule and by edge; as JSON for programs."""
    said = dispatch("explain", lending, "--serial").stdout
    assert "P Print what is out waits for Q List what is out" in said
    assert "60 s less without the 1 edge that binds only by artifacts" in said
    document = dispatch("explain", lending, "--serial", "--json").document
    (edge,) = document["edges"]
    assert (edge["before"].startswith("list-what-is-out"), edge["saved_s"]) == (True, 60)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["W", "P2"], "there is no task 'P2'; did you mean P"),
        (["Print", "P"], "'P' is named twice"),
        ([], "name one task, or two, or give --serial"),
        (["P", "--serial"], "name one task, or two, or give --serial"),
        (["P", "Q", "W"], "name one task, or two, or give --serial"),
    ],
)
def test_what_cannot_be_explained_is_a_matter_of_usage(
    dispatch: Dispatch, lending: Path, arguments: list[str], said: str
) -> None:
    """Exit code 2, close matches, and nothing on stdout."""
    ended = dispatch("explain", lending, *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr


@pytest.mark.parametrize("source", ["nowhere.yaml", "nothing/there", "20260101-000000-0000"])
def test_a_source_that_is_not_there(dispatch: Dispatch, source: str) -> None:
    """Neither file nor folder nor run."""
    ended = dispatch("explain", source, "P")
    assert (ended.code, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
    assert source in ended.stderr


@pytest.mark.parametrize("command", [["plan"], ["explain", "Q"], ["explain", "Q", "W"]])
def test_terminal_codes_in_a_title_do_not_get_through(dispatch: Dispatch, tmp_path: Path, command: list[str]) -> None:
    """What a specification says cannot move the cursor, hide a line or ring the bell."""
    path = tmp_path / "hostile.yaml"
    path.write_text(TASKS.replace("List what is out", '"List \\e[2J\\e]0;x\\a what\\u202e is out"'), encoding="utf-8")
    ended = dispatch(command[0], path, *command[1:])
    assert ended.code == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", ended.stdout)


def test_a_third_party_rule_and_its_veto_are_named(lending: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of another package changes the plan, and the explanation names it with its evidence; so does its veto."""
    monkeypatch.syspath_prepend(str(MIGRATIONS))
    from migrations_first.hooks import plugin  # type: ignore[import-not-found]

    text = lending.read_text(encoding="utf-8")
    without = AgentDispatcher(plugins=default_plugins(), discover=False).plan(lending)
    assert (without.task("M").id, without.task("Q").id) not in without.binding_edges()
    dispatcher = AgentDispatcher(plugins=[*default_plugins(), ("migrations-first", plugin)], discover=False)
    plan = dispatcher.plan(lending)
    found = Explainer(plan).pair(plan.task("Q"), plan.task("M"))
    assert (found.relation, found.after.source_id or found.after.id) == ("waits", "Q")
    assert [reason.rule for reason in found.path[0].reasons] == ["migrations-first"]
    assert '"FROM loans"' in found.path[0].reasons[0].evidence
    assert found.path[0].reasons[0].source.endswith("lending.yaml:8")
    lending.write_text(text.replace("depends_on: []", "depends_on: [Q]"), encoding="utf-8")
    plan = dispatcher.plan(lending)
    found = Explainer(plan).pair(plan.task("Q"), plan.task("M"))
    assert (found.relation, found.after.source_id or found.after.id) == ("waits", "Q")
    (vetoed,) = [each for each in found.dropped if each.kind == "veto"]
    assert "(rule migrations-first)" in vetoed.why
    assert "a migration never waits for the code that uses its table" in vetoed.why
    for name in [name for name in sys.modules if name.partition(".")[0] == "migrations_first"]:
        del sys.modules[name]


@pytest.mark.slow
def test_in_a_run_the_status_is_told(dispatch: Dispatch, small: Path) -> None:
    """The run's id in place of the specification: the plan it carries out, and what became of the task."""
    ended = dispatch("run", small, "--output", "out", "--json", "--unsafe-no-sandbox")
    run = ended.document["run"]
    document = dispatch("explain", run, "storage", "--json").document
    assert document["run"]["status"] == "completed"
    assert document["run"]["attempts"] == 1
    said = " ".join(dispatch("explain", run, "storage").stdout.split())
    assert "in the run completed, 1 attempt, code-writer" in said
    assert dispatch("explain", run, "storage", "skeleton").code == 0


# --- diff -------------------------------------------------------------------------------------------------------------


def test_what_a_changed_specification_changes(dispatch: Dispatch, lending: Path, tmp_path: Path) -> None:
    """A plan file, whose specification has changed since, against the specification of today."""
    assert dispatch("plan", lending, "--output", "before.json").code == 0
    text = lending.read_text(encoding="utf-8")
    text = text.replace("Print what is out", "Print and count what is out").replace(
        "Loans are counted.", "Loans are counted daily."
    )
    lending.write_text(
        text + "  - {id: D, title: Describe it, type: documentation, depends_on: [P]}\n", encoding="utf-8"
    )
    ended = dispatch("diff", "before.json", lending)
    said = " ".join(ended.stdout.split())
    assert ended.code == 0
    assert "tasks: 1 added, 0 removed, 1 changed, 3 as they were" in said
    assert "~ P Print and count what is out" in said
    assert "was: P Print what is out" in said
    assert "+ D Describe it waits for P Print and count what is out" in said
    assert "requirements affected: R2" in said
    document = dispatch("diff", "before.json", lending, "--json").document
    assert [task["source_id"] or task["id"] for task in document["tasks"]["added"]] == ["D"]
    assert document["requirements"]["affected"] == ["R2"]


def test_what_goes_on_by_itself_is_told_in_one_line(dispatch: Dispatch, tmp_path: Path) -> None:
    """A task that was only done, or whose estimate was learned, is no news of its own."""
    task = {"id": "a", "title": "A", "estimate_s": 60.0}
    for name, more in (("before", {}), ("after", {"status": "completed", "estimate_s": 5.0})):
        plan = AgentDispatcher(plugins=[], discover=False).plan_tasks([{**task, **more}, {"id": "b", "title": "B"}])
        AgentDispatcher(plugins=[], discover=False).write_plan(plan, tmp_path / f"{name}.json")
    said = dispatch("diff", "before.json", "after.json").stdout
    assert "  ~ in status or estimate alone: a\n" in said
    assert "0 added, 0 removed, 1 changed, 1 as they were" in said


def test_no_difference(dispatch: Dispatch, lending: Path) -> None:
    """Said in one line; the exit code is 0 either way."""
    ended = dispatch("diff", lending, lending)
    assert (ended.code, ended.stdout) == (0, "no difference: 4 tasks\n")


# --- real specifications ----------------------------------------------------------------------------------------------

SAMPLES = ROOT.parent / "shared" / "specs"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no folder `shared` with sample specifications beside the repository")
@pytest.mark.parametrize("folder", ["spec-kit", "taskmaster"])
def test_strangers_specifications_are_explained(tmp_path: Path, folder: str) -> None:
    """Every sample: every binding edge has a reason, every task and pair of neighbours an explanation, and the page is written."""
    dispatcher = AgentDispatcher(plugins=default_plugins(), discover=False)
    for sample in sorted((SAMPLES / folder).iterdir()):
        plan = dispatcher.plan(shutil.copytree(sample, tmp_path / sample.name))
        explainer = Explainer(plan)
        for before, after in plan.binding_edges():
            found = explainer.pair(plan.task(before), plan.task(after))
            assert (found.relation, found.before.id, found.after.id) == ("waits", before, after)
            assert all(hop.reasons for hop in found.path if hop.kind == "dependency")
        for task in plan.tasks:
            about = explainer.task(task)
            assert len(about.waits_for) >= sum(each.after == task.id for each in plan.dependencies)
        dispatcher.write_plan(plan, tmp_path / f"{sample.name}.html")
        page = (tmp_path / f"{sample.name}.html").read_text(encoding="utf-8")
        data = re.search(r'id="geometry">(.*?)</script>', page)
        assert data is not None
        assert len(json.loads(data[1])["nodes"]) == len(plan.tasks)
