"""The order that a list states: checkpoints, declared tasks, the dialect of cc-sdd, waves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.kiro.options import KiroOptions
from agent_dispatcher_builtins.specifications.kiro.order import is_checkpoint

Read = Callable[..., Specification]
Orders = Callable[..., set[tuple[str, str]]]


def pairs(text: str) -> set[tuple[str, str]]:
    return {(before, after) for before, after in (each.split(">") for each in text.split())}


def test_the_list_alone_is_no_order(orders: Orders) -> None:
    """Its numbers say where a task stands, not what it waits for."""
    assert orders("- [ ] 1. Red\n- [ ] 2. Green\n  - [ ] 2.1 Dark\n  - [ ] 2.2 Light\n- [ ] 3. Blue\n") == set()


def test_a_checkpoint_stands_between_what_is_before_and_behind(orders: Orders) -> None:
    """On its own level: the last inside a whole closes that whole, and holds nobody outside."""
    text = """\
- [ ] 1. Red
- [ ] 2. Green
  - [ ] 2.1 Dark
  - [ ] 2.2 Checkpoint - Ensure it is green
  - [ ] 2.3 Light
- [ ] 3. Checkpoint
- [ ] 4. Blue
- [ ] 5. Final checkpoint - Ensure all tests pass
"""
    inside = pairs("2.1>2.2 2.2>2.3 2.1>2.3")
    first = pairs("1>3 2.1>3 2.2>3 2.3>3 3>4 4>5 3>5")
    across = {(a, b) for a in ("1", "2.1", "2.2", "2.3") for b in ("4", "5")}
    found = {pair for pair in orders(text) if "2" not in pair}
    assert found == inside | first | across


def test_what_is_left_out_holds_no_checkpoint(read: Read) -> None:
    """Nothing waits for an optional task that nobody does."""
    found = read("- [ ] 1. Red\n- [ ]* 2. Green\n- [ ] 3. Checkpoint\n")
    optional = found.tasks[1].id
    assert not any(optional in phase.tasks for phase in found.phases)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Checkpoint", True),
        ("Checkpoint - Ensure all tests pass", True),
        ("Final checkpoint — all green", True),
        ("Phase 2 Checkpoint: stop here", True),
        ("**Checkpoint** verify", True),
        ("チェックポイント - テストを確認", True),
        ("最终检查点：全部通过", True),
        ("체크포인트 - 확인", True),
        ("Контрольная точка: тесты", True),
        ("Checkpoint storage in the database", False),
        ("Add checkpoint instructions", False),
        ("Write property test for checkpoint defaulting", False),
    ],
)
def test_checkpoints_are_known_by_their_title(title: str, expected: bool) -> None:
    """In several languages; work on checkpoints is none."""
    assert is_checkpoint(title) is expected


def test_declared_tasks_come_first(orders: Orders, read: Read) -> None:
    """With the line of the declaration, and nothing else is ordered by it when the list is free."""
    text = "- [ ] 1. Red\n- [ ] 2. Green\n- [ ] 3. Blue\n  - Dependencies: 1\n"
    assert orders(text) == pairs("1>3")
    (declared,) = read(text).tasks[2].depends_on
    assert declared.source == "tasks.md:4"


def test_nobody_waits_for_what_is_left_out(read: Read) -> None:
    """A declared order on an optional task that is left out is told and not kept."""
    found = read("- [ ]* 1. Red\n- [ ] 2. Green\n  - Dependencies: 1\n")
    assert found.tasks[1].depends_on == ()
    assert "tasks.md:3: 2 depends on 1, which is left out: it does not wait for it" in found.warnings


CC_SDD = """\
- [ ] 1. Ground
- [ ] 1.1 Red
- [ ] 1.2 Green
- [ ] 2. Core
- [ ] 2.1 (P) Blue
  - _Boundary: Paint_
- [ ] 2.2 (P) White
  - _Boundary: Paint, Brush_
  - _Depends: 1.1_
- [ ] 2.3 Black
- [ ] 3. Grey (P)
- [ ] 4. Brown
"""


def test_in_cc_sdd_a_task_waits_for_all_before_it_unless_marked(orders: Orders) -> None:
    """Those marked run beside those right before them: inside their whole, or their whole beside the one before."""
    core = {(a, b) for a in ("1.1", "1.2") for b in ("2.1", "2.2", "2.3", "3", "4")}
    rest = pairs("1.1>1.2 2.1>2.3 2.2>2.3 2.1>4 2.2>4 2.3>4 3>4")
    assert {pair for pair in orders(CC_SDD) if not {"1", "2"} & set(pair)} == core | rest


def test_nothing_inferred_orders_what_is_marked(orders: Orders) -> None:
    """The author says that they are independent; what a file name suggests does not count against that."""
    text = "- [ ] 1. (P) Write `src/a.py`\n- [ ] 2. (P) Write `src/b.py` using `src/a.py`\n"
    assert orders(text) == set()
    assert orders(text.replace("(P) ", "")) == pairs("1>2")


def test_tasks_with_one_boundary_are_kept_apart(read: Read) -> None:
    """The component is a thing there is only once."""
    found = {
        task.source_id: [each.name for each in task.consumes if each.type == "resource"] for task in read(CC_SDD).tasks
    }
    assert (found["2.1"], found["2.2"], found["2.3"]) == (["Paint"], ["Paint", "Brush"], [])


def test_a_checkpoint_in_cc_sdd_is_passed_by_nobody(orders: Orders) -> None:
    """Not even by a task that is marked right behind it."""
    assert ("2", "3") in orders("- [ ] 1. (P) Red\n- [ ] 2. Checkpoint\n- [ ] 3. (P) Blue\n")


@pytest.mark.parametrize("files", [{"spec": '{"approvals": {"tasks": {"approved": true}}}'}, {"bugfix": "# Bugfix\n"}])
def test_spec_json_and_bugfixes_mean_the_listed_order(orders: Orders, files: dict[str, str]) -> None:
    """cc-sdd says so, and a fault is shown before it is mended."""
    assert orders("- [ ] 1. Red\n- [ ] 2. Green\n", **files) == pairs("1>2")


@pytest.mark.parametrize(("order", "expected"), [("listed", "1>2"), ("free", ""), ("auto", "")])
def test_the_option_decides(read: Read, order: str, expected: str) -> None:
    """Whatever the list looks like."""
    found = read("- [ ] 1. Red\n- [ ] 2. Green\n", options=KiroOptions(order=order))
    names = {task.id: task.source_id for task in found.tasks}
    by_name = {phase.name: names[phase.tasks[0]] for phase in found.phases}
    ordered = {(by_name[each.phase], by_name[phase.name]) for phase in found.phases for each in phase.after}
    assert ordered == pairs(expected)


WAVES = """\
- [ ] 1. Red
- [ ] 2. Green
  - [ ] 2.1 Dark
  - [ ] 2.2 Light
- [ ] 3. Blue

## Task Dependency Graph

```json
{WAVES}
```
"""


@pytest.mark.parametrize(
    "waves",
    [
        '{"waves": [{"id": 0, "tasks": ["1"]}, {"id": 1, "tasks": ["2.1", "2.2"]}, {"id": 2, "tasks": ["3"]}]}',
        '{"waves": [{"wave": 1, "tasks": [1]}, {"wave": 2, "tasks": ["2"], "description": "x"}, {"wave": 3, "tasks": [3]}]}',
        '{"waves": [["1"], ["2.1", "2.2"], ["3"]]}',
        '{"waves": [{"id": 0, "tasks": ["1"]}, {"id": 1, "tasks": ["2"], "dependsOn": [0]}, {"id": 2, "tasks": ["3"], "depends_on": [1]}]}',
    ],
)
def test_waves_are_hints(read: Read, orders: Orders, waves: str) -> None:
    """A schedule with little confidence, in every way it is written: it orders the queue at most, and binds nobody."""
    text = WAVES.replace("{WAVES}", waves)
    found = read(text)
    names = {task.id: task.source_id for task in found.tasks}
    assert [[names[task] for task in phase.tasks] for phase in found.phases] == [["1"], ["2.1", "2.2"], ["3"]]
    assert [each.confidence for phase in found.phases for each in phase.after] == [0.3, 0.3]
    assert orders(text) == set()


@pytest.mark.parametrize(
    ("waves", "warning"),
    [
        ('{"waves": [{"id": 0, "tasks": ["9"]}]}', "tasks.md:10: wave 0 names 9, which is no task here: ignored"),
        ('{"waves": [{"id": 0}]}', "tasks.md:10: wave 0 has no list of tasks: not used"),
        ('{"waves": 3}', "tasks.md:9: the task graph has no list of waves: not used"),
        ('{"waves": [\n{"id": 0,\n}', "tasks.md:12: the task graph is no JSON"),
        (
            '{"waves": [{"id": 0, "tasks": ["1"]}, {"id": 1, "tasks": ["1"]}]}',
            "tasks.md:10: 1 is in wave 0 and in wave 1",
        ),
    ],
)
def test_what_is_wrong_with_waves_is_told(read: Read, waves: str, warning: str) -> None:
    """With its line; the tasks are read all the same."""
    found = read(WAVES.replace("{WAVES}", waves))
    assert len(found.tasks) == 5
    assert any(each.startswith(warning) for each in found.warnings), found.warnings


@pytest.mark.parametrize(
    "graph",
    [
        "```\n1 --> 2.1 --> 3\n```",
        '```mermaid\ngraph TD\n    T1[Red (1)] --> T2_1["Dark 2"]\n    T2_1 --> T3\n```',
        "```\nTask 1 → Task 2.1\nTask 2.1 → Task 3\n```",
    ],
)
def test_arrows_declare(orders: Orders, graph: str) -> None:
    """What somebody draws between two tasks is an order."""
    text = WAVES.replace("```json\n{WAVES}\n```", graph)
    assert orders(text) == pairs("1>2.1 2.1>3 1>3")
